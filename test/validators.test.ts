/**
 * Validators as real processes, mistreated one way after the other while transfers run: killed, stopped,
 * cut from power, wiped, given a wrong clock, replaced, and caught lying. After each, all nodes must have
 * the same blocks and states, nothing final may have changed, and every coin is there.
 *
 * AITBC_CHAOS_ROUNDS repeats the blows that can be repeated; AITBC_TEST_SEED=random draws another order.
 */
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { base64 } from '@aitbc/primitives';
import {
  addressOf,
  feeOf,
  signStakeProof,
  signTx,
  type TxBody,
  type TxKind,
} from '@aitbc/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRandom } from './harness.ts';
import { sharedHead } from './net/agreement.ts';
import { type Beating, startBeating } from './net/blows.ts';
import { lie } from './net/liar.ts';
import { call, until } from './net/rpc.ts';
import { startValidators, type ValidatorNet } from './net/validator-net.ts';

const rounds = Number(process.env.AITBC_CHAOS_ROUNDS ?? '1');
const wish = process.env.AITBC_TEST_SEED ?? '1';
const seed = wish === 'random' ? Math.floor(Math.random() * 1_000_000) : Number(wish);
const random = createRandom(seed);
const timeout = 120_000 * rounds;
const validators = 4;
const newcomer = 4; // the node that is no validator at the start
const stakeNait = 1_000_000_000_000_000n; // as much as the others have
const fakeTime = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1';

let net: ValidatorNet;
let beating: Beating;

beforeAll(async () => {
  net = await startValidators({ validators, followers: 1 });
  beating = await startBeating(net);
});
afterAll(() => beating?.end(`validators, seed ${seed}`) ?? net?.end());

it('goes on when any one of four is killed, and takes it back', { timeout }, async () => {
  await beating.under('kill -9 of one', async () => {
    let kills = 0;
    for (let round = 0; round < rounds; round += 1) {
      for (let at = 0; at < validators; at += 1) {
        await sleep(random() * 200);
        await net.kill(at);
        await beating.progress(3);
        await net.start(at);
        await beating.caughtUp(at);
        kills += 1;
      }
    }
    return kills;
  });
});

it('goes on when one is stopped, and waits when two are', { timeout }, async () => {
  await beating.under('SIGSTOP of one, of two', async () => {
    for (let round = 0; round < rounds; round += 1) {
      net.pause(1);
      await beating.progress(3);
      net.pause(2);
      await sleep(500); // what was voted for before may still become final
      const halted = beating.watch.top();
      await sleep(1_500);
      expect(beating.watch.top(), 'two of four make nothing final').toBe(halted);
      net.resume(1);
      await beating.progress(3);
      net.resume(2);
      await beating.caughtUp(2);
    }
    return 2 * rounds;
  });
});

it('goes on after all of them lost power at once', { timeout }, async () => {
  await beating.under('kill -9 of all at once', async () => {
    for (let round = 0; round < rounds; round += 1) {
      await sleep(random() * 300);
      const all = net.awake();
      await Promise.all(all.map((at) => net.kill(at)));
      await Promise.all(all.map((at) => net.start(at)));
      await beating.progress(3);
    }
    return rounds;
  });
});

it('takes back a node that lost everything, first to watch and then to vote', {
  timeout,
}, async () => {
  await beating.under('wiped, rejoined by blocks', async () => {
    await net.stop(2);
    net.wipe(2);
    await beating.progress(3);
    await net.start(2);
    await beating.caughtUp(2);
    // When it votes again, the network can do without another one.
    await until('the wiped node votes', () => hasVoted(2));
    await net.kill(0);
    await beating.progress(5);
    await net.start(0);
    await beating.caughtUp(0);
    return 1;
  });
});

/** True when the newest block of a node carries its own vote. */
async function hasVoted(at: number): Promise<boolean> {
  const { certificate } = await call(net.url(at), 'chain_getBlock');
  const place = (await validatorKeys()).indexOf(net.identity(at).publicKey);
  return certificate?.votes.some(({ validator }: { validator: number }) => validator === place);
}

