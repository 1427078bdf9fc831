import { expiringLane, limits, type SignedTx, type UnsignedTx } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { first, second, setup, sponsored, third, transfer } from '../testing/pool-setup.ts';
import { balanceNait } from '../testing/world.ts';

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
    expect(check(txs[0] as SignedTx)).toMatchObject({ code: 'TX_DUPLICATE' });
    expect(() => mempool.add(txs[0] as SignedTx)).toThrow(RangeError);
  });

  it('counts each lane for itself', () => {
    const { world, mempool, check, offer } = setup();
    offer(transfer(world, first, { lane: 3 }));
    offer(transfer(world, first, { lane: 3, nonce: 1 }));
    offer(transfer(world, first));
    const late = transfer(world, first, { lane: 4, nonce: 1 });
    expect(check(late)).toMatchObject({ code: 'TX_NONCE_TOO_HIGH' });
    const pending = [0, 3, 4].map((lane) => mempool.pendingNonce(first.id, 0, lane));
    expect(pending).toStrictEqual([1, 2, 0]);
  });

  it('takes the expiring lane in any order, each wish once, within its bound', () => {
    const { world, check, offer, all } = setup({ mempoolPerAccount: 100 });
    const free = (nonce: number) =>
      transfer(world, first, { lane: expiringLane, validUntil: 9, nonce });
    const txs = Array.from({ length: limits.expiringPerAccount }, (_, at) => offer(free(70 - at)));
    expect(all()).toStrictEqual(txs);
    expect(check(free(99))).toMatchObject({ code: 'TX_EXPIRING_FULL' });
    const same = { lane: expiringLane, validUntil: 9, nonce: 5 } as const;
    offer(sponsored(world, { from: second, payer: third }, same));
    expect(check(sponsored(world, { from: second, payer: first }, same))).toMatchObject({
      code: 'TX_DUPLICATE',
    });
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
    expect(codeOf({ lane: expiringLane })).toBe('TX_EXPIRY_INVALID');
    expect(codeOf({ body: { to: first.id, amount: 1n, memo: '' } })).toBe('TX_SELF');
    expect(codeOf({ chain: 1 })).toBe('TX_WRONG_CHAIN');
  });

  it('asks for the fees of the next block', () => {
    const { world, mempool, reader } = setup();
    const fees = { ...world.params.fees, transfer: '20000' };
    const next = { height: 1, params: { ...world.params, fees } };
    const verdict = mempool.check(transfer(world, first), reader, next);
    expect(verdict).toMatchObject({ code: 'TX_FEE_TOO_LOW', facts: { expected: 20_000n } });
  });

  it('refuses a nonce that a block has used, whatever waits', () => {
    const { world, mempool, check } = setup();
    world.commit(world.build([transfer(world, first, { nonce: 0 })]));
    const again = transfer(world, first, { nonce: 0, fee: 99_999n });
    expect(check(again)).toMatchObject({
      code: 'TX_NONCE_TOO_LOW',
      facts: { got: 0, expected: 1 },
    });
    expect(mempool.count()).toBe(0);
  });

  it('counts all that waits against the balance, in all lanes', () => {
    const { world, check, offer } = setup();
    const half = { to: second.id, amount: balanceNait / 2n, memo: '' };
    offer(transfer(world, first, { body: half }));
    const next = transfer(world, first, { lane: 5, body: half });
    expect(check(next)).toMatchObject({ code: 'TX_FUNDS_INSUFFICIENT' });
    const rest = { ...half, amount: half.amount - 20_000n };
    offer(transfer(world, first, { lane: 5, body: rest }));
  });

  it('counts amounts of the expiring lane too, at any height', () => {
    const { world, mempool, check, reader } = setup();
    const body = { to: second.id, amount: balanceNait / 2n, memo: '' };
    const wish = { lane: expiringLane, validUntil: 90_000, body } as const;
    const tx = transfer(world, first, wish);
    expect(mempool.check(tx, reader, { height: 85_000 })).toMatchObject({ ok: true });
    mempool.add(tx);
    expect(check(transfer(world, first, { body }))).toMatchObject({
      code: 'TX_FUNDS_INSUFFICIENT',
    });
  });

  it('counts sponsored fees against their payer', () => {
    const { world, check, offer } = setup();
    const fee = balanceNait / 2n;
    offer(sponsored(world, { from: first, payer: third }, { fee }));
    offer(sponsored(world, { from: second, payer: third }, { fee: fee - 10_005n }));
    offer(transfer(world, third));
    const more = sponsored(world, { from: first, payer: third }, { nonce: 1 });
    expect(check(more)).toMatchObject({ code: 'TX_FUNDS_INSUFFICIENT' });
    offer(sponsored(world, { from: first, payer: second }, { nonce: 1 }));
  });
});

