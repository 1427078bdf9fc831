/**
 * Price series for everybody: bars out of the stored events, made when somebody asks.
 *
 * Nothing is stored twice: bars are what `@aitbc/market` makes of the events, so whoever pages through `/v1/events`
 * gets the same ones. An answer has at most `pageBars` bars and reads at most `eventsMax` (50 000) events behind its beginning; where
 * that is not enough it has fewer bars and `next` says where to go on. Offers that stood before are found in the day
 * before, which is how long an offer holds. Bars that have ended never change, so answers are kept (`keptMax` of
 * them) and have an ETag. Questions are computed one after the other; when `waitingMax` wait, more are refused.
 */
import { type Bar, barsOf, tapeOf } from '@aitbc/market';
import type { Clock } from '@aitbc/primitives';
import { sha256Hex, utf8 } from '@aitbc/primitives';
import {
  AppError,
  limits,
  type MarketEvent,
  type OutputOf,
  type ParsedInputOf,
  type priceEndpoints,
  priceIntervalsMs,
} from '@aitbc/protocol';
import { answered, type CallContext } from '@aitbc/service';
import { eventOf, settledMs } from '../events/event-log.ts';
import type { EventRows } from '../store/event-rows.ts';
import { seqAt } from '../store/job-store.ts';

/** What the series is made from. */
export interface PriceDeps {
  readonly rows: Pick<EventRows, 'page'>;
  readonly clock: Clock;
  /** Events that one answer reads behind its beginning. Default 50 000. */
  readonly eventsMax?: number;
}

type Row = typeof priceEndpoints.prices;
type Answer = OutputOf<Row>;

/** The part behind `GET /v1/prices`. */
export interface PriceParts {
  /** Throws RATE_LIMITED when too many wait. */
  page(query: ParsedInputOf<Row>): Promise<Answer>;
  /** The same with an ETag; 304 when the caller has that answer. */
  handle(
    query: ParsedInputOf<Row>,
    call: Pick<CallContext<unknown>, 'request' | 'reply'>,
  ): Promise<Answer | typeof answered>;
}

const pageBars = 300;
const eventsMaxUsual = 50_000;
const readAtOnce = 1_000;
const keptMax = 64;
const waitingMax = 16;
const retryAfterSeconds = 2;

/** Series that have computed nothing yet. */
export function createPriceParts(deps: PriceDeps): PriceParts {
  const kept = new Map<string, Promise<Answer>>();
  let waiting = 0;
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = (compute: () => Promise<Answer>): Promise<Answer> => {
    if (waiting >= waitingMax) throw new AppError('RATE_LIMITED', { retryAfterSeconds });
    waiting += 1;
    const turn = last.then(compute).finally(() => {
      waiting -= 1;
    });
    last = turn.catch(() => {}); // whoever asked hears of it
    return turn;
  };
  const page = (query: ParsedInputOf<Row>): Promise<Answer> => {
    const range = rangeOf(query, deps.clock.nowMs());
    const key = JSON.stringify(range);
    const known = kept.get(key);
    if (known) return known;
    const answer = inTurn(() => answerOf(range, deps));
    kept.set(key, answer);
    answer.catch(() => kept.delete(key));
    const [oldest] = kept.keys();
    if (kept.size > keptMax && oldest !== undefined) kept.delete(oldest);
    return answer;
  };
  return {
    page,
    async handle(query, { request, reply }) {
      const answer = await page(query);
      const tag = `"${sha256Hex(utf8(JSON.stringify(answer))).slice(0, 32)}"`;
      void reply.header('etag', tag).header('cache-control', 'no-cache');
      if (request.headers['if-none-match'] !== tag) return answer;
      void reply.code(304).send();
      return answered;
    },
  };
}

interface Range {
  readonly model: string;
  readonly intervalMs: number;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Whole bars that have ended and settled. */
function rangeOf({ model, interval, from }: ParsedInputOf<Row>, nowMs: number): Range {
  const intervalMs = priceIntervalsMs[interval];
  const down = (ms: number) => Math.max(0, Math.floor(ms / intervalMs) * intervalMs);
  const endMs = down(nowMs - settledMs);
  const fromMs = Math.min(endMs, down(from ?? endMs - pageBars * intervalMs));
  return { model, intervalMs, fromMs, untilMs: Math.min(endMs, fromMs + pageBars * intervalMs) };
}

async function answerOf(range: Range, deps: PriceDeps): Promise<Answer> {
  const { model, intervalMs, fromMs } = range;
  const { events, untilMs } = await readEvents(range, deps);
  const bars = barsOf(tapeOf(events, { model, fromMs, untilMs }), intervalMs);
  return { model, intervalMs, fromMs, bars: bars.map(barToJson), next: untilMs };
}

/**
 * Events of the range and of the day before; `untilMs` is earlier where there are too many, but one bar is whole. What
 * happened at the end of the range may have been stored a moment later.
 */
async function readEvents(
  { model, intervalMs, fromMs, untilMs }: Range,
  { rows, eventsMax = eventsMaxUsual }: PriceDeps,
): Promise<{ events: MarketEvent[]; untilMs: number }> {
  const isWanted = ({ facts }: MarketEvent) => !('model' in facts) || facts.model === model;
  const events: MarketEvent[] = [];
  let after = Math.max(0, seqAt(Math.max(0, fromMs - limits.offerLifetimeMs)) - 1);
  let inRange = 0;
  for (;;) {
    const found = await rows.page({ after, beforeMs: untilMs + settledMs, limit: readAtOnce });
    events.push(...found.map(eventOf).filter(isWanted));
    inRange += found.filter(({ at_ms }) => at_ms >= fromMs).length;
    const newest = found.at(-1);
    if (!newest || found.length < readAtOnce) return { events, untilMs };
    after = newest.seq;
    const wholeMs = Math.floor(newest.at_ms / intervalMs) * intervalMs;
    if (inRange >= eventsMax && wholeMs > fromMs) return { events, untilMs: wholeMs };
  }
}

function barToJson(bar: Bar): Answer['bars'][number] {
  const { open, high, low, close, charged, lowestOffer, medianOffer, ...counts } = bar;
  const text = (price: bigint | null) => (price === null ? null : price.toString());
  return {
    ...counts,
    ...{ open: text(open), high: text(high), low: text(low), close: text(close) },
    ...{ lowestOffer: text(lowestOffer), medianOffer: text(medianOffer) },
    charged: charged.toString(),
  };
}
