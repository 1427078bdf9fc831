/**
 * Three agents work unattended on a real network; their ledger is held against the chain after all claims. Then the planner's
 * key is stolen, and the thief tries everything. Letters wait for who is away.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  base64,
  bytesFromHex,
  hex,
  type KeyPair,
  keyPairFromSeed,
  randomBytes,
  seedBytes,
  sign,
  systemClock,
  textFromUtf8,
  utf8,
} from '@aitbc/primitives';
import {
  accountIdOf,
  asAppError,
  claimBytes,
  type Hex,
  nextLetter,
  type OutboxState,
  signVoucher,
  unwrap,
} from '@aitbc/protocol';
import {
  Agent,
  createLocalSigner,
  createMemoryAgentStore,
  createTransport,
  createTxSender,
  openInbox,
  silentLog,
  type TxSender,
} from '@aitbc/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { settleAll, startNetwork, type TestNetwork, until } from './harness.ts';

const program = fileURLToPath(new URL('../experiments/three-agents/main.mjs', import.meta.url));
const ait = 1_000_000_000n;

interface Account {
  readonly name: string;
  readonly address: string;
  readonly closingNait: string;
  readonly isBalanced: boolean;
}

interface Payment {
  readonly from: string;
  readonly to: string;
  readonly what: string;
  readonly nait: string;
}

interface Made {
  readonly ledger: {
    readonly accounts: readonly Account[];
    readonly payments: readonly Payment[];
    readonly isBalanced: boolean;
  };
  readonly made: Record<'notes' | 'article', { readonly taskId: Hex; readonly text: string }>;
  readonly mandate: { readonly totalMaxNait: string };
}

let network: TestNetwork;
let folder: string;
let result: Made;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'aitbc-agents-'));
  network = await startNetwork({ validators: 1 });
  const { node, coordinator } = addresses();
  const words = [
    program,
    '--json',
    '--agents',
    folder,
    '--node',
    node,
    '--coordinator',
    coordinator,
  ];
  const { stdout } = await promisify(execFile)(process.execPath, words, { timeout: 100_000 });
  result = JSON.parse(stdout) as Made;
});
afterAll(async () => {
  await network?.end();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

/** Where the daemons answer. */
function addresses(): { node: string; coordinator: string } {
  const file = join(network.devnet.home, 'devnet.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { urls: { node: string; coordinator: string } })
    .urls;
}

const rpc = () => network.devnet.clients.node.rpc;
const addressOf = (name: string): string =>
  result.ledger.accounts.find((account) => account.name === name)?.address ?? '';

async function channelsOf(payer: string) {
  return (await rpc().state_listChannels({ payer })).channels;
}

/** Coins of an account that are not promised away: balance, vault, and what its channels have not paid. */
async function holdingOf(address: string): Promise<bigint> {
  const { balance, vault } = await rpc().state_getAccount({ address });
  const rows = await channelsOf(address);
  const inChannels = rows.map((row) => BigInt(row.balance) - BigInt(row.totalClaimed));
  return BigInt(balance) + BigInt(vault) + inChannels.reduce((sum, nait) => sum + nait, 0n);
}

const paid = (what: string, from?: string): bigint =>
  result.ledger.payments
    .filter((payment) => payment.what === what && (!from || payment.from === from))
    .reduce((sum, { nait }) => sum + BigInt(nait), 0n);

describe('three agents', () => {
  it('settle unattended, and the ledger they print is what the chain has after all claims', async () => {
    expect(result.ledger.isBalanced).toBe(true);
    const { notes, article } = result.made;
    for (const { taskId } of [notes, article]) {
      const task = await rpc().state_getTask({ taskId });
      expect([task.state, task.workerShareNait]).toEqual(['ended', task.reward]);
    }
    expect(paid('reward')).toBe((ait * 3n) / 10n);
    expect(paid('inference', 'owner')).toBeGreaterThan(0n);
    await settleAll(network.devnet);
    for (const { name, address, closingNait } of result.ledger.accounts) {
      expect([name, await holdingOf(address)]).toEqual([name, BigInt(closingNait)]);
    }
    expect((await rpc().state_audit({})).problems).toEqual([]);
  });

  it('stay within the mandate', async () => {
    const names = { owner: addressOf('owner'), subKey: addressOf('planner') };
    const { spentNait } = await rpc().state_getMandate(names);
    expect(BigInt(spentNait)).toBeGreaterThan(paid('allowance') - 1n);
    expect(BigInt(spentNait)).toBeLessThanOrEqual(BigInt(result.mandate.totalMaxNait));
  });
});

/** Keys of an agent, as a thief copies them. */
function stolenKeys(name: string): KeyPair {
  const seed = bytesFromHex(
    readFileSync(join(folder, name, 'agent.key'), 'utf8').trim(),
    seedBytes,
  );
  if (!seed) throw new Error('no key');
  return keyPairFromSeed(seed);
}

async function senderOf(keys: KeyPair): Promise<TxSender> {
  const { node } = network.devnet.clients;
  const signer = createLocalSigner((await node.network()).network, keys.secretKey);
  return createTxSender({ node, signer });
}

/** Code of what a call is refused with. */
const codeOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'TAKEN',
    (error: unknown) => asAppError(error).code,
  );

