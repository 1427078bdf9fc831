/** `aitbc message` between two homes, over a mailbox made of a table. */
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { base64, bytesFromBase64, hex, keyPairFromSeed, utf8 } from '@aitbc/primitives';
import {
  AppError,
  addressOf,
  callerOf,
  coordinatorEndpoints,
  decodeLetter,
  isLetterSigned,
  type Letter,
  letterIdOf,
  type MailboxLetter,
  messageEndpoints,
  networkFromHash,
  nodeRpc,
  unwrap,
  writeNotice,
} from '@aitbc/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { outputs } from '../output/outputs.ts';
import { chainStatus } from '../testing/chain-answers.ts';
import { createTestHome, type RunOptions, type TestHome } from '../testing/run-words.ts';
import { sampleGenesisHash } from '../testing/sample-proof.ts';
import { serveNode, serveTable, type TestServer } from '../testing/table-server.ts';

const network = networkFromHash('test', sampleGenesisHash);
const [alice, bob] = [createTestHome(), createTestHome()];
const stranger = keyPairFromSeed(new Uint8Array(32).fill(3));

let mailbox: (MailboxLetter & { readonly receiver: string })[];
let isDown: boolean;
let node: TestServer;
let coordinator: TestServer;

const rowOf = (letter: Letter, text: string, seq: number) => ({
  ...{ seq, id: letterIdOf(network, letter), letter: text, receiver: letter.receiver },
});

function caller(header: string | undefined, name: 'readLetters' | 'followLetters', input: unknown) {
  const row = messageEndpoints[name];
  return unwrap(callerOf(network, { row, input }, { header, nowMs: Date.now() }));
}

beforeAll(async () => {
  node = await serveNode(nodeRpc, {
    chain_status: () => chainStatus(),
    state_getAccount: ({ address }) => ({
      ...{ address, balance: '0', nonce: 0, vault: '0', pendingNonce: 0 },
    }),
  });
  coordinator = await serveTable(coordinatorEndpoints, {
    getAgent: ({ address }) => {
      throw new AppError('AGENT_UNKNOWN', { account: address });
    },
    sendLetter({ letter: text }) {
      if (isDown) throw new AppError('UNAVAILABLE', { what: 'it', reason: 'a test' });
      const letter = decodeLetter(bytesFromBase64(text) ?? new Uint8Array());
      if (!letter || !isLetterSigned(network, letter)) throw new Error('no letter');
      mailbox.push(rowOf(letter, text, mailbox.length + 1));
      return { id: letterIdOf(network, letter), keptUntilMs: letter.expiresMs };
    },
    readLetters(input, { request }) {
      const receiver = caller(request.headers.authorization, 'readLetters', input);
      const letters = mailbox.filter((row) => row.receiver === receiver && row.seq > input.after);
      return { letters, next: letters.at(-1)?.seq ?? input.after };
    },
    acknowledgeLetters({ ids }) {
      const before = mailbox.length;
      mailbox = mailbox.filter(({ id }) => !ids.includes(id));
      return { deleted: before - mailbox.length };
    },
    followLetters(input, { request, response }) {
      const receiver = caller(request.headers.authorization, 'followLetters', input);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const { receiver: to, ...letter } of mailbox) {
        if (to !== receiver) continue;
        response.write(`id: ${letter.seq}\nevent: letter\ndata: ${JSON.stringify(letter)}\n\n`);
      }
      return undefined as never;
    },
    publishTopic: () => ({ id: '0a'.repeat(32), listeners: 2 }),
    followTopic({ topic }, { response }) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const by = { keys: stranger, nowMs: Date.now() };
      for (const said of ['elsewhere', topic]) {
        const wish = { topic: said, contentType: 'text/plain', payload: utf8(`about ${said}`) };
        const notice = base64(writeNotice(network, wish, by));
        response.write(`event: notice\ndata: ${JSON.stringify({ notice })}\n\n`);
      }
      return undefined as never;
    },
  });
  for (const home of [alice, bob]) await run(home, ['key']);
});
afterAll(async () => {
  await Promise.all([node.close(), coordinator.close()]);
  alice.remove();
  bob.remove();
});
beforeEach(() => {
  mailbox = [];
  isDown = false;
});

function run(home: TestHome, words: readonly string[], options: RunOptions = {}) {
  const urls = ['--node-url', node.url, '--coordinator-url', coordinator.url];
  return home.run(['message', ...words, ...urls], options);
}

/** Answer of a command with `--json`, held against its schema. */
async function ask<T>(home: TestHome, command: string, words: readonly string[]): Promise<T> {
  const { stdout, stderr } = await run(home, [...command.split(' '), ...words, '--json']);
  const parsed = outputs[`message ${command}`]?.safeParse(JSON.parse(stdout || stderr));
  expect(parsed?.error, stdout + stderr).toBe(undefined);
  return JSON.parse(stdout) as T;
}

interface Key {
  readonly address: string;
  readonly file: string;
  readonly isNew: boolean;
}

interface Read {
  readonly letters: readonly {
    readonly text: string;
    readonly id: string;
    readonly from: string;
  }[];
  readonly refused: Record<string, number>;
}

const keyOf = (home: TestHome) => ask<Key>(home, 'key', []);

