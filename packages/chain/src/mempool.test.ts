import { limits, type SignedTx, type UnsignedTx } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { accountKey, encodeEntry } from './entries.ts';
import { createMempool, type MempoolLimits } from './mempool.ts';
import { type Actor, actorOf, balanceNait, createWorld, type World } from './testing/world.ts';

const [first, second] = [actorOf(1), actorOf(2)];

function transfer(world: World, from: Actor, changes: Partial<UnsignedTx>): SignedTx {
  const body = { to: actorOf(9).id, amount: 5n, memo: '' };
  return world.sign(from, { ...world.tx('transfer', from, body), ...changes } as UnsignedTx);
}

function setup(bounds: Partial<MempoolLimits> = {}) {
  const world = createWorld(2);
  const { network, params, reader } = world;
  const mempool = createMempool({ network, params, limits: { ...limits, ...bounds } });
  const check = (tx: SignedTx, height = 1) => mempool.check(tx, reader, { height });
  const offer = (tx: SignedTx): SignedTx => {
    expect(check(tx)).toMatchObject({ ok: true });
    mempool.add(tx);
    return tx;
  };
  return { world, mempool, check, offer, reader };
}

describe('a mempool', () => {
  it('takes nonces in a row and says which comes next', () => {
    const { world, mempool, check, offer } = setup();
    const txs = [0, 1, 2].map((nonce) => offer(transfer(world, first, { nonce })));
    expect(mempool.count()).toBe(3);
    expect(mempool.sizeBytes()).toBe(txs.reduce((sum, tx) => sum + tx.bytes.length, 0));
    expect(mempool.pendingNonce(first.id, 0)).toBe(3);
    expect(mempool.pendingNonce(second.id, 7)).toBe(7);
    expect(mempool.get(txs[1]?.txId ?? '')).toBe(txs[1]);
    expect(check(transfer(world, first, { nonce: 4 }))).toMatchObject({
      code: 'TX_NONCE_TOO_HIGH',
    });
    const other = transfer(world, first, { nonce: 1, fee: 99_999n });
    expect(check(other)).toMatchObject({ code: 'TX_NONCE_PENDING' });
    expect(check(txs[0] as SignedTx)).toMatchObject({ code: 'TX_DUPLICATE' });
    expect(() => mempool.add(txs[0] as SignedTx)).toThrow(RangeError);
  });

  it('refuses what the rules would refuse whatever the block', () => {
    const { world, check } = setup();
    const codeOf = (changes: Partial<UnsignedTx>, height?: number) => {
      const verdict = check(transfer(world, first, changes), height);
      return verdict.ok ? 'ok' : verdict.code;
    };
    expect(codeOf({ fee: 1n })).toBe('TX_FEE_TOO_LOW');
    expect(codeOf({ validUntil: 3 }, 4)).toBe('TX_EXPIRED');
    expect(codeOf({ validUntil: 3 }, 3)).toBe('ok');
    expect(codeOf({ body: { to: first.id, amount: 1n, memo: '' } })).toBe('TX_SELF');
    expect(codeOf({ chain: 1 })).toBe('TX_WRONG_CHAIN');
  });

  it('refuses a nonce that a block has used, whatever waits', () => {
    const { world, mempool, check } = setup();
    const used = transfer(world, first, { nonce: 0 });
    world.commit(world.build([used]));
    const again = transfer(world, first, { nonce: 0, fee: 99_999n });
    expect(check(again)).toMatchObject({
      code: 'TX_NONCE_TOO_LOW',
      facts: { got: 0, expected: 1 },
    });
    expect(mempool.count()).toBe(0);
  });

  it('counts all that waits against the balance', () => {
    const { world, check, offer } = setup();
    const half = { to: second.id, amount: balanceNait / 2n, memo: '' };
    offer(transfer(world, first, { body: half }));
    const next = transfer(world, first, { nonce: 1, body: half });
    expect(check(next)).toMatchObject({ code: 'TX_FUNDS_INSUFFICIENT' });
    const rest = { ...half, amount: half.amount - 20_000n };
    offer(transfer(world, first, { nonce: 1, body: rest }));
  });

  it('is bounded by count, by bytes and by account', () => {
    const byCount = setup({ mempoolTxCount: 1 });
    byCount.offer(transfer(byCount.world, first, {}));
    const over = transfer(byCount.world, second, {});
    expect(byCount.check(over)).toMatchObject({ code: 'MEMPOOL_FULL', facts: { count: 1 } });
    const bySize = setup({ mempoolSizeBytes: 300 });
    bySize.offer(transfer(bySize.world, first, {}));
    expect(bySize.check(transfer(bySize.world, second, {}))).toMatchObject({
      code: 'MEMPOOL_FULL',
    });
    const byAccount = setup({ mempoolPerAccount: 2 });
    for (const nonce of [0, 1]) byAccount.offer(transfer(byAccount.world, first, { nonce }));
    const third = transfer(byAccount.world, first, { nonce: 2 });
    expect(byAccount.check(third)).toMatchObject({ code: 'MEMPOOL_ACCOUNT_FULL' });
    byAccount.offer(transfer(byAccount.world, second, {}));
  });

  it('hands candidates out in order of arrival, within count and bytes', () => {
    const { world, mempool, offer } = setup();
    const a0 = offer(transfer(world, first, { nonce: 0 }));
    const b0 = offer(transfer(world, second, { nonce: 0 }));
    const a1 = offer(transfer(world, first, { nonce: 1 }));
    const b1 = offer(transfer(world, second, { nonce: 1 }));
    expect(mempool.candidates(10, 10_000)).toStrictEqual([a0, b0, a1, b1]);
    expect(mempool.candidates(3, 10_000)).toStrictEqual([a0, b0, a1]);
    expect(mempool.candidates(10, 2 * a0.bytes.length + 1)).toStrictEqual([a0, b0]);
    expect(mempool.candidates(0, 10_000)).toStrictEqual([]);
  });

  it('does not let a sender’s later transaction overtake one that found no room', () => {
    const { world, mempool, offer } = setup();
    const long = { to: second.id, amount: 5n, memo: 'ab'.repeat(64) };
    offer(transfer(world, first, { body: long }));
    offer(transfer(world, first, { nonce: 1 }));
    const b0 = offer(transfer(world, second, {}));
    expect(mempool.candidates(10, b0.bytes.length)).toStrictEqual([b0]);
  });

  it('forgets what is in a block, and drops what the new state does not carry', () => {
    const { world, mempool, offer } = setup();
    const [a0, a1, a2] = [0, 1, 2].map((nonce) => offer(transfer(world, first, { nonce })));
    const b0 = offer(transfer(world, second, {}));
    if (!a0 || !a1 || !a2) throw new RangeError('no transactions');
    const stateWith = (nonce: number, balance: bigint) =>
      new Map([[accountKey(first.id), encodeEntry('account', { balance, nonce, vault: 0n })]]);
    mempool.remove([a0.txId, 'unknown']);
    expect(mempool.recheck([first.id, second.id], world.reader)).toMatchObject([
      { tx: a1, code: 'TX_NONCE_TOO_HIGH' },
      { tx: a2, code: 'TX_NONCE_TOO_HIGH' },
    ]);
    expect(mempool.candidates(9, 9_999)).toStrictEqual([b0]);
    for (const tx of [a0, a1, a2]) offer(tx);
    expect(mempool.recheck([first.id], stateWith(1, 10_005n))).toMatchObject([
      { tx: a0, code: 'TX_NONCE_TOO_LOW' },
      { tx: a2, code: 'TX_FUNDS_INSUFFICIENT' },
    ]);
    expect(mempool.recheck([first.id, actorOf(7).id], stateWith(1, 10_005n))).toStrictEqual([]);
    expect([mempool.count(), mempool.pendingNonce(first.id, 1)]).toStrictEqual([2, 2]);
    mempool.remove([a1.txId, b0.txId]);
    expect([mempool.count(), mempool.sizeBytes()]).toStrictEqual([0, 0]);
  });

  it('leaves a hole to be rechecked and hands out nothing behind it', () => {
    const { world, mempool, offer } = setup();
    const txs = [0, 1, 2].map((nonce) => offer(transfer(world, first, { nonce })));
    mempool.remove([txs[1]?.txId ?? '']);
    expect(mempool.candidates(9, 9_999)).toStrictEqual([txs[0]]);
  });

  it('uses the limits of the protocol when none are given', () => {
    const { world } = setup();
    const { network, params, reader } = world;
    const mempool = createMempool({ network, params });
    expect(mempool.check(transfer(world, first, {}), reader, { height: 1 }).ok).toBe(true);
  });
});