describe('a thief of the planner’s key', () => {
  it('takes no more than the mandate leaves, whatever it tries', async () => {
    const keys = stolenKeys('planner');
    const thief = await senderOf(keys);
    const owner = addressOf('owner');
    const ownerId = unwrap(accountIdOf(owner));
    const names = { owner, subKey: addressOf('planner') };
    const mandate = await rpc().state_getMandate(names);
    const left = BigInt(mandate.totalMaxNait) - BigInt(mandate.spentNait);
    const vaultNow = async () => BigInt((await rpc().state_getAccount({ address: owner })).vault);
    const vaultBefore = await vaultNow();
    const accomplice = keyPairFromSeed(randomBytes(32));
    const to = hex(accomplice.publicKey);
    const move = (amount: bigint) =>
      codeOf(thief.send('mandate_transfer', { owner: ownerId, to, amount }));
    const fund = (amount: bigint, payerAuthorizer = hex(keys.publicKey)) => {
      const config = { receiver: to, payerAuthorizer, receiverAuthorizer: to };
      const terms = { withdrawDelayMs: 60_000, salt: hex(randomBytes(32)), amount };
      return codeOf(thief.send('mandate_fund', { owner: ownerId, ...config, ...terms }));
    };
    const single = BigInt(mandate.channelMaxNait);

    // beyond one payment, for another key, of the owner's own account, and terms of its own
    expect(await move(single + 1n)).toBe('MANDATE_EXCEEDED');
    expect(await fund(single + 1n)).toBe('MANDATE_EXCEEDED');
    expect(await fund(single, to)).toBe('MANDATE_FORBIDDEN');
    expect(await codeOf(thief.send('vault_withdraw', { amount: 100n * ait }))).not.toBe('TAKEN');
    const task = {
      ...{ worker: to, arbiter: '00'.repeat(32), reward: 10n * ait, reviewMs: 1_000 },
      ...{ deadlineMs: Date.now() + 60_000, specHash: to, salt: to },
    };
    expect(await codeOf(thief.send('task_post', task))).toBe('TX_FUNDS_INSUFFICIENT');

    // within: channels to itself and transfers, until nothing goes any more
    expect(await fund(single)).toBe('TAKEN');
    const codes: string[] = [];
    for (let amount = single; amount > 0n; ) {
      const code = await move(amount);
      codes.push(code);
      if (code !== 'TAKEN') amount /= 2n;
      if (codes.length > 80) throw new Error('there is no end to what it takes');
    }
    expect(codes).toContain('TAKEN');
    expect([await move(1n), await fund(1n)]).toEqual(['MANDATE_EXCEEDED', 'MANDATE_EXCEEDED']);

    // vouchers: signed for all it likes, an accomplice gets what lies in the channel
    const taker = await senderOf(accomplice);
    const { network: chain } = await network.devnet.clients.node.network();
    const own = (await channelsOf(owner)).find((row) => unwrap(accountIdOf(row.receiver)) === to);
    const { channelId = '' } = own ?? {};
    const claim = (totalClaimed: bigint) => {
      const promise = { channelId, maxClaimable: 10n * single, context: '00'.repeat(32) };
      const { signature } = signVoucher(chain, promise, keys.secretKey);
      const rows = [{ ...promise, voucherSignature: signature, totalClaimed }];
      const authorizerSignature = hex(sign(claimBytes(chain, rows), accomplice.secretKey));
      return codeOf(
        taker.send('channel_claim', { receiverAuthorizer: to, rows, authorizerSignature }),
      );
    };
    expect(await claim(10n * single)).not.toBe('TAKEN');
    expect(await claim(single + 1n)).not.toBe('TAKEN');
    expect(await claim(single)).toBe('TAKEN');

    // inference: what is in the channels already, and not a nait from the vault
    const { node, coordinator } = addresses();
    const budget = { totalNait: 100n * ait, channelNait: ait };
    const options = { keys, mandate: { owner }, budget, node, coordinator, allowPrivate: true };
    const buyer = new Agent(options);
    const model = (await network.devnet.clients.coordinator.models({})).data[0]?.id ?? '';
    const chat = (maxTokens: number) =>
      codeOf(
        buyer.chat({
          model,
          messages: [{ role: 'user', content: 'more' }],
          maxTokens,
          maxNait: ait,
        }),
      );
    const bought = await chat(8);
    expect(bought).toBe('TAKEN');
    await buyer.close();

    const { spentNait } = await rpc().state_getMandate(names);
    expect(BigInt(spentNait)).toBe(BigInt(mandate.totalMaxNait));
    expect(vaultBefore - (await vaultNow())).toBe(left);
    expect((await rpc().state_audit({})).problems).toEqual([]);
  });
});

