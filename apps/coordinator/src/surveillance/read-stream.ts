/**
 * The stream that detectors read: events of the market and facts of the chain, in one order.
 *
 * Both have numbers of the time when they were stored. A page ends where the shorter of two full pages ends, so
 * nothing is passed over; what was stored in the last two seconds waits, because another coordinator on the same database
 * may still be writing beside it.
 */
import type { ChainEvent, WatchedEvent } from '@aitbc/market';
import type { EventFacts, MarketEvent } from '@aitbc/protocol';
import type { EventRows } from '../store/event-rows.ts';
import type { ChainFactRow, EventRow } from '../store/schema.ts';
import type { FactRows } from '../store/surveillance/fact-rows.ts';

/** Where the stream comes from. */
export interface StreamRows {
  readonly events: Pick<EventRows, 'page'>;
  readonly facts: Pick<FactRows, 'page'>;
}

/** A part of the stream; `isEnd` when there is no more now. */
export interface StreamPage {
  readonly events: readonly WatchedEvent[];
  readonly isEnd: boolean;
}

/** Newer ones wait. */
export const settledMs = 2_000;

/** What comes after a number and was stored before a time. */
export async function readStream(
  { events, facts }: StreamRows,
  { after, beforeMs, limit }: { after: number; beforeMs: number; limit: number },
): Promise<StreamPage> {
  const [market, chain] = await Promise.all([
    events.page({ after, beforeMs, limit }),
    facts.page({ after, beforeMs, limit }),
  ]);
  const ends = [market, chain].map((rows) =>
    rows.length < limit ? Number.POSITIVE_INFINITY : (rows.at(-1)?.seq ?? after),
  );
  const end = Math.min(...ends);
  const all = [...chain.map(chainEventOf), ...market.map(marketEventOf)];
  const page = all.filter(({ seq }) => seq <= end).sort((a, b) => a.seq - b.seq);
  return { events: page, isEnd: end === Number.POSITIVE_INFINITY };
}

function marketEventOf({ seq, at_ms, provider, kind, facts }: EventRow): MarketEvent {
  return { seq, atMs: at_ms, provider, facts: { kind, ...JSON.parse(facts) } as EventFacts };
}

function chainEventOf({ seq, at_ms, tx_id, facts }: ChainFactRow): ChainEvent {
  return { seq, atMs: at_ms, txId: tx_id, facts: JSON.parse(facts) };
}
