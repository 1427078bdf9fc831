/**
 * An upgrade of the rules on a chain that runs: validators vote, operators install the newer program one
 * after the other, and at the height that was voted all of them change the rules at once. One operator
 * is late: its node stops before that height with its data whole, and goes on with the newer program.
 *
 * The older program is the one of this checkout. The newer one is the same with version 2 added while it is loaded
 * (net/newer-program.mjs), because no second version exists yet.
 */

import { modulesEntryOf } from '@aitbc/cli/devnet';
import { identityFromSeed } from '@aitbc/node/testing';
import { base64, randomBytes } from '@aitbc/primitives';
import { addressOf, feeOf, signTx, type TxBody, type TxKind } from '@aitbc/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sharedHead } from './net/agreement.ts';
import { fundSenders, startLoad } from './net/load.ts';
import { call, headOf, until } from './net/rpc.ts';
import { startValidators, type ValidatorNet } from './net/validator-net.ts';

const timeout = 120_000;
const validators = 4;
const late = 3; // the node whose operator does not upgrade in time
const blocksAhead = 110;
const amount = 1_000_000n;
const burnMemo = '6275726e'; // "burn" in hex
const newer = [
  { NODE_OPTIONS: `--import ${new URL('./net/newer-program.mjs', import.meta.url).href}` },
  modulesEntryOf('node'), // it replaces one of them
] as const;

let net: ValidatorNet;
let upgradeHeight: number;

beforeAll(async () => {
  net = await startValidators({ validators, params: { heartbeatMs: 600 } });
});
afterAll(() => net?.end());

const all = (): number[] => Array.from({ length: validators }, (_, at) => at);
const stateOf = (at: number) => call(net.url(at), 'consensus_state');

/** Sends a transaction of a node's own account by the first node, final when it resolves. */
async function sendOf<K extends TxKind>(at: number, kind: K, body: TxBody<K>): Promise<void> {
  const { publicKey, keys } = net.identity(at);
  const address = addressOf(publicKey);
  const { pendingNonce } = await call(net.url(0), 'state_getAccount', { address });
  const fee = BigInt(feeOf(net.genesis.params, kind));
  const head = { chain: net.network.chain, nonce: pendingNonce, validUntil: 0, from: publicKey };
  const tx = signTx(net.network, { kind, ...head, fee, body } as never, keys.secretKey);
  const { status } = await call(net.url(0), 'tx_sendAndWait', { tx: base64(tx.bytes) });
  expect(status).toBe('final');
}

/** A transfer with the memo that version 2 gives a meaning; what it paid out and what it burned, by every node asked. */
async function payToBurn(nodes: readonly number[]) {
  const to = identityFromSeed(randomBytes(32)).publicKey;
  const burnedAt = async (at: number) => BigInt((await call(net.url(at), 'state_audit')).burned);
  const before = await burnedAt(0);
  await sendOf(0, 'transfer', { to, amount, memo: burnMemo });
  await sharedHeadOf(nodes);
  return Promise.all(
    nodes.map(async (at) => {
      const { balance } = await call(net.url(at), 'state_getAccount', { address: addressOf(to) });
      return { paid: BigInt(balance), burned: (await burnedAt(at)) - before };
    }),
  );
}

/** Waits until these nodes have one head. */
async function sharedHeadOf(nodes: readonly number[]): Promise<void> {
  await until('they have one head', async () => {
    const heads = await Promise.all(nodes.map((at) => headOf(net.url(at))));
    return new Set(heads.map((head) => head?.blockHash ?? 'gone')).size === 1;
  });
}

async function caughtUp(at: number, with_: number): Promise<void> {
  const target = (await headOf(net.url(with_)))?.height ?? 0;
  await until(`node ${at + 1} is at block ${target}`, async () => {
    return ((await headOf(net.url(at)))?.height ?? 0) >= target;
  });
}

it('is decided by more than two thirds of the stake, and every node tells of it', {
  timeout,
}, async () => {
  for (const at of all()) await net.fund(addressOf(net.identity(at).publicKey), 1_000_000_000n);
  upgradeHeight = (await call(net.url(0), 'chain_status')).height + blocksAhead;
  const vote = (at: number) =>
    sendOf(at, 'upgrade_signal', {
      ...{ validator: net.identity(at).publicKey, version: 2, height: upgradeHeight },
    });
  await vote(0);
  await vote(1);
  expect((await stateOf(0)).rules).toEqual({ version: 1, known: 1, upgrade: null });
  await vote(late);
  const upgrade = { present: 1, next: 2, height: upgradeHeight };
  for (const at of all()) {
    await until('it knows', async () => (await stateOf(at)).rules.upgrade !== null);
    expect((await stateOf(at)).rules).toEqual({ version: 1, known: 1, upgrade });
  }
});

it('is installed on one node after the other, which changes no rule yet', { timeout }, async () => {
  for (const at of [0, 1, 2]) {
    await net.stop(at);
    await net.start(at, ...newer);
    await caughtUp(at, late);
    expect((await stateOf(at)).rules).toMatchObject({ version: 1, known: 2 });
  }
  expect((await stateOf(0)).height, 'it took too long').toBeLessThan(upgradeHeight - 10);
  const paid = { paid: amount, burned: 0n };
  expect(await payToBurn(all())).toEqual([paid, paid, paid, paid]);
});

it('changes the rules of all nodes at its height, before which the older program stops', {
  timeout,
}, async () => {
  const load = startLoad(net, await fundSenders(net, 4));
  await until(
    'the chain is past the height',
    async () => {
      return (await stateOf(0)).height > upgradeHeight + 3;
    },
    60_000,
  ).finally(() => load.stop());
  expect(load.surprises).toEqual([]);
  const burned = { paid: 0n, burned: amount };
  expect(await payToBurn([0, 1, 2])).toEqual([burned, burned, burned]);
  for (const at of [0, 1, 2]) {
    expect((await stateOf(at)).rules).toMatchObject({ version: 2, known: 2 });
  }
  await expectStopped();
  expect(net.logged(late)).toContainEqual(
    expect.objectContaining({
      ...{ level: 'error', code: 'CHAIN_UPGRADE_NEEDED' },
      ...{ height: upgradeHeight, version: 2, known: 1 },
    }),
  );
});

/** The late node stands right before the height, says why, and has what the others have. */
async function expectStopped(): Promise<void> {
  const state = await stateOf(late);
  expect(state).toMatchObject({ halted: true, height: upgradeHeight - 1 });
  expect(state.rules).toMatchObject({ version: 2, known: 1 });
  const height = upgradeHeight - 1;
  const own = await call(net.url(late), 'chain_getBlock', { height });
  expect(own.hash).toBe((await call(net.url(0), 'chain_getBlock', { height })).hash);
}

it('lets the late node go on with its data when it has the newer program', {
  timeout,
}, async () => {
  await net.stop(late);
  await net.start(late); // the older program once more: it stands where it stood
  await expectStopped();
  await net.stop(late);
  await net.start(late, ...newer);
  await caughtUp(late, 0);
  const burned = { paid: 0n, burned: amount };
  expect(await payToBurn(all())).toEqual([burned, burned, burned, burned]);
  await until('it votes again', async () => (await stateOf(late)).mayVote);
  await net.kill(0); // three of four are left: its votes are needed
  const { height } = await stateOf(1);
  await until('the chain goes on', async () => (await stateOf(1)).height > height + 2);
  await net.start(0, ...newer);
  await sharedHead(net, height + 2);
  for (const at of all()) expect((await call(net.url(at), 'state_audit')).problems).toEqual([]);
});
