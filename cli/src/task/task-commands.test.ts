/** `aitbc agent` and `aitbc task` against a node, a wallet and a coordinator made of tables. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { base64, bytesFromBase64, hex, keyPairFromSeed } from '@aitbc/primitives';
import {
  AppError,
  addressOf,
  agentCardHash,
  type ChainTask,
  coordinatorEndpoints,
  decodeTx,
  decodeUnsignedTx,
  type ListedTask,
  makeAgentCard,
  networkFromHash,
  nodeRpc,
  readTaskResult,
  readTaskSpec,
  type SignedTx,
  signTx,
  taskDocumentHash,
  taskIdOf,
  txToJson,
  unwrap,
  walletEndpoints,
} from '@aitbc/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { outputs } from '../output/outputs.ts';
import { chainStatus } from '../testing/chain-answers.ts';
import { createTestHome, type RunOptions } from '../testing/run-words.ts';
import { sampleGenesisHash } from '../testing/sample-proof.ts';
import { serveNode, serveTable, type TestServer } from '../testing/table-server.ts';

const home = createTestHome();
const network = networkFromHash('test', sampleGenesisHash);
const owner = keyPairFromSeed(new Uint8Array(32).fill(9));
const account = hex(owner.publicKey);
const address = addressOf(account);
const other = addressOf('22'.repeat(32));
const agentKey = keyPairFromSeed(new Uint8Array(32).fill(5));
const zero = '00'.repeat(32);
const spec = 'Translate this.';

const fresh: ChainTask = {
  ...{ taskId: 'ab'.repeat(32), poster: other, worker: null, arbiter: null, reward: '2000000000' },
  ...{ deadlineMs: 3_600_000, reviewMs: 60_000, specHash: taskDocumentHash(spec), state: 'open' },
  ...{ dueMs: 3_600_000, resultHash: null, reasonHash: null, workerShareNait: '0' },
};
const listed = (): ListedTask => ({
  ...{ ...task, title: 'A title', skill: null, postedAtMs: 1, changedAtMs: 2 },
});

let task: ChainTask;
let sent: SignedTx | undefined;
let given: { name: string; document: string } | undefined;
let documents: Record<string, string>;
let card: ReturnType<typeof makeAgentCard> | undefined;
let node: TestServer;
let wallet: TestServer;
let coordinator: TestServer;

beforeAll(async () => {
  node = await serveNode(nodeRpc, {
    chain_status: () => chainStatus(),
    state_getAccount: (input) => ({
      ...{ address: input.address, balance: '5', nonce: 3, vault: '0', pendingNonce: 3 },
    }),
    state_getTask: ({ taskId }) => ({ ...task, taskId }),
    state_getAgent: ({ address: of }) => {
      const body = sent?.body as { cardHash: string };
      return { address: of, name: 'Ada', endpoint: 'http://x', cardHash: body.cardHash };
    },
    tx_sendAndWait({ tx }) {
      sent = unwrap(decodeTx(network, bytesFromBase64(tx) ?? new Uint8Array(0)));
      const shown = txToJson(sent);
      const { txId, kind } = sent;
      const receipt = { txId, height: 12, index: 0, kind, from: shown.from, fee: shown.fee };
      return { status: 'final', tx: shown, receipt, blockHash: zero };
    },
  });
  wallet = await serveTable(walletEndpoints, {
    listAccounts: () => ({
      accounts: [
        { address, label: 'main', kind: 'key' as const, createdAtMs: 1, unlockedUntilMs: 5 },
      ],
    }),
    sign({ tx }) {
      const unsigned = unwrap(decodeUnsignedTx(network, bytesFromBase64(tx) ?? new Uint8Array(0)));
      const signed = signTx(network, unsigned, owner.secretKey);
      return {
        ...{ tx: base64(signed.bytes), txId: signed.txId, description: 'It does something.' },
        ...{ decoded: txToJson(unsigned), effects: [] },
      };
    },
  });
  coordinator = await serveTable(coordinatorEndpoints, {
    giveTaskDocument({ name, document }) {
      given = { name, document };
      return { hash: taskDocumentHash(document) };
    },
    giveAgentCard(input) {
      card = input.card as never;
      return { cardHash: agentCardHash(card as never) };
    },
    agentCard: () => card as never,
    getAgent: ({ address: of }) => {
      const cardHash = agentCardHash(card as never);
      return { address: of, name: 'Ada', endpoint: 'http://x', cardHash, card: card as never };
    },
    listAgents: ({ skill }) => ({
      agents:
        skill === 'paint'
          ? []
          : [{ address, name: 'Ada', endpoint: 'http://x', cardHash: zero, card: null }],
      next: null,
    }),
    listTasks: () => ({ tasks: [listed()], next: null }),
    getTask: ({ taskId }) => ({
      task: { ...listed(), taskId },
      events: [{ seq: 1, taskId, kind: 'posted' as const, atMs: 1_000, actor: other, txId: zero }],
      documents: ['spec' as const],
    }),
    taskDocument({ taskId, name }) {
      const document = documents[name];
      if (document === undefined) throw new AppError('NOT_FOUND', { what: `${name} of ${taskId}` });
      return { document, hash: taskDocumentHash(document) };
    },
    taskEvents(_query, { response }) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const event = { seq: 7, taskId: fresh.taskId, kind: 'posted', atMs: 1_000 };
      const news = { ...event, actor: other, txId: zero, task: listed() };
      response.write(`id: 6\nevent: ready\ndata: {}\n\n`);
      response.end(`id: 7\nevent: task\ndata: ${JSON.stringify(news)}\n\n`);
      return undefined as never;
    },
  });
});
afterAll(async () => {
  await Promise.all([node.close(), wallet.close(), coordinator.close()]);
  home.remove();
});
beforeEach(() => {
  task = fresh;
  sent = undefined;
  given = undefined;
  documents = { spec };
});

const file = (name: string, text: string): string => {
  const path = join(home.dir, name);
  writeFileSync(path, text);
  return path;
};
const run = (words: readonly string[], options: RunOptions = {}) => {
  const urls = ['--node-url', node.url, '--wallet-url', wallet.url];
  const all = [...words, ...urls, '--coordinator-url', coordinator.url, '--home', home.dir];
  return home.run(all, { env: { AITBC_WALLET_TOKEN: 'token' }, ...options });
};
/** The answer with `--json`, which follows the published schema. */
async function json(...words: string[]): Promise<Record<string, unknown>> {
  const { stdout, exitCode, stderr } = await run([...words, '--json']);
  expect([exitCode, stderr]).toEqual([0, '']);
  const value: unknown = JSON.parse(stdout);
  const schema = outputs[`${words[0]} ${words[1]}`];
  expect(schema?.safeParse(value).error).toBeUndefined();
  return value as Record<string, unknown>;
}
const plain = async (...words: string[]): Promise<string> => {
  const { stdout, stderr, exitCode } = await run(words);
  expect([exitCode, exitCode === 0 ? '' : stderr]).toEqual([0, '']);
  return stdout;
};

