/**
 * What happens on this market, kept for those who watch it: detectors of abuse, price histories, anybody.
 *
 * Events gather in memory and are stored together, with every round of upkeep or when a group is full; a
 * crash loses those of the last half second. What must not be lost has a home of its own (receipts in
 * reports, verdicts in audits), so an event is never the only proof of anything.
 *
 * A page ends two seconds ago: coordinators that share a database write their events within that time, so
 * whoever reads on from a cursor misses none. When the database is slow, `waitingMax` events wait and newer
 * ones are dropped and counted: the market goes on without its history. See docs/spec/market.md, "Events".
 */
import type { Clock } from '@aitbc/primitives';
import type { ParsedInputOf } from '@aitbc/protocol';
import { asAppError, type EventFacts, type eventEndpoints, type OutputOf } from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import type { EventRows } from '../store/event-rows.ts';
import type { EventRow } from '../store/schema.ts';

/** What a log is made with. */
export interface EventLogDeps {
  readonly rows: EventRows;
  readonly clock: Clock;
  readonly log: Log;
}

/** The log. */
export interface EventLog {
  /** Never throws and never waits. */
  add(provider: string, facts: EventFacts): void;
  /** A page of events, oldest first. */
  page(query: ParsedInputOf<typeof eventEndpoints.events>): Promise<EventPageAnswer>;
  /** Stores what waits. Never throws. */
  flush(): Promise<void>;
  /** Events that were dropped because the database was slow. */
  readonly dropped: number;
}

type EventPageAnswer = OutputOf<typeof eventEndpoints.events>;

const groupSize = 256;
const waitingMax = 20_000;
/** Events older than that are all stored, those of other coordinators too. */
export const settledMs = 2_000;

/** A log with nothing waiting. */
export function createEventLog({ rows, clock, log }: EventLogDeps): EventLog {
  let waiting: Omit<EventRow, 'seq'>[] = [];
  let storing: Promise<void> = Promise.resolve();
  let dropped = 0;

  const store = async (): Promise<void> => {
    while (waiting.length > 0) {
      const group = waiting.slice(0, groupSize);
      try {
        await rows.insert(group);
      } catch (error) {
        log.warn({ err: asAppError(error), waiting: waiting.length }, 'events were not stored');
        return;
      }
      waiting = waiting.slice(group.length);
    }
  };
  const flush = (): Promise<void> => {
    storing = storing.then(store);
    return storing;
  };
  return {
    add(provider, { kind, ...facts }) {
      if (waiting.length >= waitingMax) {
        dropped += 1;
        return;
      }
      waiting.push({ at_ms: clock.nowMs(), kind, provider, facts: JSON.stringify(facts) });
      if (waiting.length === groupSize) void flush();
    },
    async page({ after, kind, provider, limit }) {
      const beforeMs = clock.nowMs() - settledMs;
      const found = await rows.page({ after, beforeMs, kind, provider, limit });
      const events = found.map(eventOf);
      return { events, next: events.at(-1)?.seq ?? after };
    },
    flush,
    get dropped() {
      return dropped;
    },
  };
}

/** An event as it is shown. */
export function eventOf({ seq, at_ms, provider, kind, facts }: EventRow) {
  return { seq, atMs: at_ms, provider, facts: { kind, ...JSON.parse(facts) } as EventFacts };
}
