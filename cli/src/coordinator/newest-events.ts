/**
 * The newest events of a coordinator. The stream is read forwards only, so its end is looked for: steps that double
 * until nothing lies behind them, then halves; 40 small questions for a million events. What belongs to a certain
 * provider or kind lies thinly, so the part that is read grows until it holds enough, or a bound is reached.
 */
import type { MarketEvent } from '@aitbc/protocol';

const pageMax = 100;
const pagesMax = 50;
const growth = 8;

/** A page of what comes behind a number. */
export type ReadEvents = (
  after: number,
  limit: number,
) => Promise<{ readonly events: readonly MarketEvent[]; readonly next: number }>;

/** Newest events, oldest first, and where to go on. */
export interface NewestEvents {
  readonly events: readonly MarketEvent[];
  readonly next: number;
}

/** At most `count` events; fewer where the others lie more than 5 000 matching events back. */
export async function newestEvents(read: ReadEvents, count: number): Promise<NewestEvents> {
  const newest = await newestSeq(read);
  for (let back = count; ; back *= growth) {
    const from = Math.max(0, newest - back);
    const found = await allBehind(read, from);
    const isEnough = found.events.length >= count || from === 0;
    if (isEnough) return { events: found.events.slice(-count), next: found.next };
  }
}

async function allBehind(read: ReadEvents, from: number): Promise<NewestEvents> {
  let events: MarketEvent[] = [];
  let after = from;
  for (let pages = 0; pages < pagesMax; pages += 1) {
    const page = await read(after, pageMax);
    events = [...events, ...page.events].slice(-pageMax);
    after = page.next;
    if (page.events.length < pageMax) break;
  }
  return { events, next: after };
}

/** The number of the newest event, 0 when there is none. */
export async function newestSeq(read: ReadEvents): Promise<number> {
  const nextOf = async (after: number) => (await read(after, 1)).events[0]?.seq;
  let known = 0;
  let step = 1;
  for (;;) {
    const found = await nextOf(known + step - 1);
    if (found === undefined) break;
    known = found;
    step *= 2;
  }
  let beyond = known + step;
  while (beyond - known > 1) {
    const middle = known + Math.floor((beyond - known) / 2);
    const found = await nextOf(middle - 1);
    if (found === undefined) beyond = middle;
    else known = found;
  }
  return known;
}
