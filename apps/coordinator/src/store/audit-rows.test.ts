import { createManualClock } from '@aitbc/primitives';
import type { AuditState } from '@aitbc/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { recordOf } from '../testing/audited.ts';
import { identityOf } from '../testing/harness.ts';
import type { AuditRow } from './schema.ts';
import type { Store } from './store.ts';
import { idOf, openTestStore, type StoreServer, storeKinds } from './testing/stores.ts';

const record = recordOf(identityOf('seller'));

function auditOf(name: string, changes: Partial<AuditRow> = {}): AuditRow {
  return {
    ...{ job_id: idOf(name), provider: 'seller', digest: 'd', offer_id: idOf('offer') },
    ...{ record_hash: idOf(`record ${name}`), seed: idOf('seed'), draw_height: 12, draw_bps: 300 },
    ...{ state: 'waiting' as const, version: 0, created_at_ms: 1_000, due_at_ms: 9_000 },
    ...{ auditor: null, passed_over: '[]', report: null, audit_id: null },
    ...changes,
  };
}

describe.each(storeKinds)('audits on $name', ({ canRun, reason, start }) => {
  if (!canRun) {
    test('needs its server', (context) => context.skip(reason));
    return;
  }
  let server: StoreServer;
  let store: Store;
  const clock = createManualClock(1_700_000_000_000);
  const rows = () => store.audits;
  const insert = (name: string, changes?: Partial<AuditRow>) =>
    rows().insert(auditOf(name, changes), record);
  const idsOf = (audits: readonly AuditRow[]) => audits.map(({ job_id }) => job_id);

  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server.close());
  beforeEach(async () => {
    ({ store } = await openTestStore(await server.createDatabase(), clock));
  });
  afterEach(() => store.close());

  test('an audit is stored once, with its record', async () => {
    expect([await insert('a'), await insert('a')]).toEqual([true, false]);
    expect(await rows().get(idOf('a'))).toEqual(auditOf('a'));
    expect(await rows().ofRecord(idOf('record a'))).toEqual(auditOf('a'));
    expect(await rows().record(idOf('record a'))).toEqual(record);
    expect(await rows().recordCount()).toBe(1);
  });

  test('of two changes that start from one version one counts', async () => {
    await insert('a');
    const known = auditOf('a');
    const changed = await Promise.all([
      rows().change(known, { state: 'assigned', auditor: 'x', due_at_ms: 2_000 }),
      rows().change(known, { state: 'assigned', auditor: 'y', due_at_ms: 2_000 }),
    ]);
    expect(changed.filter((row) => row !== undefined)).toHaveLength(1);
    const stored = await rows().get(idOf('a'));
    expect(stored).toMatchObject({ state: 'assigned', version: 1 });
    expect(await rows().dutiesOf(stored?.auditor ?? '', 10)).toEqual([stored]);
    expect(await rows().dutiesOf('z', 10)).toEqual([]);
  });

  test('what is under way comes in the order of its dates, and no end is under way', async () => {
    await insert('late', { due_at_ms: 30 });
    await insert('soon', { due_at_ms: 20 });
    await insert('over', { state: 'honest', due_at_ms: null });
    const states: AuditState[] = ['waiting', 'honest'];
    expect(idsOf(await rows().underWay(states, 10))).toEqual([idOf('soon'), idOf('late')]);
    expect(await rows().underWay(states, 1)).toHaveLength(1);
  });

  test('pages go from the newest to the oldest, also through audits of one moment', async () => {
    for (const name of ['a', 'b', 'c', 'd']) await insert(name, { created_at_ms: 5 });
    await insert('new', { created_at_ms: 6, provider: 'other', state: 'guilty' });
    const seen: string[] = [];
    let before: AuditRow | undefined;
    for (;;) {
      const page = await rows().page({ before, limit: 2 });
      seen.push(...idsOf(page));
      before = page.at(-1);
      if (page.length < 2) break;
    }
    expect(seen[0]).toBe(idOf('new'));
    expect(new Set(seen).size).toBe(5);
    const guilty = await rows().page({ provider: 'other', states: ['guilty'], limit: 9 });
    expect(idsOf(guilty)).toEqual([idOf('new')]);
    expect(await rows().page({ provider: 'other', states: ['honest'], limit: 9 })).toEqual([]);
    expect((await rows().ends(['guilty'], 9)).map(({ provider }) => provider)).toEqual(['other']);
  });

  test('records are deleted before their audits', async () => {
    await insert('a');
    await rows().pruneRecords(1_001, 10);
    expect(await rows().record(idOf('record a'))).toBeUndefined();
    expect(await rows().get(idOf('a'))).toBeDefined();
    await rows().prune(1_001, 10);
    expect(await rows().get(idOf('a'))).toBeUndefined();
  });

  test('a report keeps which block draws its job', async () => {
    const receipt = record.parts[0]?.receipt;
    const report = {
      ...{ job_id: idOf('a'), provider: 'seller', model: 'tiny', tokens: 2, first_token_ms: 1 },
      ...{ duration_ms: 2, reported_at_ms: 3, receipt: JSON.stringify(receipt) },
    };
    await store.reports.insert({ ...report, draw_height: 12, draw_bps: 300 });
    await store.reports.insert({ ...report, job_id: idOf('b'), draw_height: null, draw_bps: null });
    expect(await store.reports.draw(idOf('a'))).toEqual({ receipt, height: 12, rateBps: 300 });
    expect(await store.reports.draw(idOf('b'))).toBeUndefined();
  });
});
