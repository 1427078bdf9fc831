/** A coordinator of tests that relays: it welcomes whoever comes, and the test makes calls on the line. */
import {
  type CoordinatorFrame,
  createRelayLine,
  decodeRelayHead,
  encodeRelayHead,
  type ProviderFrame,
  providerSocketPath,
  type RelayAnswer,
  type RelayCall,
  type RelayLine,
  unwrap,
  zProviderFrame,
  zRelayAnswer,
  zRelayRequest,
} from '@aitbc/protocol';
import { createHttp, createLog, type JsonSocket, mountSocket, until } from '@aitbc/service';

/** A call that the test makes over the line. */
export interface RelayedCall {
  readonly call: RelayCall;
  /** Head of the answer, when it has come. */
  head(): Promise<RelayAnswer>;
  /** Whole text of the answer. */
  text(): Promise<string>;
  /** Text so far. */
  soFar(): string;
  /** The provider gave it up. */
  isReset(): boolean;
}

/** What to call. */
export interface Wish {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly from?: string;
  /** Takes nothing of the answer. */
  readonly isDeaf?: boolean;
}

/** The running coordinator. */
export interface RelayingCoordinator {
  readonly url: string;
  readonly frames: readonly ProviderFrame[];
  call(wish: Wish): RelayedCall;
  /** Sends bytes as a frame. */
  sendBytes(bytes: Uint8Array): void;
  /** Ends the newest connection. */
  cut(): void;
  stop(): Promise<void>;
}

/** Starts it. */
export async function startRelayingCoordinator(): Promise<RelayingCoordinator> {
  const log = createLog({ name: 'test', level: 'silent' });
  const http = createHttp({ name: 'coordinator', log, closeGraceMs: 10 });
  const frames: ProviderFrame[] = [];
  const state: { socket?: JsonSocket; line?: RelayLine } = {};
  await mountSocket(http.app, providerSocketPath, {
    log,
    onOpen(socket) {
      const line = createRelayLine({ send: (frame) => void socket.sendBytes(frame) });
      const say = (frame: CoordinatorFrame) => socket.send(frame);
      say({ type: 'challenge', nonce: 'ab'.repeat(32) });
      return {
        onMessage(value) {
          const frame = zProviderFrame.parse(value);
          frames.push(frame);
          if (frame.type !== 'hello') return;
          Object.assign(state, { socket, line });
          say({ type: 'welcome', leaseMs: 15_000, heartbeatMs: 5_000 });
        },
        onBytes: line.receive,
        onClose: line.close,
      };
    },
  });
  const url = await http.listen({ host: '127.0.0.1', port: 0 });
  return {
    url,
    frames,
    call: (wish) => callOver(state.line as RelayLine, wish),
    sendBytes: (bytes) => void state.socket?.sendBytes(bytes),
    cut: () => state.socket?.close(),
    stop: () => http.close(),
  };
}

function callOver(line: RelayLine, wish: Wish): RelayedCall {
  const { method = 'POST', path, headers = {}, body, from = '203.0.113.9', isDeaf = false } = wish;
  const heard = { head: undefined as RelayAnswer | undefined, text: '', hasEnded: false };
  let isReset = false;
  const call = line.open((self) => ({
    onHead(payload) {
      heard.head = unwrap(decodeRelayHead(zRelayAnswer, payload));
    },
    onData(bytes) {
      heard.text += Buffer.from(bytes).toString('utf8');
      if (!isDeaf) self.taken(bytes.length);
    },
    onEnd() {
      heard.hasEnded = true;
    },
    onReset() {
      isReset = true;
    },
    onDrain() {},
  }));
  call.head(unwrap(encodeRelayHead(zRelayRequest, { method, path, headers, from })));
  if (body !== undefined) call.send(Buffer.from(body));
  call.end();
  return {
    call,
    head: () => until(() => heard.head, { what: 'the head' }),
    text: () => until(() => heard.hasEnded, { what: 'the end' }).then(() => heard.text),
    soFar: () => heard.text,
    isReset: () => isReset,
  };
}
