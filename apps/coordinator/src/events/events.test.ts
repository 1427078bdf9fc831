import { createManualClock } from '@aitbc/primitives';
import { zMarketEvent } from '@aitbc/protocol';
import { createLog, until } from '@aitbc/service';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openTestStore, type StoreServer, storeKinds } from '../store/testing/stores.ts';
import { type Bench, createTestChain, identityOf, startBench } from '../testing/harness.ts';
import { sellingProvider, signedReceipt } from '../testing/provider.ts';
import { createEventLog } from './event-log.ts';

const seller = identityOf('seller');
const settledMs = 2_000;

describe('the events of a market', () => {
  let bench: Bench;
  afterEach(() => bench.stop());

  async function open(): Promise<void> {
    const chain = createTestChain();
    chain.register(seller);
    bench = await startBench({ chain });
  }

  test('tell of logins, offers, receipts and goodbyes, in order', async () => {
    await open();
    const { provider, offerId } = await sellingProvider(bench);
    const jobId = '01'.repeat(32);
    const receipt = signedReceipt(seller, { jobId, offerId }, { to: 101 });
    await bench.client.report({ receipt, firstTokenMs: 100, durationMs: 2_100 });
    provider.close();
    await until(async () => (await bench.client.listProviders({})).providers.length === 0);
    await bench.coordinator.round();
    await bench.pass(settledMs + 1);
    const { events, next } = await bench.client.events({});
    expect(events.map(({ facts }) => facts.kind)).toEqual([
      'provider_in',
      'offer_up',
      'receipt',
      'provider_out',
    ]);
    for (const event of events) expect(zMarketEvent.parse(event).provider).toBe(seller.address);
    const sold = { jobId, offerId, outputTokens: 101, firstTokenMs: 100, durationMs: 2_100 };
    expect(events[2]?.facts).toMatchObject({ ...sold, charged: receipt.payload.charged });
    expect(await bench.client.events({ after: next })).toEqual({ events: [], next });
    const { events: receipts } = await bench.client.events({ kind: 'receipt' });
    expect(receipts).toEqual([events[2]]);
  });

  test('are not shown before they have settled, and outlive a restart', async () => {
    await open();
    await sellingProvider(bench);
    await bench.coordinator.round();
    expect((await bench.client.events({})).events).toEqual([]);
    await bench.pass(settledMs + 1);
    const kinds = async () => {
      const { events } = await bench.client.events({ provider: seller.address, limit: 2 });
      return events.map(({ facts }) => facts.kind);
    };
    await until(async () => {
      await bench.coordinator.round(); // what a busy database did not take waits for the next round
      return (await kinds()).length === 2;
    });
    bench = await bench.crash();
    expect(await kinds()).toEqual(['provider_in', 'offer_up']);
  });
});

describe.each(storeKinds)('events on $name', ({ canRun, start }) => {
  if (!canRun) {
    test.skip('this database is not installed here', () => {});
    return;
  }
  let server: StoreServer;
  beforeAll(async () => {
    server = await start();
  }, 60_000);
  afterAll(() => server.close());
  const log = createLog({ name: 'events', level: 'silent' });

  test('of two writers at once are read page by page, each once', async () => {
    const clock = createManualClock(1_700_000_000_000);
    const url = await server.createDatabase();
    const opened = [await openTestStore(url, clock)];
    if (opened[0]?.store.isAlone === false) opened.push(await openTestStore(url, clock));
    const logs = opened.map(({ store }) => createEventLog({ rows: store.events, clock, log }));
    for (let at = 0; at < 600; at += 1) {
      const facts = { kind: 'provider_in', endpoint: `http://p${at}` } as const;
      logs[at % logs.length]?.add(seller.address, facts);
    }
    await Promise.all(logs.map((one) => one.flush()));
    clock.advance(settledMs + 10); // numbers of one millisecond may run into the next
    const seen: string[] = [];
    for (let after = 0; ; ) {
      const page = await logs[0]?.page({ after, limit: 100 });
      if (!page || page.events.length === 0) break;
      for (const { facts } of page.events) {
        if (facts.kind === 'provider_in') seen.push(facts.endpoint);
      }
      after = page.next;
    }
    expect(new Set(seen).size).toBe(600);
    expect(seen).toHaveLength(600);
    await opened[0]?.store.events.prune(clock.nowMs(), 1_000);
    expect((await logs[0]?.page({ after: 0, limit: 100 }))?.events).toEqual([]);
    for (const { store } of opened) await store.close();
  });
});

test('a slow database loses the newest events and says how many', async () => {
  const clock = createManualClock(0);
  let isBroken = true;
  let stored = 0;
  const rows = {
    async insert(events: readonly unknown[]) {
      if (isBroken) throw new Error('the disk is full');
      stored += events.length;
    },
    page: async () => [],
    prune: async () => {},
  };
  const log = createEventLog({ rows, clock, log: createLog({ name: 'e', level: 'silent' }) });
  const facts = { kind: 'provider_out', heldMs: 1 } as const;
  for (let at = 0; at < 20_005; at += 1) log.add(seller.address, facts);
  await log.flush();
  expect([log.dropped, stored]).toEqual([5, 0]);
  isBroken = false;
  await log.flush();
  expect(stored).toBe(20_000);
});