describe('a replacement', () => {
  it('pays a tenth more', () => {
    const { world, mempool, check, offer, all } = setup();
    const old = offer(transfer(world, first, { fee: 10_001n }));
    const next = offer(transfer(world, first, { nonce: 1 }));
    expect(check(transfer(world, first, { fee: 11_001n }))).toMatchObject({
      code: 'TX_NONCE_PENDING',
      facts: { got: 0, feeNeeded: 11_002n },
    });
    const better = transfer(world, first, { fee: 11_002n });
    expect(check(better)).toMatchObject({ ok: true });
    const facts = { by: better.txId };
    expect(mempool.add(better)).toStrictEqual([{ tx: old, code: 'TX_REPLACED', facts }]);
    expect(all()).toStrictEqual([better, next]);
    expect(mempool.get(old.txId)).toBeUndefined();
  });

  it('frees what the old one would have cost, and needs no room of its own', () => {
    const { world, mempool, offer } = setup({ mempoolTxCount: 2, mempoolPerAccount: 1 });
    const body = { to: second.id, amount: balanceNait - 10_000n, memo: '' };
    offer(transfer(world, first, { body }));
    offer(transfer(world, second));
    const cheaper = { ...body, amount: balanceNait - 11_000n };
    offer(transfer(world, first, { body: cheaper, fee: 11_000n }));
    expect(mempool.count()).toBe(2);
  });
});

describe('a full mempool', () => {
  it('is full by count and by bytes for what pays no more than the poorest', () => {
    const byCount = setup({ mempoolTxCount: 1 });
    byCount.offer(transfer(byCount.world, first));
    const over = transfer(byCount.world, second);
    expect(byCount.check(over)).toMatchObject({ code: 'MEMPOOL_FULL', facts: { count: 1 } });
    expect(() => byCount.mempool.add(over)).toThrow(RangeError);
    const bySize = setup({ mempoolSizeBytes: 300 });
    bySize.offer(transfer(bySize.world, first));
    expect(bySize.check(transfer(bySize.world, second))).toMatchObject({ code: 'MEMPOOL_FULL' });
  });

  it('gives the place of the poorest end of a lane to one that pays more', () => {
    const { world, mempool, check, all } = setup({ mempoolTxCount: 3 });
    const a0 = transfer(world, first, { fee: 12_000n });
    const a1 = transfer(world, first, { nonce: 1, fee: 99_000n }); // counts as 12 000 behind a0
    const b0 = transfer(world, second, { fee: 20_000n });
    for (const tx of [a0, a1, b0]) mempool.add(tx);
    const rich = transfer(world, third, { fee: 13_000n });
    expect(check(rich)).toMatchObject({ ok: true });
    expect(mempool.add(rich)).toMatchObject([{ tx: a1, code: 'MEMPOOL_FULL' }]);
    expect(all()).toStrictEqual([b0, rich, a0]);
    const poor = transfer(world, third, { nonce: 1, fee: 12_000n });
    expect(check(poor)).toMatchObject({ code: 'MEMPOOL_FULL' });
    const behind = transfer(world, first, { nonce: 1, fee: 99_000n });
    expect(check(behind)).toMatchObject({ code: 'MEMPOOL_FULL' });
  });

  it('makes room for a large one only when it pays more than each that must go', () => {
    const { world, mempool, check } = setup({ mempoolSizeBytes: 520 });
    for (const [from, fee] of [
      [first, 10_000n],
      [second, 20_000n],
      [third, 30_000n],
    ] as const) {
      mempool.add(transfer(world, from, { fee }));
    }
    const large = (fee: bigint) => {
      const body = { to: first.id, amount: 5n, memo: 'ab'.repeat(64) };
      const lane = { lane: 8, body } as const;
      return transfer(world, second, { ...lane, fee });
    };
    expect(check(large(20_000n))).toMatchObject({ code: 'MEMPOOL_FULL' });
    expect(mempool.count()).toBe(3);
    expect(check(large(60_000n))).toMatchObject({ ok: true });
    expect(mempool.add(large(60_000n)).map(({ tx }) => tx.fee)).toStrictEqual([10_000n, 20_000n]);
  });

  it('gives an account no more than its places', () => {
    const { world, check, offer } = setup({ mempoolPerAccount: 2 });
    offer(transfer(world, first));
    offer(transfer(world, first, { lane: 1 }));
    const over = transfer(world, first, { nonce: 1, fee: 99_999n });
    expect(check(over)).toMatchObject({ code: 'MEMPOOL_ACCOUNT_FULL', facts: { count: 2 } });
    offer(transfer(world, second));
  });
});
