/** The market for the monitor: who is connected, how busy, and what was sold in the last minute. */
import { amountOf } from '@aitbc/protocol';
import type { CoordinatorClient } from '@aitbc/sdk';
import { newestEvents } from '../coordinator/newest-events.ts';
import { listAll } from '../market/list-all.ts';
import { type MarketPart, type ProviderRow, type Sale, saleOf } from './types.ts';

const minuteMs = 60_000;
const pageMax = 100;
/** Pages read at one look; a market that sells more than 2 000 jobs a second is behind, and says so by its numbers. */
const pagesMax = 20;
const salesMax = 10_000;

/** The market and its details. */
export interface MarketLook {
  readonly part: MarketPart;
  readonly rows: readonly ProviderRow[];
  /** Newest first, of the last minute and some more. */
  readonly sales: readonly Sale[];
}

/** What reading needs. */
export interface ReadMarketOptions {
  readonly coordinator: CoordinatorClient;
  readonly signal: AbortSignal;
  readonly nowMs: () => number;
}

/** A reader that goes on where it was in the events. Its calls throw what the coordinator does. */
export function createMarketReader(options: ReadMarketOptions): () => Promise<MarketLook> {
  const { coordinator, signal, nowMs } = options;
  const readSales = createSales(coordinator, signal);
  return async () => {
    const [about, providers, sales] = await Promise.all([
      coordinator.about({}, { signal }),
      listAll(async (after) => {
        const page = await coordinator.listProviders({ after }, { signal });
        return { rows: page.providers, next: page.next };
      }),
      readSales(),
    ]);
    const rows = providers.map(({ provider, models, gauges }) => ({ provider, models, ...gauges }));
    const sum = (of: (row: ProviderRow) => number) =>
      rows.reduce((total, row) => total + of(row), 0);
    const recent = sales.filter(({ atMs }) => nowMs() - atMs < minuteMs);
    const tokens = recent.reduce((total, sale) => total + sale.outputTokens, 0);
    const charged = recent.reduce((total, sale) => total + amountOf(sale.charged), 0n);
    const { queued = 0, dispatched = 0 } = about.jobs;
    const part: MarketPart = {
      ...{ providers: about.providers, offers: about.offers, queued: queued + dispatched },
      running: sum(({ running }) => running),
      waiting: sum(({ waiting }) => waiting),
      slots: sum(({ slots }) => slots),
      jobsLastMinute: recent.length,
      tokensPerSecond: (tokens * 1_000) / minuteMs,
      chargedLastMinute: charged.toString(),
    };
    return { part, rows, sales };
  };
}

/** Sales since a while before the first look, newest first. */
function createSales(
  { events }: Pick<CoordinatorClient, 'events'>,
  signal: AbortSignal,
): () => Promise<readonly Sale[]> {
  const read = (after: number, limit: number) =>
    events({ after, limit, kind: 'receipt' }, { signal });
  let next: number | undefined;
  let sales: readonly Sale[] = [];
  return async () => {
    if (next === undefined) {
      const begun = await newestEvents(read, pageMax);
      next = begun.next;
      sales = begun.events.flatMap((event) => saleOf(event) ?? []).reverse();
      return sales;
    }
    for (let pages = 0; pages < pagesMax; pages += 1) {
      const page = await read(next, pageMax);
      next = page.next;
      const fresh = page.events.flatMap((event) => saleOf(event) ?? []).reverse();
      sales = [...fresh, ...sales].slice(0, salesMax);
      if (page.events.length < pageMax) break;
    }
    return sales;
  };
}
