/**
 * Calls under way, each bought once and read by everybody who asks for it meanwhile.
 *
 *   STARTING ─first token→ RUNNING ─end, error→ gone        any ─last reader leaves→ CLOSING ─books in order→ gone
 *
 * STARTING and RUNNING take new readers: client libraries repeat a call after a timeout or a lost
 * connection, and read the answer from its beginning. Events are kept while the call runs; more is wanted when a
 * reader has read all of them, so a slow reader holds nobody back and a client that does not read holds
 * the provider back. CLOSING makes a newcomer wait until the books of the old call are in order.
 *
 * Limits: what is kept of a call is bounded by its output tokens and dropped with its end.
 */
import { AppError, asAppError, type Hex } from '@aitbc/protocol';
import type { EventSink } from './event-outlet.ts';
import type { JobEvent, RunningJob } from './types.ts';

/** A call whose first token has arrived. */
export type StartedJob = Omit<RunningJob, 'events'>;

/** What a call is bought into. */
export interface RunSink extends EventSink {
  /** Aborts when the last reader has left, and when the buyer is being closed. */
  readonly signal: AbortSignal;
  /** Called once, before the first event. */
  onStart(job: StartedJob): void;
}

/** Who wants to read. */
export interface Reader {
  readonly signal: AbortSignal | undefined;
  /** Buys; resolves, or throws what ended the answer early, when the books are in order. */
  buy(sink: RunSink): Promise<void>;
}

/** The calls under way. */
export interface SharedRuns {
  /** Joins the call with this id, or begins it. Throws what `buy` throws, and CANCELLED when the signal of the reader aborts. */
  join(jobId: Hex, reader: Reader): Promise<RunningJob>;
}

/** A reader that has read all there is. */
interface Waiter {
  /** Place of the event it waits for. */
  readonly at: number;
  take(event: JobEvent): void;
  /** Nothing more comes for it. */
  over(): void;
}

interface Run {
  readonly ending: AbortController;
  readonly events: JobEvent[];
  readonly waiting: Set<Waiter>;
  readonly started: Promise<StartedJob>;
  /** Resolves when the books are in order. */
  readonly ended: Promise<void>;
  /** Tells the provider's side that more is wanted. */
  wake: (() => void) | undefined;
  readers: number;
  isOver: boolean;
  error: unknown;
  /** Set when the last reader has left. */
  closed: Promise<void> | undefined;
}

/** No calls yet; `closing` ends all of them. */
export function createSharedRuns(closing: AbortSignal): SharedRuns {
  const runs = new Map<Hex, Run>();
  closing.addEventListener('abort', () => {
    for (const run of runs.values()) end(run, closing.reason);
  });
  const create = (jobId: Hex, buy: Reader['buy']): Run => {
    const run = begin(buy);
    if (closing.aborted) end(run, closing.reason);
    run.started.catch(() => runs.get(jobId) === run && runs.delete(jobId));
    runs.set(jobId, run);
    return run;
  };
  const leave = (jobId: Hex, run: Run): void => {
    run.readers -= 1;
    if (run.readers > 0 || run.closed) return;
    run.closed = close(run).finally(() => runs.get(jobId) === run && runs.delete(jobId));
  };
  return {
    async join(jobId, { signal, buy }) {
      for (let known = runs.get(jobId); known?.closed; known = runs.get(jobId)) {
        await known.closed;
      }
      if (signal?.aborted) throw new AppError('CANCELLED');
      const known = runs.get(jobId);
      const run = known && !known.isOver ? known : create(jobId, buy);
      return enter(run, signal, () => leave(jobId, run));
    },
  };
}

function begin(buy: Reader['buy']): Run {
  const ending = new AbortController();
  let onStart: RunSink['onStart'] = () => {};
  let onFailure = (_error: unknown): void => {};
  const started = new Promise<StartedJob>((resolve, reject) => {
    onStart = resolve;
    onFailure = reject;
  });
  const { signal } = ending;
  const sink: RunSink = {
    signal,
    onStart,
    push: (event) => push(run, event),
    wanted: () => (run.waiting.size > 0 || signal.aborted ? undefined : untilWanted(run)),
  };
  const ended = Promise.resolve(sink)
    .then(buy)
    .then(
      () => finish(run, undefined),
      (error: unknown) => {
        onFailure(error);
        finish(run, asAppError(error));
      },
    );
  const run: Run = {
    ending,
    started,
    ended,
    events: [],
    waiting: new Set(),
    wake: undefined,
    readers: 0,
    isOver: false,
    error: undefined,
    closed: undefined,
  };
  return run;
}

