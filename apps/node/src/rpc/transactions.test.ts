import { amountMax } from '@aitbc/primitives';
import { addressOf, amountOf, limits, type SignedTx } from '@aitbc/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChainNode } from '../app.ts';
import {
  actor,
  call,
  codeOf,
  fund,
  makeFolder,
  nodeIn,
  post,
  resultOf,
  sendParams,
  signed,
  type TestFolder,
  transfer,
  validatorActor,
} from '../testing/test-node.ts';

let at: TestFolder;
let node: ChainNode;
const url = () => node.url as string;
const alice = actor(1);
const bob = actor(2);

beforeAll(async () => {
  at = makeFolder();
  node = nodeIn(at);
  await node.start();
  await fund(url(), alice, 1_000_000_000n);
  const first = transfer(at.network, alice, { to: bob.publicKey, amount: 7n });
  await resultOf(url(), 'tx_sendAndWait', sendParams(first));
});
afterAll(async () => {
  await node.stop();
  at.remove();
});

const next = (overrides: Parameters<typeof transfer>[2] | object = {}) =>
  transfer(at.network, alice, { to: bob.publicKey, nonce: 1, ...overrides });

/** The bytes with some of them replaced. */
function patched(tx: SignedTx, offset: number, bytes: readonly number[]): { bytes: Uint8Array } {
  const copy = Uint8Array.from(tx.bytes);
  copy.set(bytes, offset);
  return { bytes: copy };
}

// Offsets of the envelope: version 0, kind 1, flags 2, chain 4, lane 8, nonce 10, from 26, fee 58, body 66.
const bad: readonly (readonly [string, () => { bytes: Uint8Array }, string])[] = [
  ['nothing at all', () => ({ bytes: new Uint8Array(0) }), 'TX_MALFORMED'],
  ['random bytes', () => ({ bytes: new Uint8Array(200).fill(0xa7) }), 'TX_MALFORMED'],
  ['cut short', () => ({ bytes: next().bytes.subarray(0, 150) }), 'TX_MALFORMED'],
  [
    'trailing bytes',
    () => ({ bytes: Buffer.concat([next().bytes, Buffer.from([0])]) }),
    'TX_MALFORMED',
  ],
  ['a memo longer than its limit', () => patched(next(), 106, [0xff, 0xff]), 'TX_MALFORMED'],
  ['a nonce above 2^53', () => patched(next(), 10, [0xff, 0xff, 0xff, 0xff]), 'TX_MALFORMED'],
  [
    'more bytes than a transaction may have',
    () => ({ bytes: new Uint8Array(limits.txSizeBytes + 1) }),
    'TX_TOO_LARGE',
  ],
  ['another version', () => patched(next(), 0, [9]), 'TX_VERSION_UNKNOWN'],
  ['an unknown kind', () => patched(next(), 1, [200]), 'TX_KIND_UNKNOWN'],
  ['flags', () => patched(next(), 2, [0, 2]), 'TX_FLAGS_UNSUPPORTED'],
  ['a lane it was not signed for', () => patched(next(), 8, [0, 1]), 'TX_SIGNATURE_INVALID'],
  ['another chain', () => next({ chain: 12 }), 'TX_WRONG_CHAIN'],
  ['a fee below the floor', () => next({ fee: 9_999n }), 'TX_FEE_TOO_LOW'],
  [
    'an amount changed after signing',
    () => patched(next(), 98, [0, 0, 0, 0, 0, 0, 0, 2]),
    'TX_SIGNATURE_INVALID',
  ],
  [
    'a sender changed after signing',
    () => patched(next(), 26, [...Buffer.from(bob.publicKey, 'hex')]),
    'TX_SIGNATURE_INVALID',
  ],
  [
    'a broken signature',
    () => patched(next(), next().bytes.length - 1, [0xff]),
    'TX_SIGNATURE_INVALID',
  ],
  [
    'a negative amount in two’s complement',
    () => next({ amount: amountMax }),
    'TX_AMOUNT_OVERFLOW',
  ],
  ['amount and fee above 2^64', () => next({ amount: amountMax - 5_000n }), 'TX_AMOUNT_OVERFLOW'],
  ['more than the balance', () => next({ amount: 10n ** 15n }), 'TX_FUNDS_INSUFFICIENT'],
  ['a used nonce', () => next({ nonce: 0, amount: 3n }), 'TX_NONCE_TOO_LOW'],
  ['a nonce ahead', () => next({ nonce: 5 }), 'TX_NONCE_TOO_HIGH'],
  ['an amount of zero', () => next({ amount: 0n }), 'TX_AMOUNT_ZERO'],
  ['itself as receiver', () => next({ to: alice.publicKey }), 'TX_SELF'],
  ['an expired height', () => next({ validUntil: 1 }), 'TX_EXPIRED'],
  [
    'an empty account',
    () => transfer(at.network, actor(77), { to: bob.publicKey }),
    'TX_FUNDS_INSUFFICIENT',
  ],
];

