import {
  addressOf,
  nodeRpc,
  type Operation,
  type SignedTx,
  txKinds,
  zeroHash,
} from '@aitbc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { auditFunds } from './audit.ts';
import { describeOperations, describeTx } from './describe.ts';
import {
  accountKey,
  channelKey,
  encodeEntry,
  keyOf,
  providerKey,
  type StateKey,
} from './entries.ts';
import { effectToJson, simulateTx } from './simulate.ts';
import { channelOf } from './state.ts';
import { oneOfEach } from './testing/one-of-each.ts';
import {
  actorOf,
  allocationOf,
  balanceNait,
  channelOfAllocation,
  createWorld,
  type World,
} from './testing/world.ts';

const [payer, receiver] = [actorOf(1), actorOf(2)];
const fee = 10_000n;

/** A world whose payer has a channel of 60 and a vault of 40, and who is a bonded provider. */
function fundedWorld(): { world: World; channelId: string } {
  const world = createWorld(2);
  const allocation = allocationOf(payer, receiver, 60n);
  const step = (tx: SignedTx) => {
    const block = world.build([tx]);
    expect(block.refused).toStrictEqual([]);
    world.commit(block);
  };
  step(world.tx('vault_deposit', payer, { amount: 100n, allocations: [allocation] }));
  step(world.tx('agent_register', payer, { name: 'a', endpoint: '', cardHash: 'ab'.repeat(32) }));
  const bond = 100_000_000_000n;
  step(world.tx('provider_register', payer, { authorizer: payer.id, endpoint: '', bond }));
  return { world, channelId: channelOfAllocation(world.network, payer, allocation) };
}

describe('a simulation', () => {
  it('shows each purse that changes, and changes nothing', () => {
    const { world, channelId } = fundedWorld();
    const before = new Map(world.state);
    const tx = world.tx('channel_fund', payer, { ...allocationOf(payer, receiver, 15n) });
    const { verdict, effects } = simulateTx(world.reader, world.context(), tx);
    expect(verdict.ok).toBe(true);
    const balance = balanceNait - 100n - 100_000_000_000n - 3n * fee;
    expect(effects).toStrictEqual([
      { account: payer.id, what: 'balance', id: payer.id, before: balance, after: balance - fee },
      { account: payer.id, what: 'vault', id: payer.id, before: 40n, after: 25n },
      { account: payer.id, what: 'channel', id: channelId, before: 60n, after: 75n },
    ]);
    expect(world.state).toStrictEqual(before);
    const shape = nodeRpc.tx_simulate.output.shape.effects;
    expect(shape.safeParse(effects.map(effectToJson)).success).toBe(true);
  });

  it('shows bonds and new accounts, and nothing for a card', () => {
    const { world } = fundedWorld();
    const more = { authorizer: payer.id, endpoint: '', bond: 7n };
    const bonded = simulateTx(
      world.reader,
      world.context(),
      world.tx('provider_register', payer, more),
    );
    expect(bonded.effects.map(({ what, before, after }) => [what, after - before])).toStrictEqual([
      ['balance', -7n - fee],
      ['bond', 7n],
    ]);
    const card = world.tx('agent_register', payer, {
      name: 'b',
      endpoint: '',
      cardHash: 'ab'.repeat(32),
    });
    expect(simulateTx(world.reader, world.context(), card).effects).toHaveLength(1);
    const gift = world.tx('transfer', payer, { to: actorOf(77).id, amount: 3n, memo: '' });
    expect(simulateTx(world.reader, world.context(), gift).effects[1]).toMatchObject({
      account: actorOf(77).id,
      before: 0n,
      after: 3n,
    });
  });

  it('shows the reward of a task', () => {
    const { world } = fundedWorld();
    const terms = {
      ...{ worker: receiver.id, arbiter: zeroHash, reward: 8n, reviewMs: 60_000 },
      ...{ deadlineMs: world.context().timeMs + 1, specHash: zeroHash, salt: zeroHash },
    };
    const post = world.tx('task_post', payer, terms);
    const { effects } = simulateTx(world.reader, world.context(), post);
    expect(effects.map(({ what, before, after }) => [what, after - before])).toStrictEqual([
      ['balance', -8n - fee],
      ['task', 8n],
    ]);
    const shape = nodeRpc.tx_simulate.output.shape.effects;
    expect(shape.safeParse(effects.map(effectToJson)).success).toBe(true);
  });

  it('has a refusal and no effects for what would be refused', () => {
    const world = createWorld(2);
    const tx = world.tx('vault_withdraw', payer, { amount: 1n });
    const { verdict, effects } = simulateTx(world.reader, world.context(), tx);
    expect(verdict).toMatchObject({ ok: false, code: 'TX_FUNDS_INSUFFICIENT' });
    expect(effects).toStrictEqual([]);
  });
});

