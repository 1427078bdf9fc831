import { createManualClock } from '@aitbc/primitives';
import { priceIntervalsMs } from '@aitbc/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import type { EventPage } from '../store/event-rows.ts';
import { seqAt } from '../store/job-store.ts';
import type { EventRow } from '../store/schema.ts';
import { type Bench, createTestChain, identityOf, startBench } from '../testing/harness.ts';
import { sellingProvider, signedReceipt } from '../testing/provider.ts';
import { createPriceParts } from './price-parts.ts';

const seller = identityOf('seller');
const minuteMs = priceIntervalsMs['1m'];
const model = 'tiny';
const beganMs = 1_700_000_040_000;

/** Stored events: one offer a day before, and a job a second. */
function storeOf(jobs: number) {
  const provider = seller.address;
  const row = (at_ms: number, kind: string, facts: object): EventRow => ({
    ...{ seq: seqAt(at_ms), at_ms, kind, provider, facts: JSON.stringify(facts) },
  });
  const offer = { offerId: 'aa'.repeat(32), model, digest: '', quantization: '' };
  const prices = { inputPerMTok: '3000', outputPerMTok: '3000', perRequest: '0' };
  const rows = [row(beganMs - 20 * 3_600_000, 'offer_up', { ...offer, ...prices })];
  for (let at = 0; at < jobs; at += 1) {
    const sale = { jobId: at.toString(16).padStart(64, '0'), offerId: offer.offerId, model };
    const work = { promptTokens: 10, outputTokens: 10, charged: '60', outcome: 'complete' };
    const times = { channelId: 'cc'.repeat(32), firstTokenMs: 5, durationMs: 400 };
    rows.push(row(beganMs + at * 1_000, 'receipt', { ...sale, ...work, ...times }));
  }
  const asked: EventPage[] = [];
  return {
    asked,
    async page(page: EventPage) {
      asked.push(page);
      const isIn = ({ seq }: EventRow) => seq > page.after && seq < seqAt(page.beforeMs);
      return rows.filter(isIn).slice(0, page.limit);
    },
  };
}

describe('price series', () => {
  it('are bars of the stored events, with the offer of the day before', async () => {
    const clock = createManualClock(beganMs + 10 * minuteMs + 30_000);
    const rows = storeOf(120);
    const prices = createPriceParts({ rows, clock });
    const query = { model, interval: '1m', from: beganMs } as const;
    const answer = await prices.page(query);
    expect(answer).toMatchObject({ intervalMs: minuteMs, fromMs: beganMs });
    expect(answer.next).toBe(beganMs + 10 * minuteMs);
    expect(answer.bars.map(({ jobs }) => jobs)).toEqual([60, 60, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(answer.bars[9]).toMatchObject({ close: '3000', lowestOffer: '3000', offers: 1 });
    expect(answer.bars[0]).toMatchObject({ tokens: 1_200, charged: '3600', busyMs: 24_000 });
    const reads = rows.asked.length;
    expect(await prices.page(query)).toBe(answer);
    expect(rows.asked).toHaveLength(reads);
    const { bars, next } = await prices.page({ model, interval: '1m', from: answer.next });
    expect([bars, next]).toEqual([[], answer.next]);
  });

  it('stop at whole bars where there is too much to read, and go on from there', async () => {
    const clock = createManualClock(beganMs + 10_000_000);
    const rows = storeOf(4_000);
    const prices = createPriceParts({ rows, clock, eventsMax: 2_500 });
    let [jobs, pages] = [0, 0];
    for (let from = beganMs; from < beganMs + 4_000_000; pages += 1) {
      const { bars, next, fromMs } = await prices.page({ model, interval: '5m', from });
      expect(next).toBeGreaterThan(fromMs);
      expect(bars.length).toBeLessThanOrEqual(300);
      jobs += bars.reduce((sum, bar) => sum + bar.jobs, 0);
      from = next;
    }
    expect([jobs, pages]).toEqual([4_000, 2]);
  });

  it('are refused when too many are asked for at once', async () => {
    const prices = createPriceParts({ rows: storeOf(0), clock: createManualClock(beganMs) });
    const many = Array.from({ length: 17 }, async (_, at) =>
      prices.page({ model: `m${at}`, interval: '1h', from: beganMs - 100_000_000 }),
    );
    const ends = await Promise.allSettled(many);
    expect(ends.filter(({ status }) => status === 'rejected')).toHaveLength(1);
    expect(ends.at(-1)).toMatchObject({ reason: { code: 'RATE_LIMITED' } });
  });
});

describe('GET /v1/prices', () => {
  let bench: Bench;
  afterEach(() => bench.stop());

  it('tells what was sold here, and 304 to whoever knows it already', async () => {
    const chain = createTestChain();
    chain.register(seller);
    bench = await startBench({ chain });
    const { offerId } = await sellingProvider(bench);
    const receipt = signedReceipt(seller, { jobId: '01'.repeat(32), offerId }, { to: 101 });
    await bench.client.report({ receipt, firstTokenMs: 100, durationMs: 2_100 });
    await bench.coordinator.round();
    await bench.pass(minuteMs + 3_000);
    const query = { model: receipt.payload.model, interval: '1m' } as const;
    const { bars } = await bench.client.prices(query);
    const sold = bars.filter(({ jobs }) => jobs > 0);
    expect(sold).toMatchObject([{ jobs: 1, firstTokenMs: 100, charged: receipt.payload.charged }]);
    expect(sold[0]?.close).toBe(sold[0]?.lowestOffer);
    const url = `${bench.coordinator.url}/v1/prices?interval=1m&model=${query.model}`;
    const first = await fetch(url);
    const etag = first.headers.get('etag') ?? '';
    const second = await fetch(url, { headers: { 'if-none-match': etag } });
    expect([first.status, second.status, await second.text()]).toEqual([200, 304, '']);
    expect(second.headers.get('etag')).toBe(etag);
  });
});