describe('a bad transaction over HTTP', () => {
  it.each(bad)('with %s is refused and changes nothing', async (_, make, code) => {
    const address = addressOf(alice.publicKey);
    const before = await resultOf(url(), 'state_getAccount', { address });
    const params = sendParams(make());
    expect(await codeOf(url(), 'tx_send', params)).toBe(code);
    expect(await codeOf(url(), 'tx_sendAndWait', params)).toBe(code);
    expect(await resultOf(url(), 'state_getAccount', { address })).toEqual(before);
    expect(await resultOf(url(), 'mempool_status')).toEqual({ count: 0, sizeBytes: 0 });
  });

  it('is told by number, message, code and facts', async () => {
    const { error } = await call(url(), 'tx_send', sendParams(next({ nonce: 5 })));
    expect(error).toEqual({
      code: -33409,
      message: expect.stringContaining('Nonce 5'),
      data: {
        code: 'TX_NONCE_TOO_HIGH',
        facts: { got: 5, from: addressOf(alice.publicKey), expected: 1 },
      },
    });
  });

  it.each([
    ['no base64', '***'],
    ['base64 that is not canonical', 'AB=='],
    ['base64 of a wrong length', 'A'],
    ['a number', 7],
    ['nothing', undefined],
  ])('with %s in place of bytes is BAD_REQUEST', async (_, tx) => {
    expect(await codeOf(url(), 'tx_send', { tx })).toBe('BAD_REQUEST');
  });

  it('is refused when its kind needs what is not there', async () => {
    const unbond = signed(at.network, alice, { kind: 'provider_unbond', body: {}, nonce: 1 });
    const simulated = await resultOf(url(), 'tx_simulate', { ...sendParams(unbond), signed: true });
    expect(simulated).toMatchObject({ ok: false, code: 'PROVIDER_UNKNOWN', effects: [] });
    expect(await codeOf(url(), 'tx_send', sendParams(unbond))).toBe('PROVIDER_UNKNOWN');
  });

  it('is refused by its block when it depended on one that waits, and whoever waits is told', async () => {
    const first = signed(at.network, alice, {
      kind: 'vault_deposit',
      body: { amount: 5n, allocations: [] },
      nonce: 1,
    });
    const second = signed(at.network, alice, { kind: 'provider_unbond', body: {}, nonce: 2 });
    const batch = [first, second].map((tx, id) => ({
      jsonrpc: '2.0',
      id,
      method: 'tx_sendAndWait',
      params: sendParams(tx),
    }));
    const { body } = await post(url(), JSON.stringify(batch));
    expect(body).toMatchObject([
      { result: { status: 'final' } },
      { error: { data: { code: 'PROVIDER_UNKNOWN' } } },
    ]);
  });
});

describe('a known transaction', () => {
  it('is a duplicate when it is sent again, and found when it is waited for', async () => {
    const again = transfer(at.network, alice, { to: bob.publicKey, amount: 7n });
    expect(await codeOf(url(), 'tx_send', sendParams(again))).toBe('TX_DUPLICATE');
    const status = await resultOf(url(), 'tx_sendAndWait', sendParams(again));
    expect(status).toMatchObject({ status: 'final', tx: { txId: again.txId } });
  });
});