function push(run: Run, event: JobEvent): void {
  run.events.push(event);
  for (const waiter of run.waiting) {
    if (waiter.at >= run.events.length) continue;
    run.waiting.delete(waiter);
    waiter.take(run.events[waiter.at] as JobEvent);
  }
}

function untilWanted(run: Run): Promise<void> {
  return new Promise((resolve) => {
    run.wake = resolve;
  });
}

function wake(run: Run): void {
  run.wake?.();
  run.wake = undefined;
}

function end(run: Run, reason: unknown): void {
  run.ending.abort(reason);
  wake(run);
}

function finish(run: Run, error: unknown): void {
  run.isOver = true;
  run.error ??= error;
  for (const waiter of run.waiting) waiter.over();
  run.waiting.clear();
}

/** Ends what nobody reads; resolves when the books are in order. */
async function close(run: Run): Promise<void> {
  if (!run.isOver) {
    const cancelled = new AppError('CANCELLED');
    run.error ??= cancelled;
    end(run, cancelled);
  }
  await run.ended;
}

/** One reader of a run; `leave` is called exactly once. Resolves with the first token. */
function enter(run: Run, signal: AbortSignal | undefined, leave: () => void): Promise<RunningJob> {
  run.readers += 1;
  const reader = createReader(run, () => {
    signal?.removeEventListener('abort', reader.abort);
    leave();
  });
  signal?.addEventListener('abort', reader.abort, { once: true });
  return new Promise<RunningJob>((resolve, reject) => {
    reader.cancelBy(() => run.readers > 0 && reject(new AppError('CANCELLED')));
    run.started.then(
      (job) => resolve({ events: { [Symbol.asyncIterator]: () => reader }, ...job }),
      (error: unknown) => {
        reader.leave();
        reject(error);
      },
    );
  });
}

const nothing = (): unknown => undefined;

/** The events of a run for one reader, who asks for one at a time. Who left while others stay gets CANCELLED; the last one waits for the end. */
function createReader(run: Run, onLeave: () => void) {
  let next = 0;
  let hasLeft = false;
  let isDone = false;
  /** Ends what the reader waits for now. */
  let cancel = nothing;
  const leave = (): void => {
    if (hasLeft) return;
    hasLeft = true;
    onLeave();
  };
  const over = async (): Promise<IteratorResult<JobEvent>> => {
    const isCut = hasLeft && !run.isOver;
    const wasDone = isDone;
    isDone = true;
    leave();
    if (run.readers === 0) await run.closed;
    const error = run.error ?? (isCut ? new AppError('CANCELLED') : undefined);
    if (error !== undefined && !wasDone) throw error;
    return { value: undefined, done: true };
  };
  const waitFor = (at: number): Promise<IteratorResult<JobEvent>> =>
    new Promise((resolve, reject) => {
      const waiter: Waiter = {
        at,
        take(value) {
          cancel = nothing;
          resolve({ value, done: false });
        },
        over: () => over().then(resolve, reject),
      };
      cancel = () => run.waiting.delete(waiter) && waiter.over();
      run.waiting.add(waiter);
      wake(run);
    });
  return {
    next(): Promise<IteratorResult<JobEvent>> {
      const at = next;
      const event = run.events[at];
      if (isDone || (!event && (run.isOver || hasLeft))) return over();
      next += 1;
      return event ? Promise.resolve({ value: event, done: false }) : waitFor(at);
    },
    async return(): Promise<IteratorResult<JobEvent>> {
      isDone = true;
      leave();
      if (run.readers === 0) await run.closed;
      return { value: undefined, done: true };
    },
    leave,
    abort(): void {
      leave();
      cancel();
    },
    cancelBy(how: () => unknown): void {
      cancel = how;
    },
  };
}
