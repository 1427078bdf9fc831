/**
 * Batches of transactions to a node as binary frames on a WebSocket of their own, opened by the first one.
 *
 * A batch whose answer was lost with the connection is UNAVAILABLE: some of its transactions may have been taken,
 * and whoever sends them again hears TX_DUPLICATE for those. Nothing is sent twice from here. See
 * docs/spec/wire.md, "Batches of bytes".
 */
import {
  AppError,
  decodeTxReply,
  encodeTxBatch,
  limits,
  nextRequestId,
  type TxOutcome,
  type TxReply,
} from '@aitbc/protocol';
import { abortError, type OpenSocket, type Socket, withDeadline } from '../http/transport.ts';

/** Batches that may wait for their answers: no more than a node lets be under way. */
const waitingMax = 16;
/** Room for the head of a frame within `limits.bodyBytes`. */
const headBytes = 16;

/** Sends batches. */
export interface TxBatches {
  /** Outcomes in the order of the transactions. Throws UNAVAILABLE, TIMEOUT, CANCELLED, RATE_LIMITED, or what the node says of the frame. */
  send(txs: readonly Uint8Array[], signal?: AbortSignal): Promise<readonly TxOutcome[]>;
  /** Ends the connection; batches under way are UNAVAILABLE. */
  close(): void;
}

/** Where batches go. */
export interface TxBatchesOptions {
  readonly url: string;
  /** Longest wait for an answer. */
  readonly timeoutMs: number;
}

interface Waiter {
  resolve(reply: TxReply): void;
  reject(error: AppError): void;
}

interface Line {
  readonly socket: Socket;
  readonly opened: Promise<void>;
  readonly waiters: Map<number, Waiter>;
}

/** Batches to the WebSocket at `url`; nothing is connected before the first. */
export function createTxBatches(
  { url, timeoutMs }: TxBatchesOptions,
  openSocket: OpenSocket,
): TxBatches {
  let line: Line | undefined;
  let lastId = 0;
  const lineOf = (): Line => {
    line ??= openLine(url, openSocket, () => {
      line = undefined;
    });
    return line;
  };
  return {
    send(txs, signal) {
      assertFits(txs);
      return withDeadline({ what: url, timeoutMs, signal }, async (deadline) => {
        const { socket, opened, waiters } = lineOf();
        if (waiters.size >= waitingMax)
          throw new AppError('RATE_LIMITED', { retryAfterSeconds: 1 });
        lastId = nextRequestId(lastId);
        const requestId = lastId;
        const reply = waitFor(waiters, requestId, deadline);
        opened.then(
          () => {
            if (waiters.has(requestId)) socket.send(encodeTxBatch({ requestId, txs }));
          },
          () => {}, // the waiter hears it
        );
        return outcomesOf(await reply, txs.length, url);
      });
    },
    close() {
      line?.socket.close();
      failAll(line, 'this client was closed');
      line = undefined;
    },
  };
}

/** Throws what the node would say, before anything is sent. */
function assertFits(txs: readonly Uint8Array[]): void {
  if (txs.length < 1 || txs.length > limits.frameTxs) {
    const reason = `a batch holds 1 to ${limits.frameTxs} transactions, not ${txs.length}`;
    throw new AppError('BAD_REQUEST', { reason });
  }
  const sizeBytes = txs.reduce((sum, tx) => sum + tx.length + 4, headBytes);
  if (sizeBytes <= limits.bodyBytes) return;
  throw new AppError('PAYLOAD_TOO_LARGE', { sizeBytes, limitBytes: limits.bodyBytes });
}

function openLine(url: string, openSocket: OpenSocket, onEnd: () => void): Line {
  const waiters: Line['waiters'] = new Map();
  const gate: { open: () => void; fail: (error: unknown) => void } = { open() {}, fail() {} };
  const opened = new Promise<void>((resolve, reject) => {
    gate.open = resolve;
    gate.fail = reject;
  });
  opened.catch(() => {}); // whoever waits hears it through its waiter
  const socket = openSocket(url, {
    onOpen: () => gate.open(),
    onMessage() {},
    onBytes(bytes) {
      const reply = decodeTxReply(bytes);
      if (!reply.ok) return socket.close(); // then `onClose` ends those who wait
      waiters.get(reply.value.requestId)?.resolve(reply.value);
    },
    onClose(reason) {
      const error = new AppError('UNAVAILABLE', { what: url, reason });
      gate.fail(error);
      failAll({ waiters }, reason, url);
      onEnd();
    },
  });
  return { socket, opened, waiters };
}

function waitFor(
  waiters: Line['waiters'],
  requestId: number,
  signal: AbortSignal,
): Promise<TxReply> {
  return new Promise<TxReply>((resolve, reject) => {
    waiters.set(requestId, { resolve, reject });
    signal.addEventListener('abort', () => reject(abortError(signal)), { once: true });
  }).finally(() => waiters.delete(requestId));
}

function failAll(line: Pick<Line, 'waiters'> | undefined, reason: string, what = 'the node'): void {
  for (const { reject } of line?.waiters.values() ?? []) {
    reject(new AppError('UNAVAILABLE', { what, reason }));
  }
}

function outcomesOf(reply: TxReply, count: number, url: string): readonly TxOutcome[] {
  if ('fault' in reply) throw new AppError(reply.fault.code, { reason: reply.fault.reason });
  if (reply.outcomes.length === count) return reply.outcomes;
  const reason = `it answered ${reply.outcomes.length} outcomes for ${count} transactions`;
  throw new AppError('ANSWER_INVALID', { what: url, reason });
}