describe('aitbc message', () => {
  it('makes a key of its own once, which only its owner can read', async () => {
    const home = createTestHome();
    const first = await keyOf(home);
    expect(first).toMatchObject({ isNew: true, file: join(home.dir, '.aitbc', 'agent.key') });
    expect(statSync(first.file).mode & 0o777).toBe(0o600);
    expect(await keyOf(home)).toEqual({ ...first, isNew: false });
    const { stdout } = await run(home, ['key']);
    expect(stdout).toContain(`aitbc wallet send ${first.address} 0.01`);
    home.remove();
  });

  it('carries letters from one to the other, in order and each once, with answers', async () => {
    const [from, to] = [await keyOf(alice), await keyOf(bob)];
    await ask(alice, 'send', [to.address, 'one', 'word']);
    const file = join(alice.dir, 'two.json');
    writeFileSync(file, '{"two":2}');
    await ask(alice, 'send', [to.address, '--file', file, '--type', 'application/json']);
    mailbox.reverse();
    mailbox = mailbox.map((row, at) => ({ ...row, seq: at + 1 }));
    const { letters, refused } = await ask<Read>(bob, 'read', []);
    expect(letters.map(({ text }) => text)).toEqual(['one word', '{"two":2}']);
    expect(letters[0]?.from).toBe(from.address);
    expect([refused, mailbox]).toEqual([{}, []]);
    await ask(bob, 'send', [from.address, 'yes', '--reply-to', letters[0]?.id ?? '']);
    const { stdout } = await run(alice, ['read']);
    expect(stdout).toContain(`answers ${letters[0]?.id}`);
    expect(stdout).toContain('1 letter.');
    expect((await run(alice, ['read'])).stdout).toBe('No new letters.\n');
  });

  it('counts what was repeated or changed on the way', async () => {
    const to = await keyOf(bob);
    await ask(alice, 'send', [to.address, 'real']);
    const [row] = mailbox;
    if (!row) throw new Error('no letter');
    await run(bob, ['read']);
    const changed = bytesFromBase64(row.letter) ?? new Uint8Array();
    changed[200] = (changed[200] ?? 0) ^ 1;
    mailbox = [row, { ...row, seq: 9, letter: base64(changed) }];
    const { stdout } = await run(bob, ['read']);
    expect(stdout).toBe('No new letters.\nRefused: 1 replayed, 1 forged.\n');
    expect(mailbox).toEqual([]);
  });

  it('keeps a letter while the coordinator is away, and sends it with the next one', async () => {
    const to = await keyOf(bob);
    isDown = true;
    const { stdout, exitCode } = await run(alice, ['send', to.address, 'early']);
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining('is kept here and sent later')]);
    isDown = false;
    expect(await ask(alice, 'send', [to.address, 'late'])).toMatchObject({ state: 'stored' });
    const { letters } = await ask<Read>(bob, 'read', []);
    expect(letters.map(({ text }) => text)).toEqual(['early', 'late']);
  });

  it('listens until so many letters came', async () => {
    const to = await keyOf(bob);
    for (const text of ['a', 'b']) await ask(alice, 'send', [to.address, text]);
    const { stdout } = await run(bob, ['listen', '--json', '--count', '2']);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { text: string });
    expect(lines.map(({ text }) => text)).toEqual(['a', 'b']);
    for (const line of lines) expect(outputs['message listen']?.safeParse(line).success).toBe(true);
  });

  it('speaks to a topic, and hears only what is signed for it', async () => {
    const said = await ask(alice, 'topic publish', ['news', 'open', 'again']);
    expect(said).toEqual({ id: '0a'.repeat(32), listeners: 2 });
    const heard = await ask<object>(bob, 'topic listen', ['news', '--count', '1']);
    const from = addressOf(hex(stranger.publicKey));
    expect(heard).toMatchObject({ from, topic: 'news', text: 'about news' });
  });

  it.each([
    [
      'a text and a file at once',
      ['send', 'ADDRESS', 'x', '--file', 'y'],
      'Give a text, or a file',
    ],
    ['nothing to say', ['send', 'ADDRESS'], 'Give a text, or a file'],
    ['an id that is none', ['send', 'ADDRESS', 'x', '--reply-to', '12'], 'no id of a letter'],
    ['a file that is not there', ['send', 'ADDRESS', '--file', '/nowhere'], 'it does not exist'],
    ['an address that is none', ['send', 'ait1nobody', 'x'], 'ait1nobody'],
    ['a topic that is none', ['topic', 'publish', 'No Topic', 'x'], 'a topic is words'],
  ])('refuses %s', async (_what, words, message) => {
    const { address } = await keyOf(bob);
    const filled = words.map((word) => (word === 'ADDRESS' ? address : word));
    const { exitCode, stderr } = await run(alice, filled);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  it('says how to make a key where there is none, and that another process reads', async () => {
    const home = createTestHome();
    expect((await run(home, ['read'])).stderr).toContain('Make one: aitbc message key');
    await keyOf(home);
    const folder = join(home.dir, '.aitbc', 'messages');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'inbox.lock'), `${process.pid}\n`);
    expect((await run(home, ['read'])).stderr).toContain('Another process of this user has');
    writeFileSync(join(folder, 'inbox.lock'), '999999999\n');
    expect((await run(home, ['read'])).exitCode).toBe(0);
    expect(() => readFileSync(join(folder, 'inbox.lock'))).toThrow('ENOENT');
    writeFileSync(join(folder, 'inbox.json'), 'broken');
    expect((await run(home, ['read'])).stderr).toContain('it is no JSON');
    home.remove();
  });
});
