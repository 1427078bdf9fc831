/** What a bus counts. */
import type { BusStats, DropReason } from '../types.ts';

/** The counts of a bus while it runs. */
export interface Counters {
  published: number;
  sent: number;
  undelivered: number;
  delivered: number;
  handlerErrors: number;
  readonly dropped: Record<DropReason, number>;
}

/** Counters at zero. */
export function createCounters(): Counters {
  return {
    published: 0,
    sent: 0,
    undelivered: 0,
    delivered: 0,
    handlerErrors: 0,
    dropped: {
      malformed: 0,
      otherNetwork: 0,
      forged: 0,
      stale: 0,
      replayed: 0,
      late: 0,
      notAdmitted: 0,
      tooManyStreams: 0,
      queueFull: 0,
      noHandler: 0,
      unreadable: 0,
    },
  };
}

/** A copy for the outside. */
export function statsOf(counters: Counters, now: Pick<BusStats, 'state' | 'waiting'>): BusStats {
  return { ...counters, ...now, dropped: { ...counters.dropped } };
}