describe('agent', () => {
  it('register makes a card of what was typed and hands it in', async () => {
    file('agent.key', hex(agentKey.secretKey.subarray(0, 32)));
    const words = ['agent', 'register', '--name', 'Ada', '--skills', 'Translate, sum', '--yes'];
    const done = await json(...words, '--from', '0.01');
    expect(done).toMatchObject({
      address,
      isCardStored: true,
      cardHash: agentCardHash(card as never),
    });
    expect(sent).toMatchObject({ kind: 'agent_register', body: { name: 'Ada' } });
    const [extension] = card?.capabilities.extensions ?? [];
    expect(extension?.params).toEqual({
      ...{ address, messageKey: hex(agentKey.publicKey) },
      prices: ['translate', 'sum'].map((skill) => ({ skill, fromNait: '10000000' })),
    });
    expect(card?.supportedInterfaces[0]?.url).toBe(`${coordinator.url}/v1/agents/${address}`);
    expect(await plain('agent', 'show', address)).toMatch(/prices +translate from 0.01 AIT/);
    expect(await json('agent', 'card', address)).toEqual(card);
    const path = file('card.json', JSON.stringify({ ...card, description: 'Another' }));
    await json('agent', 'register', '--card', path, '--yes');
    expect(card?.description).toBe('Another');
    card = { ...(card as NonNullable<typeof card>), description: 'Forged' };
    expect(await run(['agent', 'card', address])).toMatchObject({ exitCode: 8 });
    expect(await run(['agent', 'register', '--yes'])).toMatchObject({ exitCode: 2 });
    const foreign = makeAgentCard({
      ...{ address: other, name: 'X', description: 'X', url: 'http://x', skills: [] },
    });
    const stolen = file('stolen.json', JSON.stringify(foreign));
    const refused = await run(['agent', 'register', '--card', stolen, '--yes']);
    expect(refused.stderr).toContain(`it is the card of ${other}`);
  });

  it('list finds them', async () => {
    expect(await plain('agent', 'list')).toContain('Ada');
    expect(await plain('agent', 'list', '--skill', 'paint')).toBe(
      'No such agent is registered here.\n',
    );
    await json('agent', 'list', '--search', 'a');
  });
});