it.runIf(existsSync(fakeTime))(
  'goes on when clocks of two are half a minute wrong, each its own way',
  { timeout },
  async () => {
    await beating.under('clocks +30 s and -30 s', async () => {
      const skews = { 1: '+30s', 3: '-30s' };
      for (const [at, skew] of Object.entries(skews)) {
        await net.stop(Number(at));
        await net.start(Number(at), {
          ...{ LD_PRELOAD: fakeTime, FAKETIME: skew, DONT_FAKE_MONOTONIC: '1' },
        });
      }
      await beating.progress(10);
      const { timeMs } = await call(net.url(0), 'chain_status');
      expect(timeMs - Date.now(), 'chain time').toBeLessThan(net.genesis.params.blockSkewMs);
      for (const at of Object.keys(skews).map(Number)) {
        await net.stop(at);
        await net.start(at);
        await beating.caughtUp(at);
      }
      return 2;
    });
  },
);

/** Sends a transaction of a node's own account and waits until it is final. */
async function sendOf<K extends TxKind>(at: number, kind: K, body: TxBody<K>): Promise<void> {
  const { publicKey, keys } = net.identity(at);
  const address = addressOf(publicKey);
  await net.fund(address, 1_000_000_000n);
  const { pendingNonce } = await call(net.url(0), 'state_getAccount', { address });
  const fee = BigInt(feeOf(net.genesis.params, kind));
  const head = { chain: net.network.chain, nonce: pendingNonce, validUntil: 0, from: publicKey };
  const tx = signTx(net.network, { kind, ...head, fee, body } as never, keys.secretKey);
  const { status } = await call(net.url(0), 'tx_sendAndWait', { tx: base64(tx.bytes) });
  expect(status).toBe('final');
}

async function validatorKeys(): Promise<string[]> {
  const { validators: set } = await call(net.url(0), 'chain_status');
  return set.map(({ publicKey }: { publicKey: string }) => publicKey);
}

it('lets a validator in and another out while transfers run', { timeout }, async () => {
  const joining = net.identity(newcomer);
  const leaving = net.identity(1).publicKey;
  await beating.under('one joins, one leaves', async () => {
    await net.fund(addressOf(joining.publicKey), stakeNait);
    const keySignature = signStakeProof(net.network, joining.publicKey, joining.keys.secretKey);
    const validator = joining.publicKey;
    await sendOf(newcomer, 'validator_bond', { validator, stake: stakeNait, keySignature });
    await until('it is in', async () => (await validatorKeys()).includes(validator));
    const amount = BigInt(net.genesis.validators[1]?.stake ?? '0');
    await sendOf(1, 'validator_unbond', { validator: leaving, amount });
    await until('the other is out', async () => !(await validatorKeys()).includes(leaving));
    expect(await validatorKeys()).toHaveLength(validators);
    await net.kill(3); // three of four are left: the newcomer's votes count
    await beating.progress(5);
    await net.start(3);
    await beating.caughtUp(3);
    return 2;
  });
});

it('convicts a validator that signs two blocks of one view', { timeout }, async () => {
  const liar = 3;
  const { publicKey } = net.identity(liar);
  for (const at of [0, 2, newcomer]) await net.fund(addressOf(net.identity(at).publicKey), 10_000n);
  await beating.under('two votes in one view', async () => {
    await net.kill(liar);
    const pairs = await lie(net, liar, async () => (await convictionsOf(publicKey)) > 0);
    await until('it is out of the set', async () => !(await validatorKeys()).includes(publicKey));
    await net.start(liar);
    await beating.caughtUp(liar);
    return pairs;
  });
  await sharedHead(net, 0);
  expect(await convictionsOf(publicKey)).toBe(1);
  const audit = await call(net.url(0), 'state_audit');
  expect(BigInt(audit.burned)).toBeGreaterThan(0n);
});

/** How often the chain has convicted a key. */
async function convictionsOf(validator: string): Promise<number> {
  let found = 0;
  for (let from: number | null | undefined; from !== null; ) {
    const page = await call(net.url(0), 'evidence_list', from === undefined ? {} : { from });
    for (const one of page.evidence) if (one.validator === validator) found += 1;
    from = page.next;
  }
  return found;
}