describe('letters', () => {
  it('wait for who is away, and what is repeated, reordered or changed on the way is noticed', async () => {
    const { node, coordinator } = network.devnet.clients;
    const { network: chain } = await node.network();
    const [alice, bob] = [stolenKeys('researcher'), keyPairFromSeed(randomBytes(32))];
    let streams: OutboxState = [];
    const write = (text: string) => {
      const wish = { receiver: hex(bob.publicKey), contentType: 'text/plain', payload: utf8(text) };
      const parts = { wish, nowMs: Date.now() };
      const next = nextLetter({ network: chain, keys: alice }, streams, parts);
      streams = next.state;
      return next.bytes;
    };
    const [one, two, three] = [write('one'), write('two'), write('three')];
    const put = (bytes: Uint8Array) => coordinator.sendLetter({ letter: base64(bytes) });
    const changed = two.slice();
    changed[180] = (changed[180] ?? 0) ^ 1;
    await put(three);
    await put(one);
    expect(await codeOf(put(changed))).toBe('LETTER_INVALID');
    await put(two);

    const heard: string[] = [];
    const store = createMemoryAgentStore();
    const { coordinator: coordinatorUrl } = addresses();
    const inbox = await openInbox({
      ...{ network: chain, keys: bob, store, clock: systemClock, log: silentLog },
      ...{ transport: createTransport(), coordinator, coordinatorUrl, carrier: undefined },
      onLetter: ({ payload }) => void heard.push(textFromUtf8(payload)),
    });
    expect(await inbox.read()).toBe(3);
    expect(heard).toEqual(['one', 'two', 'three']);
    await put(one);
    expect(await inbox.read()).toBe(0);
    expect(inbox.refused).toEqual({ replayed: 1 });

    const leaving = new AbortController();
    const following = inbox.follow(leaving.signal);
    await put(write('four'));
    await until('the fourth letter is heard', async () => heard.length === 4);
    leaving.abort();
    await following;
    expect(heard.at(-1)).toBe('four');
  });
});

describe('an agent', () => {
  it('pays for whole jobs, hands them to the coordinator, and gets all answers within its budget', async () => {
    const keys = stolenKeys('writer'); // its own, this time
    const agent = new Agent({
      ...{ keys, ...addresses(), allowPrivate: true },
      budget: { totalNait: ait / 2n, channelNait: ait / 10n },
    });
    const model = (await network.devnet.clients.coordinator.models({})).data[0]?.id ?? '';
    const wishOf = (content: string) => ({
      ...{ model, messages: [{ role: 'user' as const, content }], maxTokens: 8, temperature: 0 },
    });
    const answers = await agent.batch(['What is a view?', 'What is an index?'].map(wishOf));
    expect(answers.map(({ state, text }) => [state, text !== undefined])).toEqual([
      ['completed', true],
      ['completed', true],
    ]);
    const { spentNait, heldNait } = await agent.spending();
    const charged = answers.reduce((sum, { chargedNait }) => sum + chargedNait, 0n);
    expect(charged).toBeGreaterThan(0n);
    expect(spentNait).toBeGreaterThanOrEqual(charged); // and the fee of the channel
    expect(heldNait).toBe(0n);
    const dear = agent.chat({ ...wishOf('more'), maxNait: ait });
    expect(await codeOf(dear)).toBe('BUDGET_EXCEEDED');
    await agent.close();
  });
});
