/**
 * "I want my GPU back."
 *
 *   SELLING ─drain→ DRAINING ─the last job ends, or the time is over→ DRAINED     DRAINING, DRAINED ─sell again→ SELLING
 *
 * DRAINING withdraws the offers, refuses new jobs, ends those that wait (unpaid: their buyers go elsewhere at once) and
 * lets running ones end by themselves until the time is over; then they end as provider errors, and what they
 * delivered is due. DRAINED does no work. A restart of the daemon sells again.
 */
import { AppError, type Refusal, refuse } from '@aitbc/protocol';
import type { EngineWatch } from './engine-watch.ts';
import type { QueueGauges } from './jobs/job-queue.ts';
import type { JobDesk } from './jobs/take-job.ts';

export interface DrainDeps {
  readonly desk: Pick<JobDesk, 'end'>;
  readonly watch: Pick<EngineWatch, 'sell'>;
  readonly queue: { gauges(): QueueGauges };
  readonly nowMs: () => number;
}

/** How far the draining is. */
export interface DrainState {
  readonly isDraining: boolean;
  readonly running: number;
  /** Until the running jobs are ended, ms. */
  readonly endsInMs: number;
}

/** The owner's switch. */
export interface Drain {
  /** Stops selling; running jobs have so long. Asked again, the new time holds. */
  begin(withinMs: number): DrainState;
  /** Sells again. */
  end(): DrainState;
  /** UNAVAILABLE while nothing is sold. */
  refusal(): Refusal | undefined;
  stop(): void;
}

const draining = { what: 'This provider', reason: 'its owner needs the machine' };

export function createDrain({ desk, watch, queue, nowMs }: DrainDeps): Drain {
  let endsAtMs: number | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const state = (): DrainState => ({
    isDraining: endsAtMs !== undefined,
    running: queue.gauges().running,
    endsInMs: Math.max((endsAtMs ?? 0) - nowMs(), 0),
  });
  const stop = (): void => clearTimeout(timer);
  return {
    begin(withinMs) {
      stop();
      endsAtMs = nowMs() + withinMs;
      watch.sell(false);
      const reason = new AppError('UNAVAILABLE', draining);
      desk.end('waiting', reason);
      timer = setTimeout(() => desk.end('all', reason), withinMs);
      return state();
    },
    end() {
      stop();
      endsAtMs = undefined;
      watch.sell(true);
      return state();
    },
    refusal: () => (endsAtMs === undefined ? undefined : refuse('UNAVAILABLE', draining)),
    stop,
  };
}
