/**
 * Checks signatures of transactions, in worker threads or in this one.
 *
 * Calls are gathered: those of one turn of the event loop go together, and whatever waits when a worker has room
 * is its next batch, so one transaction is answered at once and a flood goes in batches of hundreds; a hand-over
 * of its own for each would cost as much as half a check. With no workers, and after too many of them have died, this
 * thread checks in slices and lets other work run between two of them. A batch whose worker dies is tried
 * once more and then checked here: every call is answered.
 *
 * Bound: more than `waitingMax` transactions are refused with MEMPOOL_FULL. The answer is that of
 * `verifyTx`: signatures of sender and of fee payer. See docs/spec/chain.md, "Transactions".
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { AppError, type Network, type SignedTx, verifyTx } from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import { createCalls, type Waiting } from './calls.ts';
import { packSignatures, prefixesOf } from './packing.ts';
import { createWorkerPool, type WorkerBatch } from './worker-pool.ts';

const batchTxs = 256; // ten milliseconds of a core: long against the hand-over, short against a block
const sliceTxs = 32; // a bit over a millisecond without looking at anything else
const waitingMax = 16_384;
const attemptsMax = 2;

/** What a verifier is made of. */
export interface VerifierOptions {
  readonly network: Network;
  /** Worker threads; 0 checks in this thread. */
  readonly workers: number;
  /** Program of a worker; the one beside this file when left out. */
  readonly entry?: URL;
}

/** A running verifier. */
export interface Verifier {
  /**
   * For each transaction, whether all its signatures are valid. Throws AppError MEMPOOL_FULL when too many wait,
   * CANCELLED when it is stopped.
   */
  verify(txs: readonly SignedTx[]): Promise<boolean[]>;
  /** Transactions that wait for their answer. */
  waiting(): number;
  /** Signatures of all transactions answered so far. */
  checked(): number;
  stop(): Promise<void>;
}

/** A verifier; its workers run until `stop`. */
export function createVerifier(
  options: VerifierOptions,
  deps: { readonly log: Pick<Log, 'warn'> },
): Verifier {
  const { network, workers } = options;
  const entry = options.entry ?? new URL('./verify-worker.js', import.meta.url);
  const pool = createWorkerPool({ workers, entry }, deps.log);
  const prefixes = prefixesOf(network);
  const calls = createCalls();
  const { queue, settle } = calls;
  let isStopped = false;
  let here: Promise<void> | undefined;
  let gathering: Promise<void> | undefined;

  const checkHere = async (): Promise<void> => {
    while (queue.length > 0 && !isStopped) {
      for (const one of queue.splice(0, sliceTxs)) settle(one, verifyTx(network, one.tx));
      await nextTurn();
    }
    here = undefined;
  };
  const batchOf = (ones: readonly Waiting[]): WorkerBatch => ({
    count: ones.length,
    pack: () =>
      packSignatures(
        prefixes,
        ones.map(({ tx }) => tx),
      ),
    done(valid) {
      for (const [at, one] of ones.entries()) settle(one, valid[at] === 1);
      dispatch();
    },
    lost() {
      for (const one of ones) one.attempts += 1;
      queue.unshift(...ones);
      dispatch();
    },
  });
  const dispatch = (): void => {
    if (isStopped) return;
    const isTried = (queue[0]?.attempts ?? 0) >= attemptsMax;
    if (pool.count() === 0 || isTried) {
      here ??= checkHere();
      return;
    }
    while (queue.length > 0) {
      const ones = queue.slice(0, batchTxs);
      if (!pool.offer(batchOf(ones))) return;
      queue.splice(0, ones.length);
    }
  };
  const gather = async (): Promise<void> => {
    await nextTurn();
    gathering = undefined;
    dispatch();
  };
  return {
    async verify(txs) {
      if (isStopped) throw new AppError('CANCELLED');
      const count = calls.waiting();
      if (count + txs.length > waitingMax) throw new AppError('MEMPOOL_FULL', { count });
      if (txs.length === 0) return [];
      gathering ??= gather();
      return calls.add(txs);
    },
    waiting: calls.waiting,
    checked: calls.checked,
    async stop() {
      isStopped = true;
      calls.failAll(new AppError('CANCELLED'));
      await pool.stop();
      await Promise.all([here, gathering]);
    },
  };
}
