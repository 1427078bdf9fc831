/**
 * Calls under way, each bought once and read by everybody who asks for it meanwhile.
 *
 *   STARTING ─first token→ RUNNING ─end, error→ gone        any ─last reader leaves→ CLOSING ─upstream ended→ gone
 *
 * STARTING and RUNNING take new readers: client libraries repeat a call after a timeout or a lost
 * connection, and read the answer from its beginning. Events are kept while the call runs and pulled by
 * whichever reader is furthest, so a slow reader holds nobody back and a client that does not read holds
 * the provider back. CLOSING makes a newcomer wait until the books of the old call are in order.
 *
 * Limits: what is kept of a call is bounded by its output tokens and dropped with its end.
 */
import { AppError, asAppError, type Hex } from '@aitbc/protocol';
import type { JobEvent, RunningJob } from './types.ts';

/** A call whose first token has arrived, with what came so far and where more comes from. */
export interface StartedJob extends Omit<RunningJob, 'events'> {
  readonly early: readonly JobEvent[];
  readonly upstream: AsyncGenerator<JobEvent>;
}

/** The calls under way. */
export interface SharedRuns {
  /**
   * Joins the call with this id, or begins it. `begin` gets a signal that aborts when the last reader has
   * left. Throws what `begin` throws, and CANCELLED when the signal of the reader aborts.
   */
  join(jobId: Hex, reader: Reader): Promise<RunningJob>;
}

/** Who wants to read. */
export interface Reader {
  readonly signal: AbortSignal | undefined;
  begin(signal: AbortSignal): Promise<StartedJob>;
}

interface Run {
  readonly ending: AbortController;
  readonly started: Promise<StartedJob>;
  readonly events: JobEvent[];
  readers: number;
  pulling: Promise<void> | undefined;
  isOver: boolean;
  error: unknown;
  /** Set when the last reader has left; resolves when the books are in order. */
  closed: Promise<void> | undefined;
}

/** No calls yet. */
export function createSharedRuns(): SharedRuns {
  const runs = new Map<Hex, Run>();
  const create = (jobId: Hex, begin: Reader['begin']): Run => {
    const ending = new AbortController();
    const run: Run = {
      ending,
      started: begin(ending.signal).then((job) => {
        run.events.push(...job.early);
        return job;
      }),
      events: [],
      readers: 0,
      pulling: undefined,
      isOver: false,
      error: undefined,
      closed: undefined,
    };
    const forget = () => runs.get(jobId) === run && runs.delete(jobId);
    run.started.catch(forget);
    runs.set(jobId, run);
    return run;
  };
  const leave = (jobId: Hex, run: Run): void => {
    run.readers -= 1;
    if (run.readers > 0 || run.closed) return;
    run.closed = close(run).finally(() => runs.get(jobId) === run && runs.delete(jobId));
  };
  return {
    async join(jobId, { signal, begin }) {
      for (let known = runs.get(jobId); known?.closed; known = runs.get(jobId)) {
        await known.closed;
      }
      if (signal?.aborted) throw new AppError('CANCELLED');
      const known = runs.get(jobId);
      const run = known && !known.isOver ? known : create(jobId, begin);
      return enter(run, signal, () => leave(jobId, run));
    },
  };
}

/** One reader of a run; `leave` is called exactly once. */
async function enter(
  run: Run,
  signal: AbortSignal | undefined,
  leave: () => void,
): Promise<RunningJob> {
  run.readers += 1;
  const left = new AbortController();
  const goOnce = (): void => {
    if (left.signal.aborted) return;
    signal?.removeEventListener('abort', goOnce);
    left.abort();
    leave();
  };
  signal?.addEventListener('abort', goOnce, { once: true });
  try {
    const { jobId, offer } = await orLeft(run, run.started, left.signal);
    return { jobId, offer, events: read(run, left.signal, goOnce) };
  } catch (error) {
    goOnce();
    throw error;
  }
}

async function* read(run: Run, left: AbortSignal, leave: () => void): AsyncGenerator<JobEvent> {
  try {
    for (let at = 0; ; at += 1) {
      while (at >= run.events.length) {
        if (run.error !== undefined) throw run.error;
        if (run.isOver) return;
        await orLeft(run, pull(run), left);
      }
      yield run.events[at] as JobEvent;
    }
  } finally {
    leave();
    if (run.readers === 0) await run.closed;
  }
}

/** The promise's value; CANCELLED for a reader who left while others stay. The last one waits for the end. */
function orLeft<T>(run: Run, promise: Promise<T>, left: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onLeft = (): void => {
      if (run.readers > 0) reject(new AppError('CANCELLED'));
    };
    if (left.aborted) onLeft();
    left.addEventListener('abort', onLeft, { once: true });
    promise.then(resolve, reject).finally(() => left.removeEventListener('abort', onLeft));
  });
}

/** Takes the next event from upstream, one pull at a time. */
function pull(run: Run): Promise<void> {
  run.pulling ??= takeNext(run).finally(() => {
    run.pulling = undefined;
  });
  return run.pulling;
}

async function takeNext(run: Run): Promise<void> {
  try {
    const { upstream } = await run.started;
    const { value, done } = await upstream.next();
    if (done) run.isOver = true;
    else run.events.push(value);
  } catch (error) {
    run.isOver = true;
    run.error = asAppError(error);
  }
}

/** Ends what nobody reads; resolves when upstream has put the books in order. */
async function close(run: Run): Promise<void> {
  const cancelled = new AppError('CANCELLED');
  if (!run.isOver) run.error ??= cancelled;
  run.ending.abort(cancelled);
  await run.pulling;
  try {
    const { upstream } = await run.started;
    await upstream.return(undefined);
  } catch (error) {
    run.error ??= asAppError(error); // what `started` rejects with was thrown to its readers
  }
}
