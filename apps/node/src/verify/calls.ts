/** Transactions in the order they came, each with the call that waits for it. A call is answered as a whole. */
import type { AppError, SignedTx } from '@aitbc/protocol';

/** A call that waits for its answer. */
interface Call {
  readonly answers: boolean[];
  left: number;
  answer(valid: boolean[]): void;
  fail(error: AppError): void;
}

/** One transaction of a call, and its place there. */
export interface Waiting {
  readonly tx: SignedTx;
  readonly call: Call;
  readonly at: number;
  attempts: number;
}

/** Calls that wait. */
export interface Calls {
  /** Queues the transactions of a call, one at least. */
  add(txs: readonly SignedTx[]): Promise<boolean[]>;
  /** Transactions that nobody works on yet, oldest first. */
  readonly queue: Waiting[];
  settle(one: Waiting, isValid: boolean): void;
  failAll(error: AppError): void;
  /** Transactions without an answer. */
  waiting(): number;
}

/** An empty queue. */
export function createCalls(): Calls {
  const queue: Waiting[] = [];
  const open = new Set<Call>();
  let waiting = 0;
  return {
    queue,
    add: (txs) =>
      new Promise((answer, fail) => {
        const call: Call = { answers: [], left: txs.length, answer, fail };
        open.add(call);
        waiting += txs.length;
        for (const [at, tx] of txs.entries()) queue.push({ tx, call, at, attempts: 0 });
      }),
    settle({ call, at }, isValid) {
      if (!open.has(call)) return;
      waiting -= 1;
      call.answers[at] = isValid;
      call.left -= 1;
      if (call.left > 0) return;
      open.delete(call);
      call.answer(call.answers);
    },
    failAll(error) {
      for (const call of open) call.fail(error);
      open.clear();
      waiting = 0;
    },
    waiting: () => waiting,
  };
}
