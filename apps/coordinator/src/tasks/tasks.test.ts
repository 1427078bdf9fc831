import { createServer } from 'node:http';
import { keyPairFromSeed } from '@aitbc/primitives';
import {
  type AgentCard,
  agentCardPath,
  type ListedTask,
  makeAgentCard,
  recordToJson,
  type TaskNews,
  type TaskSpec,
  taskIdOf,
  txKinds,
} from '@aitbc/protocol';
import {
  createCoordinatorClient,
  createTasks,
  createTransport,
  registerAgent,
  type Tasks,
  taskPostOf,
} from '@aitbc/sdk';
import { until } from '@aitbc/service';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Bench,
  createTestChain,
  type Identity,
  identityOf,
  network,
  startBench,
  startMs,
} from '../testing/harness.ts';
import { createTestSender } from '../testing/test-sender.ts';

const [poster, worker, arbiter] = ['poster', 'worker', 'arbiter'].map(identityOf) as [
  Identity,
  Identity,
  Identity,
];
const keysOf = (seed: number) => keyPairFromSeed(new Uint8Array(32).fill(seed));
const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const [posterKeys, arbiterKeys] = [keysOf(1), keysOf(2)];
const spec: TaskSpec = { title: 'Ten names', skill: 'Naming', text: 'Ten names for a cat.' };
const dayMs = 24 * 3_600_000;

let bench: Bench;
const transport = createTransport();
const nowMs = () => bench.clock.nowMs();

/** The tasks of an account; chain and coordinator are those of the bench. */
function tasksOf(identity: Identity, keys = posterKeys): Tasks {
  const { chain, client: coordinator, url: coordinatorUrl } = bench;
  const rpc = {
    state_getTask: async ({ taskId }: { taskId: string }) => {
      const task = await chain.work.task(taskId);
      if (!task) throw new Error('unknown');
      return task;
    },
  };
  const node = { rpc, network: async () => ({ network, params: {} }) } as never;
  const sender = createTestSender(chain, identity, nowMs);
  return createTasks({ node, sender, coordinator, coordinatorUrl, transport, keys: [keys] });
}

const terms = (changes: object = {}) => ({
  ...{ spec, rewardNait: 5_000n, deadlineMs: nowMs() + dayMs, reviewMs: 60_000 },
  ...{ worker: worker.address, arbiter: arbiter.address },
  ...changes,
});

/** News of a query, gathered until the test ends. */
function gather(query: object): { news: TaskNews[]; end(): void } {
  const ending = new AbortController();
  const news: TaskNews[] = [];
  const read = async () => {
    for await (const one of tasksOf(poster).watch(query, ending.signal)) news.push(one);
  };
  read().catch(() => {});
  return { news, end: () => ending.abort() };
}

const kindsOf = (news: readonly { kind: string }[]) => news.map(({ kind }) => kind);
const shown = async (taskId: string): Promise<ListedTask> =>
  (await bench.client.getTask({ taskId })).task;

beforeAll(async () => {
  bench = await startBench({ chain: createTestChain() });
});
afterAll(async () => {
  await transport.close();
  await bench.stop();
});