describe('waiting transactions', () => {
  it('are known by nonce, id and number, and survive a second of the same nonce', async () => {
    const slowAt = makeFolder();
    const slow = nodeIn(slowAt, { minBlockIntervalMs: 1_500 });
    await slow.start();
    const slowUrl = slow.url as string;
    await fund(slowUrl, alice, 1_000_000_000n);
    const send = (overrides: object) =>
      call(
        slowUrl,
        'tx_send',
        sendParams(transfer(slowAt.network, alice, { to: bob.publicKey, ...overrides })),
      );
    const first = await send({ nonce: 0 });
    expect(first.error).toBeUndefined();
    expect((await send({ nonce: 0 })).error?.data.code).toBe('TX_DUPLICATE');
    expect((await send({ nonce: 0, amount: 2n })).error?.data.code).toBe('TX_NONCE_PENDING');
    expect((await send({ nonce: 1, amount: 10n ** 9n })).error?.data.code).toBe(
      'TX_FUNDS_INSUFFICIENT',
    );
    const waiting = await resultOf(slowUrl, 'tx_get', { txId: first.result.txId });
    expect(waiting).toMatchObject({ status: 'accepted', receipt: null, blockHash: null });
    const address = addressOf(alice.publicKey);
    expect(await resultOf(slowUrl, 'state_getAccount', { address })).toMatchObject({
      nonce: 0,
      pendingNonce: 1,
    });
    expect(await resultOf(slowUrl, 'mempool_status')).toMatchObject({ count: 1 });
    for (let nonce = 1; nonce < limits.mempoolPerAccount; nonce += 1) {
      expect((await send({ nonce })).error).toBeUndefined();
    }
    expect((await send({ nonce: limits.mempoolPerAccount })).error?.data.code).toBe(
      'MEMPOOL_ACCOUNT_FULL',
    );
    const tooShort = transfer(slowAt.network, bob, { to: alice.publicKey });
    expect(
      (await call(slowUrl, 'tx_sendAndWait', { ...sendParams(tooShort), timeoutMs: 1 })).error?.data
        .code,
    ).toBe('TX_FUNDS_INSUFFICIENT');
    await slow.stop();
    slowAt.remove();
  });

  it('answer as accepted when the time of the caller is over', async () => {
    const slowAt = makeFolder();
    const slow = nodeIn(slowAt, { minBlockIntervalMs: 1_000 });
    await slow.start();
    const slowUrl = slow.url as string;
    await fund(slowUrl, alice, 1_000_000_000n);
    const tx = transfer(slowAt.network, alice, { to: bob.publicKey });
    const status = await resultOf(slowUrl, 'tx_sendAndWait', { ...sendParams(tx), timeoutMs: 5 });
    expect(status).toMatchObject({ status: 'accepted', receipt: null });
    await slow.stop();
    slowAt.remove();
  });
});

describe('the faucet', () => {
  it('gives the most allowed when nothing is asked for, and no more within its window', async () => {
    const address = addressOf(actor(40).publicKey);
    const most = at.genesis.params.faucetMax;
    expect((await resultOf(url(), 'dev_faucet', { address })).amount).toBe(most);
    const more = { address, amount: '1' };
    expect(await codeOf(url(), 'dev_faucet', more)).toBe('FAUCET_LIMIT');
    const tooMuch = {
      address: addressOf(actor(41).publicKey),
      amount: (amountOf(most) + 1n).toString(),
    };
    expect(await codeOf(url(), 'dev_faucet', tooMuch)).toBe('FAUCET_LIMIT');
    expect(await codeOf(url(), 'dev_faucet', { address, amount: '1.5' })).toBe('BAD_REQUEST');
    expect(await codeOf(url(), 'dev_faucet', { address, amount: '-1' })).toBe('BAD_REQUEST');
    expect(await codeOf(url(), 'dev_faucet', { address, amount: 1 })).toBe('BAD_REQUEST');
  });

  it.each([
    ['without a key file', {}, { withoutFaucet: true }],
    ['on a network that has none', { faucetMax: '0' }, {}],
  ])('is closed %s', async (_, params, options) => {
    const other = makeFolder(params);
    const closed = nodeIn(other, options);
    await closed.start();
    const address = addressOf(bob.publicKey);
    expect(await codeOf(closed.url as string, 'dev_faucet', { address })).toBe('FAUCET_DISABLED');
    await closed.stop();
    other.remove();
  });
});

describe('fees', () => {
  it('go to the validator that made the block', async () => {
    const address = addressOf(validatorActor.publicKey);
    const before = BigInt((await resultOf(url(), 'state_getAccount', { address })).balance);
    const tx = transfer(at.network, bob, { to: alice.publicKey });
    await fund(url(), bob, 1_000_000n);
    await resultOf(url(), 'tx_sendAndWait', sendParams({ ...tx }));
    const after = BigInt((await resultOf(url(), 'state_getAccount', { address })).balance);
    expect(after - before).toBe(20_000n);
  });
});
