/** A provider of tests that takes relayed calls: the real socket, login and frames, answers as the test gives them. */
import { hex, sign } from '@aitbc/primitives';
import {
  type CoordinatorFrame,
  createRelayLine,
  decodeRelayHead,
  encodeRelayHead,
  loginBytes,
  providerSocketPath,
  type RelayCall,
  type RelayRequest,
  unwrap,
  zRelayAnswer,
  zRelayRequest,
} from '@aitbc/protocol';
import { openSocket } from '@aitbc/sdk';
import { until } from '@aitbc/service';
import { type Identity, network } from '../../testing/harness.ts';

/** A relayed call as its provider sees it. */
export interface ServedCall {
  readonly head: RelayRequest;
  readonly call: RelayCall;
  /** Body so far. */
  body: string;
  hasEnded: boolean;
  /** When it was given up, by `performance.now()`. */
  resetAtMs: number | undefined;
  drains: number;
  answer(status: number, headers?: Record<string, string>): void;
}

/** A connection that takes relayed calls. */
export interface RelayingProvider {
  readonly calls: readonly ServedCall[];
  /** Code with which it was refused. */
  readonly refusal: string | undefined;
  readonly isClosed: boolean;
  /** The call with this number, from 0 on, when it has come. */
  call(at?: number): Promise<ServedCall>;
  sendBytes(bytes: Uint8Array): void;
  close(): void;
}

/** Logs in; resolves when it is welcome. */
export async function connectRelaying(
  url: string,
  identity: Identity,
  { relay = true } = {},
): Promise<RelayingProvider> {
  const calls: ServedCall[] = [];
  const state = { isWelcome: false, isClosed: false, refusal: undefined as string | undefined };
  const line = createRelayLine({
    send: (frame) => socket.send(frame),
    accept: (call) => serve(call, calls),
  });
  const onFrame = (frame: CoordinatorFrame): void => {
    if (frame.type === 'challenge') {
      const { address: provider, accountId, secretKey } = identity;
      const signature = hex(sign(loginBytes(network, accountId, frame.nonce), secretKey));
      const hello = { type: 'hello', provider, endpoint: 'http://127.0.0.1:1', signature };
      socket.send(JSON.stringify(relay ? { ...hello, relay } : hello));
    } else if (frame.type === 'welcome') state.isWelcome = true;
    else if (frame.type === 'refused') state.refusal = frame.error.code;
  };
  const socket = openSocket(`${url.replace(/^http/, 'ws')}${providerSocketPath}`, {
    onOpen: () => {},
    onMessage: (text) => onFrame(JSON.parse(text)),
    onBytes: line.receive,
    onClose() {
      state.isClosed = true;
      line.close();
    },
  });
  await until(() => state.isWelcome, { what: 'the welcome' });
  return {
    calls,
    get refusal() {
      return state.refusal;
    },
    get isClosed() {
      return state.isClosed;
    },
    call: (at = 0) => until(() => calls[at], { what: `call ${at}` }),
    sendBytes: (bytes) => socket.send(bytes),
    close: () => socket.close(),
  };
}

function serve(call: RelayCall, calls: ServedCall[]) {
  let served: ServedCall | undefined;
  return {
    onHead(payload: Uint8Array) {
      served = {
        ...{ call, body: '', hasEnded: false, resetAtMs: undefined, drains: 0 },
        head: unwrap(decodeRelayHead(zRelayRequest, payload)),
        answer: (status, headers = {}) =>
          call.head(unwrap(encodeRelayHead(zRelayAnswer, { status, headers }))),
      };
      calls.push(served);
    },
    onData(bytes: Uint8Array) {
      if (served) served.body += Buffer.from(bytes).toString('latin1');
      call.taken(bytes.length);
    },
    onEnd() {
      if (served) served.hasEnded = true;
    },
    onReset() {
      if (served) served.resetAtMs = performance.now();
    },
    onDrain() {
      if (served) served.drains += 1;
    },
  };
}
