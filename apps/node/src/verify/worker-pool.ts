/**
 * Worker threads that check batches. Each has at most two batches, one in work and one waiting, so that it
 * never idles while there is work. When a thread dies its batches are handed back, each with one attempt
 * more, and another thread takes its place, up to a number of deaths that no bad luck explains.
 */
import { Worker } from 'node:worker_threads';
import type { Log } from '@aitbc/service';
import type { VerifyAnswer, VerifyRequest } from './packing.ts';

const batchesPerWorker = 2;
const deathsMax = 8;

/** A batch for a worker. */
export interface WorkerBatch {
  /** Transactions in it. */
  readonly count: number;
  pack(): Uint8Array<ArrayBuffer>;
  done(valid: Uint8Array): void;
  /** The worker died before it answered. */
  lost(): void;
}

/** A set of workers. */
export interface WorkerPool {
  /** Hands a batch to the worker with the least to do; false when all have enough. */
  offer(batch: WorkerBatch): boolean;
  /** Workers alive; 0 for good when too many have died. */
  count(): number;
  stop(): Promise<void>;
}

/** What a pool is made of. */
export interface PoolOptions {
  readonly workers: number;
  readonly entry: URL;
}

interface Thread {
  readonly worker: Worker;
  readonly batches: Map<number, WorkerBatch>;
}

/** Starts the workers. */
export function createWorkerPool(options: PoolOptions, log: Pick<Log, 'warn'>): WorkerPool {
  const threads = new Set<Thread>();
  let nextId = 0;
  let deaths = 0;
  let isStopped = false;

  const start = (): void => {
    // Flags of this process (inspector, import conditions of a test run) are not meant for its workers.
    const worker = new Worker(options.entry, { execArgv: [] });
    const thread: Thread = { worker, batches: new Map() };
    threads.add(thread);
    worker.unref();
    worker.on('message', ({ id, valid }: VerifyAnswer) => {
      const batch = thread.batches.get(id);
      thread.batches.delete(id);
      if (thread.batches.size === 0) worker.unref();
      batch?.done(valid);
    });
    worker.on('error', (error) => log.warn({ reason: error.message }, 'a verify worker failed'));
    worker.once('exit', () => bury(thread));
  };
  const bury = (thread: Thread): void => {
    threads.delete(thread);
    deaths += 1;
    if (!isStopped && deaths <= deathsMax) start();
    for (const batch of thread.batches.values()) batch.lost();
  };
  const idlest = (): Thread | undefined => {
    let best: Thread | undefined;
    for (const thread of threads) {
      if (!best || thread.batches.size < best.batches.size) best = thread;
    }
    return best;
  };
  for (let count = 0; count < options.workers; count += 1) start();
  return {
    offer(batch) {
      const thread = idlest();
      if (!thread || thread.batches.size >= batchesPerWorker) return false;
      nextId += 1;
      const packed = batch.pack();
      const request: VerifyRequest = { id: nextId, count: batch.count, packed };
      thread.batches.set(nextId, batch);
      thread.worker.ref();
      thread.worker.postMessage(request, [packed.buffer]);
      return true;
    },
    count: () => threads.size,
    async stop() {
      isStopped = true;
      await Promise.all([...threads].map(({ worker }) => worker.terminate()));
    },
  };
}
