/**
 * Validators that lost everything come back to a chain that has taken snapshots: as real processes, under
 * load, among others that go on. Whoever comes back has the state of a snapshot and the blocks after it, no block
 * before it, and votes again when its old votes cannot matter any more.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Beating, startBeating } from './net/blows.ts';
import { call, RpcRefusal, until } from './net/rpc.ts';
import { type LogLine, startValidators, type ValidatorNet } from './net/validator-net.ts';

const timeout = 120_000;
const snapshotBlocks = 20;
const snapshotsBefore = 3;

let net: ValidatorNet;
let beating: Beating;

beforeAll(async () => {
  net = await startValidators({
    validators: 4,
    // The snapshot must be proven by stake that can still be lost; a key without its votes waits for twice the skew.
    params: { stakeUnbondingMs: 3_600_000, blockSkewMs: 1_500 },
    settings: { '--snapshot-blocks': String(snapshotBlocks) },
  });
  beating = await startBeating(net);
});
afterAll(() => beating?.end('rejoined by snapshot') ?? net?.end());

const told = (at: number, text: string): LogLine[] =>
  net.logged(at).filter(({ msg }) => msg === text);

/** Waits until every other node has written some snapshots. */
async function snapshotsOfOthers(but: number): Promise<void> {
  const others = net.awake().filter((at) => at !== but);
  await until('each other node has snapshots', async () =>
    others.every((at) => told(at, 'a snapshot was written').length >= snapshotsBefore),
  );
}

/** Kills a node, deletes its data and starts it again; the snapshot that it begins with now. */
async function wipeAndRejoin(at: number, env: Readonly<Record<string, string>> = {}) {
  await snapshotsOfOthers(at);
  await net.kill(at);
  net.wipe(at);
  await beating.progress(3);
  await net.start(at, env);
  await beating.caughtUp(at);
  const [{ height, hash } = {}, ...more] = told(at, 'the chain begins with this snapshot now');
  expect(more).toEqual([]);
  expect(height).toBeGreaterThanOrEqual(snapshotBlocks);
  const base = { height: Number(height), hash: String(hash) };
  beating.beginsAt(at, base.height + 1);
  return base;
}

/** What a node says of a block; the code of the refusal when it has none. */
async function hashAt(at: number, height: number): Promise<string> {
  try {
    return (await call(net.url(at), 'chain_getBlock', { height })).hash;
  } catch (error) {
    if (error instanceof RpcRefusal) return error.code;
    throw error;
  }
}

/** The network goes on without another one, which it cannot without this one's votes. */
async function expectVotes(at: number, without: number): Promise<void> {
  await until('its votes count again', async () => {
    return (await call(net.url(at), 'consensus_state')).mayVote;
  });
  await net.kill(without);
  await beating.progress(5);
  // What it shows is its own newest block, which must be one of these five.
  await beating.caughtUp(at);
  const { publicKey } = net.identity(at);
  const { certificate } = await call(net.url(at), 'chain_getBlock');
  const { validators } = await call(net.url(at), 'chain_status');
  const place = validators.findIndex((seat: { publicKey: string }) => seat.publicKey === publicKey);
  const signers = certificate.votes.map(({ validator }: { validator: number }) => validator);
  expect(signers, 'validators that signed the newest block').toContain(place);
  await net.start(without);
  await beating.caughtUp(without);
}

it('brings a wiped validator back by a snapshot, without the blocks before', {
  timeout,
}, async () => {
  const wiped = 3;
  await beating.under('wiped, rejoined by snapshot', async () => {
    const base = await wipeAndRejoin(wiped);
    expect(await hashAt(0, base.height), 'the block of the snapshot').toBe(base.hash);
    expect(await hashAt(wiped, base.height + 1)).toBe(await hashAt(0, base.height + 1));
    for (const height of [1, base.height - 1])
      expect(await hashAt(wiped, height)).toBe('NOT_FOUND');
    await expectVotes(wiped, 0);
    return 1;
  });
});

it('starts from a block that the operator trusts, among peers of which one lacks it', {
  timeout,
}, async () => {
  const wiped = 1;
  await beating.under('wiped, rejoined from a trusted block', async () => {
    const trusted = 1;
    const env = { AITBC_NODE_TRUSTED_BLOCK: `${trusted}:${await hashAt(0, trusted)}` };
    const base = await wipeAndRejoin(wiped, env);
    expect(await hashAt(0, base.height), 'the block of the snapshot').toBe(base.hash);
    await expectVotes(wiped, 2);
    return 1;
  });
});
