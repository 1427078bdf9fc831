/** What only a database with several coordinators can show: real PostgreSQL, two stores. */
import { createManualClock } from '@aitbc/primitives';
import { until } from '@aitbc/service';
import {
  hasPostgresServer,
  noPostgresReason,
  type PostgresServer,
  startPostgresServer,
} from '@aitbc/service/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createJobBook } from '../jobs/job-book.ts';
import type { Store } from './store.ts';
import { idOf, newJob, openTestStore } from './testing/stores.ts';

const provider = 'seller';
const leaseMs = 15_000;
const beatMs = 5_000;

describe.skipIf(!hasPostgresServer())(`two coordinators (${noPostgresReason})`, () => {
  let server: PostgresServer;
  let clock: ReturnType<typeof createManualClock>;
  let first: Store;
  let second: Store;
  let fatal: unknown[];

  beforeAll(async () => {
    server = await startPostgresServer();
  }, 60_000);
  afterAll(() => server?.close());
  beforeEach(async () => {
    clock = createManualClock(1_700_000_000_000);
    const url = await server.createDatabase();
    const opened = await Promise.all([openTestStore(url, clock), openTestStore(url, clock)]);
    [first, second] = opened.map(({ store }) => store) as [Store, Store];
    fatal = opened.flatMap((one) => one.fatal);
  });
  afterEach(async () => {
    await Promise.all([first.close(), second.close()]);
    expect(fatal).toEqual([]);
  });

  const names = Array.from({ length: 300 }, (_, at) => `job ${at}`);
  const queued = (from: Store, count = names.length) =>
    from.jobs.enqueue(names.slice(0, count).map((name) => newJob(name, clock.nowMs())));

  test('queue the same jobs at once: each is there once', async () => {
    const answers = await Promise.all([queued(first), queued(second), queued(first)]);
    expect(answers.flat().filter(({ isNew }) => isNew).length).toBeGreaterThanOrEqual(300);
    expect(await second.jobs.waitingOf(provider, 1_000)).toBe(300);
    expect((await first.jobs.counts()).get('queued')).toBe(300);
  });

  test('take jobs at once: none gets what the other has', async () => {
    await queued(first);
    const takes = Array.from({ length: 40 }, (_, at) =>
      (at % 2 === 0 ? first : second).jobs.lease(provider, 10),
    );
    const taken = (await Promise.all(takes)).flat().map(({ stored }) => stored.job.jobId);
    expect(new Set(taken).size).toBe(taken.length);
    const rest = await first.jobs.lease(provider, 1_000);
    expect(taken.length + rest.length).toBe(300);
  });

  test("hear of each other's new work", async () => {
    const heard: (readonly string[] | undefined)[] = [];
    await second.onWork((providers) => void heard.push(providers));
    expect(heard).toEqual([undefined]);
    await queued(second, 1);
    await first.jobs.enqueue([newJob('other', clock.nowMs())]);
    await until(() => heard.length === 2);
    expect(heard[1]).toEqual([provider]);
  });

  test('change one job at once: both changes count, one after the other', async () => {
    await queued(first, 1);
    const [leased] = await first.jobs.lease(provider, 1);
    const jobId = idOf('job 0');
    const known = leased?.stored;
    if (!known) throw new Error('nothing was leased');
    const answers = await Promise.all([
      first.jobs.change({ jobId, known, event: { type: 'accepted', provider } }),
      second.jobs.change({ jobId, known, event: { type: 'lost', provider } }),
    ]);
    expect(answers.every(({ ok }) => ok)).toBe(true);
    expect((await first.jobs.get(jobId))?.job).toMatchObject({ mayRun: true, attempts: 1 });
    expect((await first.jobs.get(jobId))?.version).toBe(3);
  });

  test('one dies: the other takes its jobs back when its beats stand still, not before', async () => {
    const books = [first, second].map((store) => createJobBook({ store, clock }));
    const [dying, living] = books as [(typeof books)[0], (typeof books)[0]];
    if (!dying || !living) throw new Error('there are two');
    await Promise.all([dying.load(), living.load()]);
    await queued(first, 2);
    await dying.lease(provider, 1);
    await living.lease(provider, 1);
    for (let passed = 0; passed < 3 * leaseMs; passed += beatMs) {
      clock.advance(beatMs);
      await living.apply(idOf('job 1'), { type: 'accepted', provider });
      await dying.apply(idOf('job 0'), { type: 'accepted', provider });
      await dying.tick();
      await living.tick();
    }
    expect((await living.get(idOf('job 0')))?.job.state).toBe('running');
    clock.advance(leaseMs - 1);
    await living.tick();
    expect((await first.jobs.get(idOf('job 0')))?.job.state).toBe('running');
    clock.advance(beatMs);
    await living.tick();
    expect((await first.jobs.get(idOf('job 0')))?.job).toMatchObject({
      state: 'queued',
      losses: 1,
    });
    expect((await first.jobs.get(idOf('job 1')))?.job.state).toBe('running');
    expect(await living.counts()).toMatchObject({ queued: 1, running: 1, dispatched: 0 });

    // It was only slow: it finds that its job has gone, and nothing it says as owner counts.
    clock.advance(1_000);
    const [again] = await living.lease(provider, 1);
    expect(again?.stored.job.jobId).toBe(idOf('job 0'));
    expect(dying.heldBy(provider).size).toBe(1);
    await dying.apply(idOf('job 0'), { type: 'lost', provider }, { ifOwner: true });
    await dying.tick();
    expect(dying.heldBy(provider).size).toBe(0);
    expect((await first.jobs.get(idOf('job 0')))?.job.state).toBe('dispatched');
  });

  test('outlive their server: work is refused while it is away and goes on afterwards', async () => {
    await queued(first, 3);
    await first.jobs.lease(provider, 1);
    await server.kill();
    const refused = { code: 'UNAVAILABLE' };
    await expect(first.jobs.lease(provider, 1)).rejects.toMatchObject(refused);
    await expect(queued(second)).rejects.toMatchObject(refused);
    await server.start();
    const lease = () => second.jobs.lease(provider, 10);
    const leased = await until(lease, { timeoutMs: 20_000 });
    expect(leased.map(({ stored }) => stored.job.jobId)).toEqual([idOf('job 1'), idOf('job 2')]);
  });
});