describe('agents', () => {
  const cardOf = (identity: Identity, changes: object = {}): AgentCard =>
    makeAgentCard({
      ...{ address: identity.address, name: 'Namer', description: 'Finds names.' },
      url: 'http://127.0.0.1:9',
      skills: [{ id: 'Naming', name: 'Naming', description: 'Names things.', tags: ['words'] }],
      ...changes,
    });

  test('register, hand their card in, and are found by what they can do', async () => {
    const sender = createTestSender(bench.chain, worker, nowMs);
    const card = cardOf(worker);
    const done = await registerAgent({ sender, coordinator: bench.client }, card);
    expect(done).toMatchObject({ address: worker.address, isCardStored: true });
    for (const query of [{}, { skill: 'naming' }, { skill: 'WORDS' }, { q: 'finds' }]) {
      const { agents, next } = await bench.client.listAgents(query);
      expect(agents).toMatchObject([{ address: worker.address, name: 'Namer', card }]);
      expect(next).toBeNull();
    }
    expect((await bench.client.listAgents({ skill: 'painting' })).agents).toEqual([]);
    const { address } = worker;
    expect(await bench.client.getAgent({ address })).toMatchObject({ cardHash: done.cardHash });
    const answer = await fetch(`${bench.url}/v1/agents/${address}${agentCardPath}`);
    expect(await answer.json()).toEqual(card);
  });

  test('cannot be given a card that is not on chain, is not theirs, or is none', async () => {
    const give = (address: string, card: unknown) =>
      bench.client.giveAgentCard({ address, card: card as Record<string, unknown> });
    const other = cardOf(worker, { description: 'Somebody changed it.' });
    await expect(give(worker.address, other)).rejects.toMatchObject({ code: 'CARD_WRONG' });
    await expect(give(arbiter.address, cardOf(arbiter))).rejects.toMatchObject({
      code: 'AGENT_UNKNOWN',
    });
    await expect(give(worker.address, { name: 'x' })).rejects.toMatchObject({
      code: 'CARD_INVALID',
    });
    const stolen = cardOf(worker);
    const sender = createTestSender(bench.chain, arbiter, nowMs);
    const { cardHash } = await bench.client.getAgent({ address: worker.address });
    await sender.send('agent_register', { name: 'Thief', endpoint: 'http://x', cardHash });
    await expect(give(arbiter.address, stolen)).rejects.toMatchObject({ code: 'CARD_INVALID' });
    const unknown = identityOf('nobody').address;
    await expect(bench.client.getAgent({ address: unknown })).rejects.toMatchObject({
      code: 'AGENT_UNKNOWN',
    });
    await expect(bench.client.agentCard({ address: unknown })).rejects.toMatchObject({
      code: 'AGENT_UNKNOWN',
    });
  });
});

