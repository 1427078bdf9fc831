import { createManualClock } from '@aitbc/primitives';
import type { Alert, ChainFact } from '@aitbc/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../store.ts';
import { idOf, openTestStore, type StoreServer, storeKinds } from '../testing/stores.ts';

const startMs = 1_700_000_000_000;
const [one, two] = ['ait1one', 'ait1two'];

function alertOf(name: string, changes: Partial<Alert> = {}): Alert {
  return {
    ...{ id: idOf(name), atMs: startMs, level: 'medium', pattern: 'self-dealing', text: name },
    ...{ subjects: [{ role: 'provider', address: one }], confidence: 70, thresholds: { least: 1 } },
    ...{ evidence: { txs: [], events: [1, 2] }, ...changes },
  };
}

describe.each(storeKinds)('surveillance on $name', ({ canRun, reason, start }) => {
  if (!canRun) {
    test('needs its server', (context) => context.skip(reason));
    return;
  }
  let server: StoreServer;
  let store: Store;
  const clock = createManualClock(startMs);
  beforeAll(async () => {
    server = await start();
  }, 60_000);
  beforeEach(async () => {
    const opened = await openTestStore(await server.createDatabase(), clock);
    store = opened.store;
    return () => store.close();
  });
  afterAll(() => server.close());

  test('stores an alert once, and what became of it', async () => {
    const { alerts } = store;
    const high = alertOf('b', { level: 'critical', subjects: [{ role: 'payer', address: two }] });
    expect(await alerts.insert([alertOf('a'), high])).toBe(2);
    expect(await alerts.insert([alertOf('a'), alertOf('c', { pattern: 'price-jump' })])).toBe(1);
    const names = async (wish: object) =>
      (await alerts.page({ limit: 10, ...wish })).map(({ text }) => text);
    expect(await names({})).toEqual(['c', 'b', 'a']);
    expect(await names({ after: 0 })).toEqual(['a', 'b', 'c']);
    expect(await names({ level: 'high' })).toEqual(['b']);
    expect(await names({ subject: two })).toEqual(['b']);
    expect(await names({ pattern: 'price-jump' })).toEqual(['c']);
    const [newest] = await alerts.page({ limit: 1 });
    expect(await names({ before: newest?.seq })).toEqual(['b', 'a']);
    const end = { status: 'resolved' as const, note: 'seen', atMs: startMs + 1 };
    const resolved = await alerts.resolve(idOf('a'), end);
    expect(resolved).toEqual({
      ...alertOf('a'),
      seq: resolved?.seq,
      status: 'resolved',
      note: 'seen',
      resolvedAtMs: startMs + 1,
    });
    expect(await alerts.get(idOf('a'))).toEqual(resolved);
    expect(await alerts.resolve(idOf('none'), end)).toBeUndefined();
    expect(await names({ status: 'open' })).toEqual(['c', 'b']);
    const counts = await alerts.counts();
    expect(counts).toContainEqual({
      pattern: 'self-dealing',
      level: 'critical',
      status: 'open',
      alerts: 1,
    });
    await alerts.prune(startMs + 1, 10);
    expect(await names({})).toEqual([]);
  });

  test('stores a fact once, however often its block comes', async () => {
    const facts: ChainFact = { kind: 'transfer', from: one, to: two, amount: '5' };
    const fact = (txId: string, place = 0) => ({ txId, place, height: 1, atMs: startMs, facts });
    await store.facts.insert([fact('x'), fact('x', 1)]);
    await store.facts.insert([fact('x'), fact('y'), fact('x', 1)]);
    clock.advance(10);
    const page = { after: 0, beforeMs: clock.nowMs(), limit: 10 };
    const rows = await store.facts.page(page);
    expect(rows.map(({ tx_id, place }) => [tx_id, place])).toEqual([
      ['x', 0],
      ['x', 1],
      ['y', 0],
    ]);
    expect(JSON.parse(rows[0]?.facts ?? '')).toEqual(facts);
    expect(await store.facts.page({ ...page, after: rows[1]?.seq ?? 0 })).toHaveLength(1);
    await store.facts.prune(clock.nowMs(), 2);
    expect(await store.facts.page(page)).toHaveLength(1);
  });

  test('keeps what detectors remember, and which of them are off', async () => {
    const { patrols } = store;
    expect(await patrols.load()).toBeUndefined();
    await patrols.save(7, { 'self-dealing': '{"last":[1,2]}', equivocation: 'null' });
    await patrols.save(9, { 'self-dealing': '{"last":[3]}' });
    expect(await patrols.load()).toEqual({ seq: 9, states: { 'self-dealing': { last: [3] } } });
    await patrols.put(['a', 'b'], false);
    await patrols.put(['b'], true);
    expect(await patrols.stopped()).toEqual(new Set(['a']));
  });
});