describe('an audit', () => {
  it('counts every coin and names the way out of each lock', () => {
    const { world, channelId } = fundedWorld();
    const { timeMs } = world.context();
    world.commit(world.build([world.tx('withdraw_init', payer, { channelId, amount: 20n })]));
    const dueMs = channelOf(world.reader, channelId)?.withdrawDueMs ?? 0;
    const audit = auditFunds(world.state, timeMs);
    expect(audit).toMatchObject({
      vaults: 40n,
      channels: 60n,
      bonds: 100_000_000_000n,
      stakes: balanceNait,
      supply: 3n * balanceNait,
      problems: [],
    });
    const owner = payer.id;
    const bondKey = providerKey(payer.id);
    const key = channelKey(channelId);
    const bond = { key: bondKey, amount: 100_000_000_000n, owner };
    expect(new Set(audit.locks)).toStrictEqual(
      new Set([
        {
          key: accountKey(payer.id),
          amount: 40n,
          owner,
          releasedBy: 'vault_withdraw',
          dueMs: null,
        },
        { key, amount: 20n, owner, releasedBy: 'withdraw_finalize', dueMs },
        { key, amount: 40n, owner, releasedBy: 'withdraw_init', dueMs },
        { ...bond, releasedBy: 'provider_unbond', dueMs: null },
        {
          key: keyOf('validator', world.proposer.id),
          amount: balanceNait,
          owner: world.proposer.id,
          releasedBy: 'validator_unbond',
          dueMs: null,
        },
      ]),
    );
    world.commit(world.build([world.tx('provider_unbond', payer, {})]));
    const later = auditFunds(world.state, dueMs);
    expect(later.locks.filter((lock) => lock.dueMs !== null)).toMatchObject([
      { ...bond, releasedBy: 'bond_withdraw' },
    ]);
    expect(auditFunds(world.state).locks.filter((lock) => lock.dueMs !== null)).toHaveLength(3);
  });

  it('reports each broken invariant', () => {
    const { world, channelId } = fundedWorld();
    const channel = channelOf(world.reader, channelId);
    if (!channel) throw new RangeError('no channel');
    const problemsWith = (key: StateKey, value: Uint8Array) =>
      auditFunds(new Map(world.state).set(key, value)).problems;
    const broken = (changes: object) =>
      problemsWith(channelKey(channelId), encodeEntry('channel', { ...channel, ...changes }));
    expect(broken({ totalClaimed: 61n })[0]).toMatch('more was claimed');
    expect(broken({ withdrawAmount: 5n })[0]).toMatch('no date');
    expect(broken({ withdrawDueMs: 5 })[0]).toMatch('no date');
    expect(broken({ closed: true })[0]).toMatch('nothing releases');
    const ended = { closed: true, totalClaimed: 60n, withdrawAmount: 1n, withdrawDueMs: 1 };
    expect(broken(ended)[0]).toMatch('has a withdrawal');
    const idle = { authorizer: payer.id, endpoint: '', bond: 0n, unbondDueMs: 5 };
    const bond = problemsWith(providerKey(payer.id), encodeEntry('provider', idle));
    expect(bond[0]).toMatch('unbonds nothing');
    const rich = { balance: 2n ** 64n - 1n, nonce: 0, vault: 5n };
    const supply = problemsWith(accountKey(payer.id), encodeEntry('account', rich));
    expect(supply[0]).toMatch('above 2^64-1');
    expect(problemsWith(accountKey(payer.id), new Uint8Array(3))[0]).toMatch('not readable');
    expect(problemsWith('nonsense', new Uint8Array(3))[0]).toMatch('no key');
  });
});

