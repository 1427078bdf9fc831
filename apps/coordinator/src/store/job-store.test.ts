import type { JobEvent } from '@aitbc/market';
import { createManualClock } from '@aitbc/primitives';
import { limits, type SignedReceipt } from '@aitbc/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { JobRecord } from './job-rows.ts';
import type { Store } from './store.ts';
import { idOf, newJob, openTestStore, type StoreServer, storeKinds } from './testing/stores.ts';

const provider = 'seller';
const error = { code: 'QUEUE_FULL', message: 'full' };
const events = {
  accepted: { type: 'accepted', provider },
  result: { type: 'result', provider },
  refused: { type: 'failed', provider, error, retryable: true },
  broken: { type: 'failed', provider, error, retryable: false },
  lost: { type: 'lost', provider },
  cancel: { type: 'cancel' },
  tick: { type: 'tick' },
} satisfies Record<string, JobEvent>;
const receipt = { payload: {}, signature: '' } as unknown as SignedReceipt;
const batchId = idOf('batch');

describe.each(storeKinds)('jobs on $name', ({ canRun, reason, start }) => {
  if (!canRun) {
    test('needs its server', (context) => context.skip(reason));
    return;
  }
  let server: StoreServer;
  let url: string;
  let store: Store;
  let others: Store[];
  const clock = createManualClock(1_700_000_000_000);

  const open = async (): Promise<Store> => {
    const opened = await openTestStore(url, clock);
    others.push(opened.store);
    return opened.store;
  };
  const enqueue = (...names: string[]) =>
    store.jobs.enqueue(names.map((name) => newJob(name, clock.nowMs())));
  const change = async (name: string, event: JobEvent, output?: { answer: unknown }) =>
    store.jobs.change({
      jobId: idOf(name),
      event,
      ...(output && { output: { ...output, receipt } }),
    });
  const lease = async (limit = 10, from = store) =>
    (await from.jobs.lease(provider, limit)).map(({ stored }) => stored.job.jobId);
  const stateOf = async (name: string) => (await store.jobs.get(idOf(name)))?.job.state;

  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server.close());
  beforeEach(async () => {
    url = await server.createDatabase();
    others = [];
    store = await open();
  });
  afterEach(async () => {
    for (const opened of others) await opened.close();
  });

  test('a job is what it was when it comes back, also from another process', async () => {
    const deadlineMs = clock.nowMs() + 5_000;
    const changes: Partial<JobRecord> = { webhook: 'https://example.org/', payer: 'ä "quoted"' };
    const wanted = newJob('a', clock.nowMs(), { ...changes, deadlineMs });
    const [added] = await store.jobs.enqueue([wanted]);
    expect(added).toMatchObject({ isNew: true, stored: wanted.record });
    const again = others.length === 1 ? await reopen() : store;
    expect(await again.jobs.get(idOf('a'))).toEqual(added?.stored);
    const [leased] = await again.jobs.lease(provider, 1);
    expect(leased?.papers).toEqual(wanted.papers);
    expect(await again.jobs.get(idOf('nobody'))).toBeUndefined();
  });

  async function reopen(): Promise<Store> {
    await store.close();
    others = others.filter((other) => other !== store);
    store = await open();
    return store;
  }

  test('a job that is queued twice, at once or later, is queued once and keeps its first terms', async () => {
    const twin = newJob('a', clock.nowMs(), { model: 'other' });
    const answers = await Promise.all([
      store.jobs.enqueue([newJob('a', clock.nowMs())]),
      store.jobs.enqueue([twin, newJob('b', clock.nowMs())]),
    ]);
    expect(answers.flat().map(({ stored }) => stored.model)).toEqual(['tiny', 'tiny', 'tiny']);
    const [late] = await store.jobs.enqueue([twin]);
    expect(late).toMatchObject({ isNew: false, stored: { model: 'tiny' } });
    expect(await lease()).toHaveLength(2);
  });

  test('jobs are leased oldest first, once, and only those of the provider', async () => {
    await enqueue('a', 'b', 'c');
    await store.jobs.enqueue([newJob('x', clock.nowMs(), { provider: 'other' })]);
    expect(await lease(2)).toEqual([idOf('a'), idOf('b')]);
    const rest = await Promise.all([lease(), lease(), lease()]);
    expect(rest.flat()).toEqual([idOf('c')]);
    const held = await store.jobs.inHandOf(store.owner, 10);
    expect(held.map(({ job }) => job.state)).toEqual(['dispatched', 'dispatched', 'dispatched']);
    expect(await store.jobs.providersWithWork(clock.nowMs(), 10)).toEqual(['other']);
  });

  test('a job goes through its states, and its counts with it', async () => {
    await enqueue('a');
    await lease();
    expect(await change('a', events.accepted)).toMatchObject({
      ok: true,
      value: { job: { state: 'running' }, owner: store.owner },
    });
    await change('a', events.result, { answer: { text: 'hi \u0000 \ud800' } });
    expect(await store.jobs.get(idOf('a'))).toMatchObject({
      job: { state: 'completed', attempts: 1 },
      owner: null,
    });
    expect(await store.jobs.output(idOf('a'))).toEqual({
      answer: { text: 'hi \u0000 \ud800' },
      receipt,
    });
    expect(await store.jobs.output(idOf('b'))).toBeUndefined();
    expect(Object.fromEntries(await store.jobs.counts())).toEqual({
      queued: 0,
      dispatched: 0,
      running: 0,
      completed: 1,
    });
  });

  test('events of one moment are applied in their order', async () => {
    await enqueue('a', 'b');
    await lease();
    const answers = await Promise.all([
      change('a', events.accepted),
      change('b', events.broken),
      change('a', events.result, { answer: 1 }),
      change('a', events.result, { answer: 2 }),
      change('nobody', events.result),
    ]);
    expect(answers.map((answer) => (answer.ok ? answer.value.job.state : answer.code))).toEqual([
      'completed',
      'failed',
      'completed',
      'JOB_STATE_WRONG',
      'JOB_UNKNOWN',
    ]);
    expect(await store.jobs.output(idOf('a'))).toMatchObject({ answer: 1 });
  });

  test('a job that is turned down waits longer each time and then fails with all its tries', async () => {
    await enqueue('a');
    for (let attempt = 1; attempt <= limits.jobAttempts; attempt += 1) {
      expect(await lease()).toEqual([idOf('a')]);
      await change('a', events.refused);
      if (attempt === limits.jobAttempts) break;
      expect(await lease()).toEqual([]);
      clock.advance(1_000 * 2 ** (attempt - 1));
    }
    expect(await store.jobs.get(idOf('a'))).toMatchObject({
      job: { state: 'failed', attempts: limits.jobAttempts, error },
    });
  });

  test('time ends what is past its deadline and takes back what nobody answered', async () => {
    await enqueue('a', 'b');
    await lease(1);
    clock.advance(limits.leaseMs);
    await change('a', events.tick);
    expect(await store.jobs.get(idOf('a'))).toMatchObject({
      job: { state: 'queued', failures: 1 },
    });
    clock.advance(limits.jobLifetimeMs);
    const due = await store.jobs.overdue(clock.nowMs(), 10);
    expect(due.map(({ job }) => job.jobId)).toEqual([idOf('b')]);
    await change('b', events.tick);
    expect(await stateOf('b')).toBe('expired');
    expect(await store.jobs.overdue(clock.nowMs(), 10)).toEqual([]);
    expect(await lease()).toEqual([]);
  });

  test('a cancelled job is not leased any more', async () => {
    await enqueue('a', 'b');
    await change('a', events.cancel);
    expect(await lease()).toEqual([idOf('b')]);
    expect(await change('b', events.cancel)).toMatchObject({ code: 'JOB_STATE_WRONG' });
  });

  test('what was known of a job may be old: the event is applied to what is stored', async () => {
    await enqueue('a');
    const [leased] = await store.jobs.lease(provider, 1);
    const known = leased?.stored;
    if (!known) throw new Error('nothing was leased');
    await change('a', events.accepted);
    const jobId = idOf('a');
    const verdict = await store.jobs.change({ jobId, event: events.lost, known });
    expect(verdict).toMatchObject({ value: { job: { state: 'queued', losses: 1 } } });
    expect(await stateOf('a')).toBe('queued');
  });

  test('an event of one who does not have the job in hand means nothing', async () => {
    await enqueue('a');
    await lease();
    const jobId = idOf('a');
    const verdict = await store.jobs.change({ jobId, event: events.lost, ifOwner: 'somebody' });
    expect(verdict).toMatchObject({ ok: true, value: { job: { state: 'dispatched' } } });
    expect(await stateOf('a')).toBe('dispatched');
  });

  test('text that no database keeps is replaced, and a neighbour in the group is not harmed', async () => {
    await enqueue('a', 'b');
    await lease();
    const message = 'bad \u0000 \ud800 text';
    const bad: JobEvent = { ...events.broken, error: { code: 'X\u0000', message } };
    await Promise.all([change('a', bad), change('b', events.result, { answer: 1 })]);
    expect((await store.jobs.get(idOf('a')))?.job.error).toEqual({
      code: 'X\ufffd',
      message: 'bad \ufffd \ufffd text',
    });
    expect(await stateOf('b')).toBe('completed');
  });

  test('old jobs are deleted with their papers, young and open ones stay', async () => {
    await enqueue('a', 'b');
    await lease(1);
    await change('a', events.result, { answer: 1 });
    const endedMs = clock.nowMs();
    clock.advance(1_000);
    await store.jobs.prune(endedMs, 10);
    expect(await stateOf('a')).toBe('completed');
    await store.jobs.prune(endedMs + 1, 10);
    expect(await stateOf('a')).toBeUndefined();
    expect(await store.jobs.output(idOf('a'))).toBeUndefined();
    expect(await stateOf('b')).toBe('queued');
    expect((await store.jobs.counts()).get('completed')).toBe(0);
  });

  test('a batch numbers its jobs in the order of their end and is done when all have ended', async () => {
    const webhook = 'https://example.org/batch';
    const batch = { batch_id: batchId, payer: 'buyer', created_at_ms: clock.nowMs(), webhook };
    const none = { done: 0, completed: 0, failed: 0, expired: 0, cancelled: 0 };
    await store.batches.open({ ...batch, ...none, total: 0, is_whole: 0 });
    const rows = ['a', 'b', 'c'].map((name, row) =>
      newJob(name, clock.nowMs(), { batch: { batchId, row } }),
    );
    await store.jobs.enqueue(rows);
    await lease(2);
    await change('b', events.result, { answer: 'b' });
    await Promise.all([change('a', events.broken), change('c', events.cancel)]);
    expect(await store.webhooks.take(10, 1_000)).toEqual([]);
    await store.batches.seal(batchId, 3);
    expect(await store.batches.get(batchId)).toMatchObject({
      ...{ total: 3, done: 3, completed: 1, failed: 1, cancelled: 1 },
    });
    const ended = await store.batches.ended(batchId, { after: 0, limit: 10 });
    expect(ended.map(({ done }) => done)).toEqual([1, 2, 3]);
    expect(ended[0]).toMatchObject({ stored: { batch: { row: 1 } }, answer: '"b"' });
    expect(await store.batches.ended(batchId, { after: 2, limit: 10 })).toHaveLength(1);
    expect(await store.webhooks.take(10, 1_000)).toMatchObject([
      { subject: batchId, kind: 'batch', url: webhook, attempts: 1 },
    ]);
  });

  test('a notice is taken by one, again after a while, until it is removed', async () => {
    const wanted = newJob('a', clock.nowMs(), { webhook: 'https://example.org/' });
    await store.jobs.enqueue([wanted]);
    await change('a', events.cancel);
    const taken = await Promise.all([store.webhooks.take(5, 1_000), store.webhooks.take(5, 1_000)]);
    expect(taken.flat()).toHaveLength(1);
    clock.advance(1_000);
    expect(await store.webhooks.take(5, 1_000)).toMatchObject([{ attempts: 2 }]);
    await store.webhooks.postpone(idOf('a'), clock.nowMs() + 60_000);
    clock.advance(1_000);
    expect(await store.webhooks.take(5, 1_000)).toEqual([]);
    await store.webhooks.remove(idOf('a'));
    clock.advance(60_000);
    expect(await store.webhooks.take(5, 1_000)).toEqual([]);
  });

  test('a database belongs to one chain', async () => {
    await store.bindChain('aa'.repeat(32));
    await store.bindChain('aa'.repeat(32));
    await expect(store.bindChain('bb'.repeat(32))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
  });

  test('counts of a coordinator that is gone go over to the one that removes it', async () => {
    await enqueue('a', 'b');
    const before = store.owner;
    await store.coordinators.beat();
    const next = await reopen();
    expect((await next.coordinators.beat()).map(({ owner }) => owner).sort()).toEqual(
      [before, next.owner].sort(),
    );
    await next.coordinators.retire(before);
    await next.coordinators.retire(before);
    expect((await next.coordinators.beat()).map(({ beats }) => beats)).toEqual([2]);
    expect((await next.jobs.counts()).get('queued')).toBe(2);
  });

  test('after the end everything is refused', async () => {
    await reopen();
    const closed = store;
    await reopen();
    await expect(closed.jobs.enqueue([newJob('a', clock.nowMs())])).rejects.toMatchObject({
      code: 'CANCELLED',
    });
  });
});
