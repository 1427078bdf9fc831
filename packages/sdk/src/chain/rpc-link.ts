/**
 * One WebSocket to a node that mends itself.
 *
 *   IDLE ─start→ CONNECTING ─open→ LIVE ─lost→ WAITING ─back-off over→ CONNECTING; stop → IDLE
 *
 * LIVE holds the calls that wait for an answer; a lost connection forgets them, because their owner makes
 * them anew when it is live again. A connection that says nothing for a while is asked, and replaced
 * when it does not answer. The back-off starts again from its shortest wait once a call succeeded.
 */
import type { AppError } from '@aitbc/protocol';
import { jsonOf } from '../http/client.ts';
import type { OpenSocket, Socket } from '../http/transport.ts';
import { errorOfRpc } from './json-rpc.ts';

const backOffFirstMs = 50;
const backOffMaxMs = 5_000;
const quietMs = 20_000; // twice the heartbeat of blocks
const answerMs = 10_000;

/** Result of a call, or the error the node answered with. */
export type RpcAnswer = { readonly value?: unknown; readonly error?: AppError };

/** What the link tells its owner. */
export interface LinkEvents {
  onLive(): void;
  onLost(): void;
  /** Parameters of a `notify` message. */
  onNotify(params: unknown): void;
}

/** The link. */
export interface RpcLink {
  start(): void;
  stop(): void;
  isLive(): boolean;
  /** Sends a call; the answer may never come when the connection is lost. */
  call(method: string, params: unknown, onAnswer: (answer: RpcAnswer) => void): void;
  /** Drops the connection and connects again after the back-off. */
  restart(): void;
}

/** A link to `url`; nothing is connected before `start`. */
export function createRpcLink(url: string, openSocket: OpenSocket, events: LinkEvents): RpcLink {
  const answers = new Map<number, (answer: RpcAnswer) => void>();
  const state = { isOpen: false, isWanted: false, lastId: 0, failures: 0 };
  const timers: { retry?: Timer; quiet?: Timer } = {};
  let socket: Socket | undefined;

  const call: RpcLink['call'] = (method, params, onAnswer) => {
    state.lastId += 1;
    answers.set(state.lastId, onAnswer);
    socket?.send(JSON.stringify({ jsonrpc: '2.0', id: state.lastId, method, params }));
  };

  const ask = (): void => {
    call('mempool_status', {}, () => {});
    timers.quiet = setTimeout(() => restart(), answerMs);
  };

  const receive = (text: string): void => {
    clearTimeout(timers.quiet);
    timers.quiet = setTimeout(ask, quietMs);
    const message = (jsonOf(text) ?? {}) as Record<string, unknown>;
    if (message.method === 'notify') {
      events.onNotify(message.params);
      return;
    }
    const onAnswer = answers.get(message.id as number);
    answers.delete(message.id as number);
    if (!message.error) state.failures = 0;
    onAnswer?.(message.error ? { error: errorOfRpc(message.error) } : { value: message.result });
  };

  const connect = (): void => {
    const opened: Socket = openSocket(url, {
      onOpen() {
        if (socket !== opened) return;
        state.isOpen = true;
        timers.quiet = setTimeout(ask, quietMs);
        events.onLive();
      },
      onMessage: (text) => (socket === opened ? receive(text) : undefined),
      onClose: () => (socket === opened ? restart() : undefined),
    });
    socket = opened;
  };

  const drop = (): void => {
    clearTimeout(timers.quiet);
    clearTimeout(timers.retry);
    const old = socket;
    socket = undefined;
    state.isOpen = false;
    answers.clear();
    old?.close();
  };

  const restart = (): void => {
    drop();
    events.onLost();
    if (!state.isWanted) return;
    timers.retry = setTimeout(
      connect,
      Math.min(backOffMaxMs, backOffFirstMs * 2 ** state.failures),
    );
    state.failures += 1;
  };

  return {
    start() {
      if (state.isWanted) return;
      state.isWanted = true;
      connect();
    },
    stop() {
      state.isWanted = false;
      drop();
    },
    isLive: () => state.isOpen,
    call,
    restart,
  };
}

type Timer = ReturnType<typeof setTimeout>;
