import { createManualClock } from '@aitbc/primitives';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { TaskRow } from '../schema.ts';
import type { Store } from '../store.ts';
import { idOf, openTestStore, type StoreServer, storeKinds } from '../testing/stores.ts';

const startMs = 1_700_000_000_000;

function taskOf(name: string, changes: Partial<TaskRow> = {}): TaskRow {
  return {
    ...{ task_id: idOf(name), place: 10, poster: 'poster', worker: null, arbiter: null },
    ...{ reward: '18446744073709551615', deadline_ms: 9_000, review_ms: 1_000 },
    ...{ spec_hash: idOf(`spec of ${name}`), state: 'open', due_at_ms: 9_000 },
    ...{ result_hash: null, reason_hash: null, worker_share: '0', posted_at_ms: 1_000 },
    ...{ changed_at_ms: 1_000, changed_place: 10, alarm_at_ms: 8_000 },
    ...changes,
  };
}

const stepOf = (name: string, step: string, kind = 'posted') => ({
  ...{ task_id: idOf(name), step, kind, at_ms: 1_000, actor: 'poster', tx_id: null },
});

describe.each(storeKinds)('agents and tasks on $name', ({ canRun, reason, start }) => {
  if (!canRun) {
    test('needs its server', (context) => context.skip(reason));
    return;
  }
  let server: StoreServer;
  let url: string;
  let store: Store;
  const clock = createManualClock(startMs);

  beforeAll(async () => {
    server = await start();
  }, 60_000);
  afterAll(() => server.close());
  beforeEach(async () => {
    url = await server.createDatabase();
    ({ store } = await openTestStore(url, clock));
  });
  afterEach(() => store.close());

  test('a cursor only grows and outlives a restart', async () => {
    expect(await store.cursors.get('a')).toBeUndefined();
    await store.cursors.put('a', { height: 7, hash: idOf('7') });
    await store.cursors.put('a', { height: 6, hash: idOf('6') });
    await store.cursors.put('b', { height: 1, hash: '' });
    await store.close();
    ({ store } = await openTestStore(url, clock));
    expect(await store.cursors.get('a')).toEqual({ height: 7, hash: idOf('7') });
  });

  test('agents are found by skill and by words, page by page, with the newest card', async () => {
    const names = ['ait1a', 'ait1b', 'ait1c'];
    const agents = names.map((address, at) => {
      const card_hash = idOf(`card ${address}`);
      return { address, name: `Agent 100%${at}`, endpoint: 'http://x', card_hash, place: 5 + at };
    });
    await store.agents.put(agents);
    const card = (address: string, words: string, skills: string[]) => ({
      cardHash: idOf(`card ${address}`),
      ...{ document: `{"of":"${address}"}`, words, skills },
    });
    await store.agents.putCard(card('ait1a', 'translates\nfrench', ['translate', 'text']), 1_000);
    await store.agents.putCard(card('ait1b', 'paints', ['paint']), 1_000);
    await store.agents.putCard(card('ait1b', 'paints', ['paint']), 1_000);
    const found = async (query: object) => {
      const rows = await store.agents.page({ limit: 10, ...query });
      return rows.map(({ address }) => address);
    };
    expect(await found({})).toEqual(names);
    expect(await found({ limit: 2 })).toEqual(names.slice(0, 2));
    expect(await found({ after: 'ait1b' })).toEqual(['ait1c']);
    expect(await found({ skill: 'translate' })).toEqual(['ait1a']);
    expect(await found({ q: 'FRENCH' })).toEqual(['ait1a']);
    expect(await found({ q: '0%1' })).toEqual(['ait1b']);
    expect(await found({ q: 'f_ench' })).toEqual([]);
    expect((await store.agents.get('ait1a'))?.document).toBe('{"of":"ait1a"}');
    expect((await store.agents.get('ait1c'))?.document).toBeNull();
    const [first] = agents as [(typeof agents)[0]];
    await store.agents.put([{ ...first, name: 'older', place: 4 }]);
    await store.agents.put([{ ...first, name: 'newer', card_hash: idOf('none'), place: 9 }]);
    expect(await store.agents.get('ait1a')).toMatchObject({ name: 'newer', document: null });
    await store.agents.prune(2_000, 10);
    expect(await store.agents.card(idOf('card ait1a'))).toBeUndefined();
    expect(await store.agents.card(idOf('card ait1b'))).toBeDefined();
    expect(await found({ skill: 'translate' })).toEqual([]);
  });

  test('a task and its steps are stored once, and an older state changes nothing', async () => {
    const open = taskOf('a');
    const accepted = taskOf('a', { state: 'accepted', worker: 'worker', changed_place: 20 });
    await store.tasks.put([{ task: open, step: stepOf('a', '10') }]);
    await store.tasks.put([
      { task: open, step: stepOf('a', '10') },
      { task: accepted, step: stepOf('a', '20', 'accepted') },
    ]);
    await store.tasks.put([{ task: open, step: stepOf('a', '10') }]);
    expect(await store.tasks.get(idOf('a'))).toEqual({ ...accepted, title: null, skill: null });
    const steps = await store.tasks.stepsOf(idOf('a'), 10);
    expect(steps.map(({ kind }) => kind)).toEqual(['posted', 'accepted']);
    expect(steps[0]?.seq).toBeLessThan(steps[1]?.seq ?? 0);
    await store.tasks.propose('shared', [idOf('a'), idOf('b')], 1_000);
    await store.tasks.propose('shared', [idOf('b')], 2_000);
    expect(await store.tasks.proposedBy('shared', 10)).toEqual([idOf('b'), idOf('a')]);
    expect(await store.tasks.proposedBy('nobody', 10)).toEqual([]);
    await store.tasks.prune(1_500, 10);
    expect(await store.tasks.proposedBy('shared', 10)).toEqual([idOf('b')]);
  });

  test('coordinators that follow one chain at once write each step once', async () => {
    const stores = [store];
    if (!store.isAlone) stores.push((await openTestStore(url, clock)).store);
    const states = ['open', 'accepted', 'submitted', 'disputed', 'ended'];
    const rounds = states.map((state, at) => {
      const task = taskOf('a', { state, changed_place: 10 + at, worker: at === 0 ? null : 'w' });
      return { task, step: stepOf('a', `block ${10 + at}`, state) };
    });
    const follow = async ({ tasks, cursors }: Store) => {
      for (const [at, change] of rounds.entries()) {
        await tasks.put([change]);
        await cursors.put('tasks', { height: at, hash: idOf(`${at}`) });
      }
    };
    await Promise.all([...stores, store].map(follow));
    const steps = await store.tasks.stepsOf(idOf('a'), 20);
    expect(steps.map(({ kind }) => kind)).toEqual(states);
    expect(await store.tasks.get(idOf('a'))).toMatchObject({ state: 'ended', changed_place: 14 });
    expect((await store.cursors.get('tasks'))?.height).toBe(4);
    await Promise.all(stores.slice(1).map((other) => other.close()));
  });

  test('tasks are listed newest first by party, state and skill, steps by party or skill', async () => {
    const rows = [
      taskOf('a', { place: 1 }),
      taskOf('b', { place: 2, worker: 'w' }),
      taskOf('c', { place: 3, poster: 'other', arbiter: 'w', state: 'ended', due_at_ms: 0 }),
    ];
    await store.tasks.put(rows.map((task, at) => ({ task, step: stepOf('abc'[at] ?? '', '1') })));
    const spec = { hash: idOf('spec of b'), document: 'text', title: 'B', skill: 'paint' };
    const described = stepOf('b', 'spec', 'described');
    for (const _twice of [1, 2]) {
      await store.tasks.putDocument({ ...spec, stored_at_ms: 5 }, described);
    }
    const found = async (query: object) => {
      const page = await store.tasks.page({ limit: 10, ...query });
      return page.map(({ place }) => place);
    };
    expect(await found({})).toEqual([3, 2, 1]);
    expect(await found({ limit: 2 })).toEqual([3, 2]);
    expect(await found({ before: 3, state: 'open' })).toEqual([2, 1]);
    expect(await found({ poster: 'other' })).toEqual([3]);
    expect(await found({ skill: 'paint' })).toEqual([2]);
    expect(await store.tasks.get(idOf('b'))).toMatchObject({ title: 'B', skill: 'paint' });
    expect(await store.tasks.known([spec.hash, idOf('x')])).toEqual(new Set([spec.hash]));
    const told = async (query: object) => {
      const steps = await store.tasks.steps({ after: 0, limit: 10, ...query });
      return steps.map(({ task_id, kind }) => [task_id, kind]);
    };
    expect(await told({ account: 'w' })).toEqual([
      [idOf('b'), 'posted'],
      [idOf('c'), 'posted'],
      [idOf('b'), 'described'],
    ]);
    expect(await told({ skill: 'paint', limit: 1 })).toEqual([[idOf('b'), 'posted']]);
    expect(await told({ account: 'w', beforeMs: startMs - 1 })).toEqual([]);
    expect(await told({ account: 'w', after: store.tasks.seqAt(startMs + 1_000) })).toEqual([]);
  });

  test('an alarm rings once, unless the task has changed meanwhile', async () => {
    const task = taskOf('a');
    await store.tasks.put([{ task }]);
    expect(await store.tasks.alarms(7_999, 10)).toEqual([]);
    expect(await store.tasks.alarms(8_000, 10)).toEqual([task]);
    await store.tasks.ring(task, 9_000, stepOf('a', 'soon', 'due_soon'));
    expect(await store.tasks.alarms(8_500, 10)).toEqual([]);
    const changed = taskOf('a', { state: 'accepted', changed_place: 11, alarm_at_ms: 8_100 });
    await store.tasks.put([{ task: changed }]);
    await store.tasks.ring(task, null, stepOf('a', 'late', 'overdue'));
    expect(await store.tasks.alarms(9_000, 10)).toEqual([changed]);
    expect(await store.tasks.stepsOf(idOf('a'), 10)).toHaveLength(1);
  });

  test('what has ended long ago is deleted with its steps and documents', async () => {
    const ended = taskOf('old', { state: 'ended', changed_at_ms: 100, alarm_at_ms: null });
    await store.tasks.put([{ task: ended, step: stepOf('old', '1') }, { task: taskOf('new') }]);
    for (const name of ['old', 'new']) {
      const hash = idOf(`spec of ${name}`);
      const document = { hash, document: name, title: null, skill: null, stored_at_ms: 50 };
      await store.tasks.putDocument(document, stepOf(name, 'spec', 'described'));
    }
    await store.tasks.prune(101, 10);
    expect(await store.tasks.get(idOf('old'))).toBeUndefined();
    expect(await store.tasks.stepsOf(idOf('old'), 10)).toEqual([]);
    expect(await store.tasks.document(idOf('spec of old'))).toBeUndefined();
    expect(await store.tasks.document(idOf('spec of new'))).toBe('new');
  });
});