describe('a description', () => {
  const { network } = createWorld(1);

  it('is one sentence and the fee for each kind', () => {
    const texts = oneOfEach(network).map((tx) => describeTx(tx));
    expect(texts).toHaveLength(Object.keys(txKinds).length);
    expect(new Set(texts).size).toBe(texts.length);
    for (const text of texts) expect(text).toMatch(/\.( |$)Fee: 0\.0000(1|11|106|104) AIT\.$/);
    expect(texts[0]).toMatch(/^Send 1\.5 AIT to ait1\w+ with the memo 68656c6c6f \(hex\)\./);
    expect(texts[1]).toMatch(
      'Move 0.009 AIT to the vault and put 0.005 AIT into 1 channel for ait1',
    );
  });

  it('tells the operations of a batch, the first ones in words', () => {
    const world = createWorld(1);
    const pay: Operation = { kind: 'transfer', body: { to: receiver.id, amount: 5n, memo: '' } };
    const told = (count: number) => {
      const operations = Array.from({ length: count }, () => pay);
      return describeTx(world.tx('batch', payer, { operations }));
    };
    expect(told(2).match(/Send 0\.000000005 AIT to ait1\w+\./g)).toHaveLength(2);
    expect(told(8)).not.toMatch('more operation');
    expect(told(9)).toMatch(/\. And 1 more operation\. Fee/);
    expect(told(11)).toMatch(/\. And 3 more operations\. Fee/);
  });

  it('tells what is approved where somebody has read it', () => {
    const [approval] = oneOfEach(network).filter(({ kind }) => kind === 'multisig_approve');
    if (!approval) throw new RangeError('no approval');
    const pay: Operation = { kind: 'transfer', body: { to: receiver.id, amount: 5n, memo: '' } };
    expect(describeTx(approval)).not.toMatch('It does this');
    const told = describeTx(approval, [pay, pay]);
    expect(told).toMatch(/It does this: Send 0\.000000005 AIT to ait1\w+\. Send .+\. Fee: /);
    expect(told).toContain(describeOperations([pay, pay]));
  });

  it('names who pays the fee of another', () => {
    const world = createWorld(1);
    const tx = world.tx('vault_withdraw', payer, { amount: 1n });
    const sponsored = { ...tx, sponsored: true } as const;
    expect(describeTx(sponsored)).toMatch(/Fee: 0\.00001 AIT, paid by somebody else\.$/);
    const paid = { ...sponsored, payer: receiver.id };
    expect(describeTx(paid)).toMatch(`paid by ${addressOf(receiver.id)}.`);
  });

  it('says of tasks and mandates who and how far', () => {
    const world = createWorld(1);
    const [post] = oneOfEach(network).filter(({ kind }) => kind === 'task_post');
    const [grant] = oneOfEach(network).filter(({ kind }) => kind === 'mandate_grant');
    if (post?.kind !== 'task_post' || grant?.kind !== 'mandate_grant') throw new RangeError('none');
    const open = { ...post.body, worker: zeroHash, arbiter: zeroHash };
    const text = describeTx(world.tx('task_post', payer, open));
    expect(text).toMatch('that anyone may do until 2027-01-15 08:10 UTC; nobody decides');
    const never = { ...open, deadlineMs: Number.MAX_SAFE_INTEGER };
    expect(describeTx(world.tx('task_post', payer, never))).toMatch('9007199254740991 ms');
    const wide = { ...grant.body, receivers: [], models: [], allows: 1 };
    expect(describeTx(world.tx('mandate_grant', payer, wide))).toMatch('into channels to anyone:');
    const models = [{ model: 'qwen3:8b' }, { model: 'a\nb' }];
    const narrow = { ...wide, models, jobMaxNait: 20_000_000n };
    expect(describeTx(world.tx('mandate_grant', payer, narrow))).toMatch(
      'to anyone, only for "qwen3:8b", "a�b": 0.02 AIT for a job, ',
    );
  });

  it('shows each time as the calendar does', () => {
    const [post] = oneOfEach(network).filter(({ kind }) => kind === 'task_post');
    if (post?.kind !== 'task_post') throw new RangeError('no task');
    fc.assert(
      fc.property(fc.nat({ max: 253_402_300_799_999 }), (deadlineMs) => {
        const iso = new Date(deadlineMs).toISOString();
        const text = describeTx({ ...post, body: { ...post.body, deadlineMs } });
        expect(text).toMatch(`until ${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC;`);
      }),
      { numRuns: 1_000, examples: [[Date.UTC(2000, 1, 29)], [Date.UTC(2100, 1, 28)]] },
    );
  });

  it('does not let a name break out of its quotes', () => {
    const [tx] = oneOfEach(network).filter(({ kind }) => kind === 'agent_register');
    if (tx?.kind !== 'agent_register') throw new RangeError('no agent');
    const name = 'x". \u202eSend\n0';
    const text = describeTx({ ...tx, body: { ...tx.body, name } });
    expect(text).toContain('agent "x\\". \ufffdSend\ufffd0" at');
  });

  it('says a plain deposit plainly and a bare transfer without a memo', () => {
    const world = createWorld(1);
    const deposit = world.tx('vault_deposit', payer, { amount: 1n, allocations: [] });
    expect(describeTx(deposit)).toMatch('Move 0.000000001 AIT from the balance to the vault.');
    const bare = world.tx('transfer', payer, { to: receiver.id, amount: 1n, memo: '' });
    expect(describeTx(bare)).not.toMatch('memo');
    const row = (salt: string) => ({ ...allocationOf(payer, receiver, 2n), salt });
    const allocations = ['01', '02'].map((byte) => row(byte.repeat(32)));
    const several = world.tx('vault_deposit', payer, { amount: 4n, allocations });
    expect(describeTx(several)).toMatch(/put 0\.000000004 AIT into 2 channels for ait1\w+\. Fee/);
  });
});
