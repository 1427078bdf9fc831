import type { TestAnswer } from './test-node.ts';
import { openWire, type Wire } from './web-socket.ts';

/** A notification as a test reads it. */
export interface TestNotification {
  readonly subscription: string;
  readonly topic: string;
  readonly cursor: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into the data of every topic
  readonly data: any;
}

/** A WebSocket that keeps everything it was told. */
export interface TestSocket {
  readonly notifications: TestNotification[];
  readonly answers: TestAnswer[];
  readonly wire: Wire;
  call(method: string, params?: unknown): Promise<TestAnswer>;
  /** Subscribes; throws the code of a refusal. */
  follow(topic: string, cursor?: string): Promise<{ subscription: string; cursor: string }>;
  isClosed(): boolean;
  close(): void;
}

/** Opens a WebSocket to a node. */
export async function openSocket(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<TestSocket> {
  const notifications: TestNotification[] = [];
  const answers: TestAnswer[] = [];
  const waiting = new Map<unknown, (answer: TestAnswer) => void>();
  let closed = false;
  let lastId = 0;
  const onText = (text: string): void => {
    const message = JSON.parse(text);
    if (message.method === 'notify') notifications.push(message.params);
    else {
      answers.push(message);
      waiting.get(message.id)?.(message);
    }
  };
  const onClose = (): void => {
    closed = true;
  };
  const wire = await openWire(url, { onText, onClose }, headers);
  const call = (method: string, params: unknown = {}): Promise<TestAnswer> => {
    lastId += 1;
    const id = `call ${lastId}`;
    wire.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    return new Promise((resolve) => waiting.set(id, resolve));
  };
  return {
    notifications,
    answers,
    wire,
    call,
    async follow(topic, cursor) {
      const { result, error } = await call('subscribe', { topic, ...(cursor ? { cursor } : {}) });
      if (error) throw new Error(error.data.code);
      return result;
    },
    isClosed: () => closed,
    close: () => wire.cut(),
  };
}