describe('tasks', () => {
  test('are told to their parties step by step, with documents that fit the chain', async () => {
    const heard = gather({ account: worker.address, after: 0 });
    const sealTo = [posterKeys, arbiterKeys].map(({ publicKey }) => hexOf(publicKey));
    const posted = await tasksOf(poster).post(terms({ spec: { ...spec, sealTo } }));
    expect(posted.isDocumentStored).toBe(true);
    const { taskId } = posted;
    const byWorker = tasksOf(worker, keysOf(9));
    expect(await byWorker.spec(taskId)).toMatchObject({ skill: 'naming', sealTo });
    await byWorker.accept(taskId);
    await byWorker.submit(taskId, 'Minka, Mia');
    const readers = [tasksOf(poster), tasksOf(arbiter, arbiterKeys), byWorker];
    const read = await Promise.all(readers.map((tasks) => tasks.result(taskId)));
    expect(read.map((result) => result.text)).toEqual(['Minka, Mia', 'Minka, Mia', undefined]);
    await tasksOf(poster).dispute(taskId, 'only two');
    expect(await byWorker.reason(taskId)).toBe('only two');
    await tasksOf(arbiter).resolve(taskId, 1_000n);
    await until(() => heard.news.length >= 8);
    heard.end();
    const steps = ['posted', 'accepted', 'submitted', 'disputed', 'resolved'];
    const papers = ['described', 'delivered', 'reasoned'];
    const kinds = kindsOf(heard.news);
    expect(kinds.filter((kind) => steps.includes(kind))).toEqual(steps);
    expect(kinds.filter((kind) => papers.includes(kind))).toEqual(papers);
    const { task, events, documents } = await bench.client.getTask({ taskId });
    expect(task).toMatchObject(bench.chain.work.tasks.get(taskId) ?? {});
    expect(task).toMatchObject({ state: 'ended', workerShareNait: '1000', title: 'Ten names' });
    expect(kindsOf(events)).toEqual(kinds);
    expect(documents).toEqual(['spec', 'result', 'reason']);
    expect(events[1]).toMatchObject({ taskId });
  });

  test('are listed by state, party and skill, newest first', async () => {
    const mine = await tasksOf(poster).post(terms({ worker: undefined }));
    const open = await until(async () => {
      const { tasks } = await bench.client.listTasks({ state: 'open', skill: 'Naming' });
      return tasks.find(({ taskId }) => taskId === mine.taskId) && tasks;
    });
    expect(open[0]).toMatchObject({ taskId: mine.taskId, worker: null, dueMs: nowMs() + dayMs });
    const { tasks: ofWorker } = await bench.client.listTasks({ worker: worker.address });
    expect(ofWorker.map(({ taskId }) => taskId)).not.toContain(mine.taskId);
    const { tasks: all, next } = await bench.client.listTasks({ poster: poster.address });
    expect(all[0]?.taskId).toBe(mine.taskId);
    expect(next).toBeNull();
  });

  test('take no document that the chain does not name', async () => {
    const { taskId } = await tasksOf(poster).post(terms());
    const give = (name: 'spec' | 'result', document: string, id = taskId) =>
      bench.client.giveTaskDocument({ taskId: id, name, document });
    await expect(give('spec', 'another')).rejects.toMatchObject({ code: 'DOCUMENT_WRONG' });
    await expect(give('result', 'none yet')).rejects.toMatchObject({
      code: 'DOCUMENT_WRONG',
      facts: { expected: 'none' },
    });
    const unknown = 'ff'.repeat(32);
    await expect(give('spec', 'x', unknown)).rejects.toMatchObject({ code: 'TASK_UNKNOWN' });
    await expect(bench.client.getTask({ taskId: unknown })).rejects.toMatchObject({
      code: 'TASK_UNKNOWN',
    });
    await expect(bench.client.taskDocument({ taskId, name: 'result' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    const nul = await tasksOf(poster).post(terms({ spec: 'a\0b' }));
    expect(nul.isDocumentStored).toBe(false);
  });

  test('a lying coordinator is found out by the hash', async () => {
    const { taskId } = await tasksOf(poster).post(terms());
    const server = createServer((_request, response) => {
      const body = { document: 'forged', hash: 'ab'.repeat(32) };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    }).listen(0, '127.0.0.1');
    await new Promise((done) => server.once('listening', done));
    const { port } = server.address() as { port: number };
    const coordinatorUrl = `http://127.0.0.1:${port}`;
    const coordinator = createCoordinatorClient({ baseUrl: coordinatorUrl });
    const rpc = { state_getTask: () => bench.chain.work.task(taskId) };
    const node = { rpc, network: async () => ({ network, params: {} }) } as never;
    const sender = createTestSender(bench.chain, poster, nowMs);
    const tasks = createTasks({ node, sender, coordinator, coordinatorUrl, transport });
    await expect(tasks.spec(taskId)).rejects.toMatchObject({ code: 'DOCUMENT_WRONG' });
    server.close();
  });

  test('news go on after a lost connection, from the last one on', async () => {
    const { taskId } = await tasksOf(poster).post(terms());
    const first = gather({ account: poster.address, after: 0 });
    await until(() =>
      first.news.some((news) => news.taskId === taskId && news.kind === 'described'),
    );
    first.end();
    await tasksOf(worker).accept(taskId);
    const last = Math.max(...first.news.map(({ seq }) => seq));
    const second = gather({ account: poster.address, after: last });
    await until(() => second.news.length > 0);
    second.end();
    expect(second.news).toMatchObject([{ kind: 'accepted', taskId, actor: worker.address }]);
    const nothing = fetch(`${bench.url}/v1/tasks/events`);
    expect((await nothing).status).toBe(400);
  });

  test('skill watchers hear of a task when its specification is there', async () => {
    const heard = gather({ skill: 'rare-skill', after: 0 });
    const rare = { ...spec, skill: 'Rare-Skill' };
    const { taskId } = await tasksOf(poster).post(terms({ spec: rare, worker: undefined }));
    await until(() => heard.news.some(({ kind }) => kind === 'described'));
    heard.end();
    expect(new Set(heard.news.map((news) => news.taskId))).toEqual(new Set([taskId]));
  });

  test('say when a date is near and when it has passed', async () => {
    const { taskId } = await tasksOf(poster).post(terms({ deadlineMs: nowMs() + 3 * 3_600_000 }));
    await until(() => shown(taskId));
    const kinds = async () => kindsOf((await bench.client.getTask({ taskId })).events);
    await until(async () => (await kinds()).includes('posted'));
    await bench.pass(2 * 3_600_000 + 15 * 60_000);
    expect(await kinds()).not.toContain('overdue');
    await until(async () => (await kinds()).includes('due_soon'));
    await bench.pass(3_600_000);
    await until(async () => (await kinds()).includes('overdue'));
    await bench.pass(3_600_000);
    expect((await kinds()).filter((kind) => kind === 'overdue')).toHaveLength(1);
    await tasksOf(arbiter).expire(taskId);
    await until(async () => (await shown(taskId)).state === 'ended');
  });

  test('follow what a shared account does, from its proposals', async () => {
    const shared = identityOf('shared');
    const { chain } = bench;
    const { taskId } = await tasksOf(poster).post(terms({ worker: undefined }));
    await until(() => shown(taskId));
    const known = chain.work.tasks.get(taskId);
    if (!known) throw new Error('the chain has it');
    const { body: post } = taskPostOf(terms({ spec: 'of a shared account' }));
    const operations = [
      { kind: 'task_accept', body: { taskId } },
      { kind: 'task_post', body: recordToJson(txKinds.task_post.fields, post) },
    ];
    const proposal = { multisig: shared.address, expiresAtMs: nowMs() + dayMs, operations };
    chain.blocks.add(nowMs(), { kind: 'multisig_propose', from: worker.address, body: proposal });
    const posted = taskIdOf(network, shared.accountId, post);
    chain.work.tasks.set(taskId, { ...known, state: 'accepted', worker: shared.address });
    chain.work.tasks.set(posted, { ...known, taskId: posted, poster: shared.address });
    const agent = { address: shared.address, name: 'Shared', endpoint: 'http://x' };
    chain.work.agents.set(shared.address, { ...agent, cardHash: 'ab'.repeat(32) });
    const body = { multisig: shared.address };
    chain.blocks.add(nowMs(), { kind: 'multisig_approve', from: arbiter.address, body });
    await until(async () => (await shown(taskId)).worker === shared.address);
    const { tasks } = await bench.client.listTasks({ poster: shared.address });
    expect(tasks.map((task) => task.taskId)).toEqual([posted]);
    await until(async () => (await bench.client.listAgents({ q: 'shared' })).agents.length === 1);
  });

  test('that were not seen are asked for at the node', async () => {
    const [known] = bench.chain.work.tasks.values();
    if (!known) throw new Error('there is one');
    const hidden = { ...known, taskId: 'cd'.repeat(32) };
    bench.chain.work.tasks.set(hidden.taskId, hidden);
    expect(await shown(hidden.taskId)).toMatchObject({
      taskId: hidden.taskId,
      state: hidden.state,
    });
  });

  test('outlive a crash of the coordinator, and its index goes on where it was', async () => {
    const { taskId } = await tasksOf(poster).post(terms());
    await until(() => shown(taskId));
    const { chain } = bench;
    bench = await bench.crash();
    await tasksOf(worker).accept(taskId);
    await until(async () => (await shown(taskId)).state === 'accepted');
    expect(bench.chain).toBe(chain);
    expect(nowMs()).toBeGreaterThan(startMs);
    expect(await shown(taskId)).toMatchObject({ title: spec.title, worker: worker.address });
  });
});
