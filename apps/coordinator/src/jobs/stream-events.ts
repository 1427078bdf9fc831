/**
 * Server-sent events of a job or a batch.
 *
 * A stream of a job says how the job is now, and again when that has changed. A stream of a batch is a walk along the
 * numbers of its ended jobs: the number is the event's id, so a reader that comes back with Last-Event-ID
 * misses nothing and gets nothing twice. A reader that is slow is waited for; nothing gathers here for it.
 */
import type { ServerResponse } from 'node:http';
import { terminalStates } from '@aitbc/market';
import { AppError, type Hex, limits } from '@aitbc/protocol';
import type { BatchRows } from '../store/batch-rows.ts';
import type { JobBook } from './job-book.ts';
import { showBatch } from './show-batch.ts';
import { viewOf } from './show-jobs.ts';
import type { JobWatch } from './watch-jobs.ts';

/** Parts behind the streams. */
export interface StreamDeps {
  readonly book: Pick<JobBook, 'get'>;
  readonly batches: BatchRows;
  readonly watch: JobWatch;
}

/** Where a stream is written to. */
export interface StreamTarget {
  readonly raw: ServerResponse;
  /** Called when the stream is sure to begin. */
  begin(): void;
  /** Aborts when the reader has gone. */
  readonly signal: AbortSignal;
}

const sseType = 'text/event-stream; charset=utf-8';
const beatMs = 15_000; // shorter than the silence that proxies bear

/** Writes the states of a job until it has ended. Throws JOB_UNKNOWN, RATE_LIMITED before the first byte. */
export async function streamJob(
  { book, watch }: StreamDeps,
  jobId: Hex,
  target: StreamTarget,
): Promise<void> {
  if (!(await book.get(jobId))) throw new AppError('JOB_UNKNOWN', { jobId });
  let seen = -1;
  await follow(target, { watch, subscribe: (poke) => watch.job(jobId, poke) }, async (write) => {
    const stored = await book.get(jobId);
    if (!stored) return true;
    if (stored.version !== seen) await write(eventText('job', viewOf(stored)));
    seen = stored.version;
    return terminalStates.has(stored.job.state);
  });
}

/** Writes the ended jobs of a batch after a number, and `done`. Throws NOT_FOUND, RATE_LIMITED before the first byte. */
export async function streamBatch(
  { batches, watch }: StreamDeps,
  { batchId, after }: { batchId: Hex; after: number },
  target: StreamTarget,
): Promise<void> {
  await showBatch({ batches }, batchId);
  let last = after;
  const limit: number = limits.pageSize;
  await follow(
    target,
    { watch, subscribe: (poke) => watch.batch(batchId, poke) },
    async (write) => {
      for (let count = limit; count === limit && !target.signal.aborted; ) {
        const ended = await batches.ended(batchId, { after: last, limit });
        count = ended.length;
        last = ended.at(-1)?.done ?? last;
        const events = ended.map(({ done, stored }) => {
          const data = { row: stored.batch?.row ?? 0, job: viewOf(stored) };
          return eventText('job', data, done);
        });
        if (count > 0) await write(events.join(''));
      }
      const batch = await showBatch({ batches }, batchId);
      if (!batch.isDone || last < batch.done) return false;
      await write(eventText('done', batch, last));
      return true;
    },
  );
}

/** What a stream follows. */
export interface Follow {
  readonly watch: Pick<JobWatch, 'isClosed'>;
  subscribe(poke: () => void): () => void;
}

/** Writes what is new; true when nothing can come any more. */
export type Look = (write: (text: string) => Promise<void>) => Promise<boolean>;

/** Looks at once and after each poke, until `look` says that it has seen the end. */
export async function follow(
  { raw, begin, signal }: StreamTarget,
  { watch, subscribe }: Follow,
  look: Look,
): Promise<void> {
  const bell = createBell(signal);
  const unsubscribe = subscribe(bell.ring);
  try {
    begin();
    raw.writeHead(200, {
      'content-type': sseType,
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    const write = async (text: string): Promise<void> => {
      if (!raw.write(text)) await drained(raw);
    };
    for (let isEnd = await look(write); !isEnd; ) {
      const isRung = await bell.wait(beatMs);
      if (signal.aborted || watch.isClosed) return;
      if (isRung) isEnd = await look(write);
      else await write(': waiting\n\n');
    }
  } finally {
    unsubscribe();
    bell.close();
    raw.end();
  }
}

/** Rings are kept: one that comes while nobody waits ends the next wait at once. */
function createBell(signal: AbortSignal) {
  let isRung = false;
  let wake = (): void => {};
  const ring = (): void => {
    isRung = true;
    wake();
  };
  signal.addEventListener('abort', ring);
  return {
    ring,
    /** True when it rang, false when the time was up. */
    async wait(timeoutMs: number): Promise<boolean> {
      if (!isRung && !signal.aborted) {
        await new Promise<void>((done) => {
          const timer = setTimeout(done, timeoutMs);
          wake = () => {
            clearTimeout(timer);
            done();
          };
        });
      }
      const rang = isRung;
      isRung = false;
      return rang;
    },
    close: () => signal.removeEventListener('abort', ring),
  };
}

function drained(raw: ServerResponse): Promise<void> {
  if (raw.destroyed || raw.closed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      raw.off('drain', done);
      raw.off('close', done);
      resolve();
    };
    raw.on('drain', done);
    raw.on('close', done);
  });
}

/** One event in the words of server-sent events. */
export function eventText(name: string, data: unknown, id?: number): string {
  const line = id === undefined ? '' : `id: ${id}\n`;
  return `${line}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
