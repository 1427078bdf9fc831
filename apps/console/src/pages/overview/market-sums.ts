/** Sums over receipts that buyers reported: what was delivered, by minute. */
import type { EventFacts, MarketEvent } from '@aitbc/protocol';

/** What a stretch of time brought. */
export interface MarketSums {
  readonly jobs: number;
  readonly tokens: number;
  readonly charged: bigint;
}

/** The same by minute; `times` are the beginnings, seconds since 1970. */
export interface MinuteSums {
  readonly times: readonly number[];
  readonly jobs: readonly number[];
  readonly tokens: readonly number[];
}

const minuteMs = 60_000;

/** Events of the last `spanMs`. */
export function recent(
  events: readonly MarketEvent[],
  nowMs: number,
  spanMs: number,
): MarketEvent[] {
  return events.filter(({ atMs }) => atMs > nowMs - spanMs);
}

/** Sums of the receipts among events. A job of several providers brings a receipt of each. */
export function sumsOf(events: readonly MarketEvent[]): MarketSums {
  const receipts = receiptsOf(events);
  return {
    jobs: new Set(receipts.map(({ jobId }) => jobId)).size,
    tokens: receipts.reduce((sum, { outputTokens }) => sum + outputTokens, 0),
    charged: receipts.reduce((sum, { charged }) => sum + BigInt(charged), 0n),
  };
}

/** Sums of each of the last minutes, oldest first; the last one is not over. */
export function perMinute(
  events: readonly MarketEvent[],
  nowMs: number,
  minutes: number,
): MinuteSums {
  const end = Math.floor(nowMs / minuteMs);
  const starts = Array.from({ length: minutes }, (_, at) => end - minutes + 1 + at);
  const sums = starts.map((minute) =>
    sumsOf(events.filter(({ atMs }) => Math.floor(atMs / minuteMs) === minute)),
  );
  return {
    times: starts.map((minute) => minute * 60),
    jobs: sums.map(({ jobs }) => jobs),
    tokens: sums.map(({ tokens }) => tokens),
  };
}

type Receipt = Extract<EventFacts, { kind: 'receipt' }>;

/** Facts of the receipts among events. */
export function receiptsOf(events: readonly MarketEvent[]): Receipt[] {
  return events.flatMap(({ facts }) => (facts.kind === 'receipt' ? [facts] : []));
}