describe('task', () => {
  it('post says what is to be done, and the dated exit', async () => {
    const brief = file('brief.md', '# Ten names\nfor a cat');
    const words = ['task', 'post', brief, '--reward', '2', '--worker', other, '--yes'];
    const done = await json(...words, '--skill', 'Naming', '--deadline-hours', '0.5');
    expect(sent).toMatchObject({
      kind: 'task_post',
      body: { reward: 2_000_000_000n, worker: '22'.repeat(32), arbiter: zero },
    });
    const body = sent?.body as Parameters<typeof taskIdOf>[2];
    expect(body.deadlineMs).toBe(1_040 + 1_800_000);
    expect(done).toMatchObject({
      taskId: taskIdOf(network, account, body),
      isDocumentStored: true,
    });
    expect(body.specHash).toBe(taskDocumentHash(given?.document ?? ''));
    expect(readTaskSpec(given?.document ?? '')).toEqual({
      ...{ title: 'Ten names', skill: 'naming', text: '# Ten names\nfor a cat' },
    });
    const text = await plain(...words);
    expect(text).toContain('Anyone may accept it until 1970-01-01 01:00:00 UTC: aitbc task accept');
    expect(text).toMatch(
      /If nobody acts until 1970-01-01 01:00:00 UTC \(in 60 minutes\), the reward of 2 AIT goes to the poster ait1\S+; anyone may then send aitbc task expire/,
    );
  });

  it('post --private names the key of the home folder, and that of the arbiter', async () => {
    const brief = file('brief.md', 'Something');
    file('agent.key', hex(agentKey.secretKey.subarray(0, 32)));
    card = makeAgentCard({
      ...{ address: other, name: 'Judge', description: 'J', url: 'http://x', skills: [] },
      messageKey: hex(owner.publicKey),
    });
    const words = ['task', 'post', brief, '--reward', '5', '--nait', '--private', '--yes'];
    await json(...words, '--arbiter', other);
    const { sealTo } = readTaskSpec(given?.document ?? '');
    expect(sealTo).toEqual([hex(agentKey.publicKey), hex(owner.publicKey)]);
    card = makeAgentCard({
      ...{ address: other, name: 'Judge', description: 'J', url: 'http://x', skills: [] },
    });
    const refused = await run([...words, '--arbiter', other]);
    expect([refused.exitCode, refused.stderr]).toEqual([2, expect.stringContaining('no key')]);
    const empty = await run(['task', 'post', file('empty.md', ' \n'), '--reward', '1', '--yes']);
    expect(empty.stderr).toContain('holds no text');
  });

  const done = 'It has ended: 2 AIT to the worker';
  it.each([
    { name: 'accept', words: [], state: 'accepted', says: 'The worker' },
    { name: 'approve', words: [], state: 'ended', says: done },
    { name: 'resolve', words: ['--worker-share', '0.5'], state: 'ended', says: done },
    { name: 'expire', words: [], state: 'ended', says: done },
  ] as const)('$name sends its transaction and says what follows', async (step) => {
    const { name, words, state, says } = step;
    const ended = { dueMs: 0, workerShareNait: '2000000000' };
    task = { ...fresh, worker: other, state, ...(state === 'ended' ? ended : {}) };
    const text = await plain('task', name, fresh.taskId, ...words, '--yes');
    expect(text).toContain(`Task ${fresh.taskId} is ${state}.`);
    expect(text).toContain(says);
    expect(sent).toMatchObject({ kind: `task_${name}`, body: { taskId: fresh.taskId } });
    if (name === 'resolve') expect(sent?.body).toMatchObject({ workerShareNait: 500_000_000n });
    await json('task', name, fresh.taskId, ...words, '--yes');
  });

  it('submit seals the result when the specification names keys', async () => {
    const sealTo = [hex(agentKey.publicKey)];
    documents = { spec: JSON.stringify({ type: 'aitbc-task-1', title: 'T', text: 'x', sealTo }) };
    task = { ...fresh, specHash: taskDocumentHash(documents.spec ?? ''), state: 'submitted' };
    task = { ...task, worker: address, dueMs: 61_000, arbiter: other };
    const result = file('result.md', 'Done it.');
    const words = ['task', 'submit', fresh.taskId, '--file', result, '--yes'];
    const text = await plain(...words);
    expect(text).toContain(`the reward of 2 AIT goes to the worker ${address}`);
    expect(text).toContain('may dispute it (--reason)');
    const document = given?.document ?? '';
    expect(sent?.body).toMatchObject({ resultHash: taskDocumentHash(document) });
    expect(document).not.toContain('Done it.');
    expect(readTaskResult(document, [agentKey]).text).toBe('Done it.');
    await json(...words);
  });

  it('dispute hands the reason in', async () => {
    task = { ...fresh, state: 'disputed', worker: other, arbiter: address, dueMs: 1_000 };
    const words = ['task', 'dispute', fresh.taskId, '--reason', 'not it', '--yes'];
    expect(await plain(...words)).toContain('The date 1970-01-01 00:00:01 UTC has passed');
    expect(given).toEqual({ name: 'reason', document: 'not it' });
    expect(sent?.body).toMatchObject({ reasonHash: taskDocumentHash('not it') });
    await json(...words);
  });

  it('show and list say the date and the way out, and documents fit their hash', async () => {
    const text = await plain('task', 'show', fresh.taskId);
    for (const part of ['A title', 'anyone may accept it', 'none: it cannot be disputed']) {
      expect(text).toContain(part);
    }
    expect(text).toContain('posted; the reward is set aside');
    expect(await json('task', 'show', fresh.taskId)).toMatchObject({
      exit: { atMs: 3_600_000, to: 'poster' },
      moves: [{ role: 'anyone', move: 'accept' }],
    });
    expect(await plain('task', 'list', '--state', 'open')).toMatch(/open +2 AIT +1970-01-01 01:00/);
    await json('task', 'list', '--limit', '1');
    const document = ['task', 'show', fresh.taskId, '--document'];
    expect(await plain(...document, 'spec')).toBe(`${spec}\n`);
    expect(await json(...document, 'spec')).toMatchObject({ text: spec });
    documents = { spec: 'forged' };
    expect(await run([...document, 'spec'])).toMatchObject({ exitCode: 8 });
    expect(await run([...document, 'result'])).toMatchObject({ exitCode: 4 });
    expect(await run(['task', 'show', 'abc'])).toMatchObject({ exitCode: 2 });
  });

  it('give hands a document in, watch tells what happens', async () => {
    const path = file('spec.txt', spec);
    const words = ['task', 'give', fresh.taskId, '--name', 'spec', '--file', path];
    expect(await json(...words)).toMatchObject({ hash: taskDocumentHash(spec) });
    expect(given).toEqual({ name: 'spec', document: spec });
    const watch = ['task', 'watch', '--account', address, '--count', '1'];
    expect(await plain(...watch)).toMatch(
      /A title: posted; .*\(event 7\)\n {2}If nobody acts until/,
    );
    const line = JSON.parse(await plain(...watch, '--json')) as unknown;
    expect(outputs['task watch']?.safeParse(line).error).toBeUndefined();
  });
});
