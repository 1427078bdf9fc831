/**
 * Checks signatures of transactions, in worker threads or in this one.
 *
 * Calls are gathered: those of one turn of the event loop go together, and whatever waits when a worker has room
 * is its next batch, so one transaction is answered at once and a flood goes in batches of hundreds; a hand-over
 * of its own for each would cost as much as half a check. With no workers, and after too many of them have died, this
 * thread checks in slices and lets other work run between two of them. A batch whose worker dies is tried
 * once more and then checked here: every call is answered.
 *
 * A transaction may be wanted twice: a peer passes it on, and a proposal holds it before its turn came. What was found
 * valid is remembered by its id, the hash of all its bytes and signatures, and is not checked again.
 *
 * Bound: more than `waitingMax` transactions are refused with MEMPOOL_FULL. The answer is that of
 * `verifyTx`: signatures of sender and of fee payer. See docs/spec/chain.md, "Transactions".
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createSeenIds } from '@aitbc/chain';
import { AppError, createTxVerifier, type Network, type SignedTx } from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import { type Calls, createCalls, type Waiting } from './calls.ts';
import { packSignatures, prefixesOf, signatureCountOf } from './packing.ts';
import { createWorkerPool, type WorkerBatch } from './worker-pool.ts';

const batchTxs = 256; // ten milliseconds of a core: long against the hand-over, short against a block
const sliceTxs = 32; // a bit over a millisecond without looking at anything else
const waitingMax = 16_384;
const attemptsMax = 2;
const rememberedTxs = 4_096; // those of a second: the other way of a transaction takes no longer, or it is checked again

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
   * For each transaction, whether all its signatures are valid. Rejects with AppError MEMPOOL_FULL when too many wait,
   * CANCELLED when it is stopped.
   */
  verify(txs: readonly SignedTx[]): Promise<boolean[]>;
  /** True when all signatures of all transactions are valid; checked at once and in this thread. */
  verifyNow(txs: readonly SignedTx[]): boolean;
  /** Transactions that wait for their answer. */
  waiting(): number;
  /** Signatures checked so far. */
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
  const checks = createChecks(network);
  let isStopped = false;
  let here: Promise<void> | undefined;
  let gathering: Promise<void> | undefined;

  const checkHere = async (): Promise<void> => {
    while (queue.length > 0 && !isStopped) {
      for (const one of queue.splice(0, sliceTxs)) settle(one, checks.isValid(one.tx));
      await nextTurn();
    }
    here = undefined;
  };
  const batchOf = (ones: readonly Waiting[]): WorkerBatch => ({
    count: ones.length,
    pack: () => packSignatures(prefixes, txsOf(ones)),
    done(valid) {
      for (const [at, one] of ones.entries()) settle(one, checks.note(one.tx, valid[at] === 1));
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
      const ones = takeUnchecked(calls, checks.isKnown);
      if (ones.length === 0 || pool.offer(batchOf(ones))) continue;
      queue.unshift(...ones);
      return;
    }
  };
  const gather = async (): Promise<void> => {
    await nextTurn();
    gathering = undefined;
    dispatch();
  };
  return {
    verify(txs) {
      if (isStopped) return Promise.reject(new AppError('CANCELLED'));
      const count = calls.waiting();
      if (count + txs.length > waitingMax) {
        return Promise.reject(new AppError('MEMPOOL_FULL', { count }));
      }
      if (txs.length === 0) return Promise.resolve([]);
      gathering ??= gather();
      return calls.add(txs);
    },
    waiting: calls.waiting,
    verifyNow: (txs) => txs.every(checks.isValid),
    checked: checks.count,
    async stop() {
      isStopped = true;
      calls.failAll(new AppError('CANCELLED'));
      await pool.stop();
      await Promise.all([here, gathering]);
    },
  };
}

const txsOf = (ones: readonly Waiting[]): SignedTx[] => ones.map(({ tx }) => tx);

/** The next batch; those that were found valid while they waited are answered and left out. */
function takeUnchecked(
  { queue, settle }: Pick<Calls, 'queue' | 'settle'>,
  isKnown: (tx: SignedTx) => boolean,
): Waiting[] {
  return queue.splice(0, batchTxs).filter((one) => {
    if (!isKnown(one.tx)) return true;
    settle(one, true);
    return false;
  });
}

/** Checks in this thread, and the memory of all that were made. */
function createChecks(network: Network) {
  const verifyTx = createTxVerifier(network);
  const valid = createSeenIds(rememberedTxs);
  let count = 0;
  const isKnown = ({ txId }: SignedTx): boolean => valid.has(txId);
  const note = (tx: SignedTx, isValid: boolean): boolean => {
    count += signatureCountOf(tx);
    if (isValid) valid.add(tx.txId);
    return isValid;
  };
  return {
    isKnown,
    note,
    isValid: (tx: SignedTx): boolean => isKnown(tx) || note(tx, verifyTx(tx)),
    count: () => count,
  };
}
