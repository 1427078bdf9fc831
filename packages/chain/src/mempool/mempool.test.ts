import { expiringLane, type SignedTx, type UnsignedTx } from '@aitbc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nonceOf } from '../rules/lanes.ts';
import {
  first,
  second,
  setup,
  sponsored,
  stateWith,
  third,
  transfer,
} from '../testing/pool-setup.ts';
import { type Actor, actorOf, balanceNait, type World } from '../testing/world.ts';
import type { createMempool } from './mempool.ts';

describe('after a block', () => {
  it('its transactions are gone and known, and the others of their lanes stay', () => {
    const { world, mempool, check, offer, all, reader } = setup();
    const [a0, a1] = [0, 1].map((nonce) => offer(transfer(world, first, { nonce })));
    const b0 = offer(transfer(world, second));
    const block = world.build([a0, b0] as SignedTx[]);
    world.commit(block);
    const { header, txs, writes } = block;
    expect(mempool.settle({ height: header.height, txs, writes }, reader)).toStrictEqual([]);
    expect(all()).toStrictEqual([a1]);
    expect([a0, a1, b0].map((tx) => mempool.isKnown(tx?.txId ?? ''))).toStrictEqual([
      true,
      true,
      true,
    ]);
    expect(check(b0)).toMatchObject({ code: 'TX_DUPLICATE' });
  });

  it('what its state does not carry is dropped: in lanes, of payers, and with other payers', () => {
    const { world, mempool, offer, all, reader } = setup();
    const inLane = [0, 1].map((nonce) => offer(transfer(world, first, { lane: 2, nonce })));
    const wish = { lane: expiringLane, validUntil: 9, nonce: 4 } as const;
    const here = offer(sponsored(world, { from: second, payer: third }, wish));
    const inBlock = [
      transfer(world, first, { lane: 2, fee: 10_500n }),
      sponsored(world, { from: second, payer: first }, wish),
    ];
    const block = world.build(inBlock);
    expect(block.refused).toStrictEqual([]);
    world.commit(block);
    const { header, txs, writes } = block;
    expect(mempool.settle({ height: header.height, txs, writes }, reader)).toMatchObject([
      { tx: inLane[0], code: 'TX_NONCE_TOO_LOW' },
      { tx: here, code: 'TX_DUPLICATE' },
    ]);
    expect(all()).toStrictEqual([inLane[1]]);
  });

  it('what has run out is dropped with all that stands on it', () => {
    const { world, mempool, offer, all, reader } = setup();
    const ending = offer(transfer(world, first, { validUntil: 4 }));
    const behind = offer(transfer(world, first, { nonce: 1, validUntil: 4 }));
    const other = offer(transfer(world, second, { validUntil: 5 }));
    const empty = { txs: [], writes: new Map() };
    expect(mempool.settle({ ...empty, height: 3 }, reader)).toStrictEqual([]);
    expect(mempool.settle({ ...empty, height: 4 }, reader)).toMatchObject([
      { tx: ending, code: 'TX_EXPIRED', facts: { validUntil: 4, height: 5 } },
      { tx: behind, code: 'TX_NONCE_TOO_HIGH' },
    ]);
    expect(all()).toStrictEqual([other]);
  });

  it('the youngest go until the balance carries the rest', () => {
    const { world, mempool, offer, reader } = setup();
    const [a0, a1, a2] = [0, 1, 2].map((nonce) => offer(transfer(world, first, { nonce })));
    const byPayer = offer(sponsored(world, { from: second, payer: first }));
    const poorer = stateWith(reader, first, { nonce: 1, balance: 20_005n });
    expect(mempool.recheck([first.id], poorer)).toMatchObject([
      { tx: a0, code: 'TX_NONCE_TOO_LOW' },
      { tx: byPayer, code: 'TX_FUNDS_INSUFFICIENT' },
      { tx: a2, code: 'TX_FUNDS_INSUFFICIENT' },
    ]);
    expect(mempool.recheck([first.id, actorOf(7).id], poorer)).toStrictEqual([]);
    mempool.remove([a1?.txId ?? '']);
    expect([mempool.count(), mempool.sizeBytes()]).toStrictEqual([0, 0]);
  });

  it('nothing behind a hole is handed out, and a recheck drops it', () => {
    const { world, mempool, offer, all, reader } = setup();
    const txs = [0, 1, 2].map((nonce) => offer(transfer(world, first, { nonce })));
    mempool.remove([txs[1]?.txId ?? '', 'unknown']);
    expect(all()).toStrictEqual([txs[0]]);
    expect(mempool.recheck([first.id], reader)).toMatchObject([
      { tx: txs[2], code: 'TX_NONCE_TOO_HIGH' },
    ]);
    expect(mempool.count()).toBe(1);
  });
});

describe('short ids', () => {
  it('find what waits, and nothing else', () => {
    const { world, mempool, offer } = setup();
    const tx = offer(transfer(world, first));
    const shortId = tx.txId.slice(0, 16);
    expect(mempool.byShortId(shortId)).toStrictEqual([tx]);
    expect(mempool.byShortId(tx.txId.slice(1, 17))).toStrictEqual([]);
    mempool.remove([tx.txId]);
    expect(mempool.byShortId(shortId)).toStrictEqual([]);
  });
});

describe('random histories of a mempool', () => {
  it('never hold more than their bounds, nor more than the balances carry', () => {
    const moves = fc.record({
      actor: fc.nat({ max: 2 }),
      payer: fc.nat({ max: 5 }),
      lane: fc.constantFrom(0, 1, expiringLane),
      back: fc.nat({ max: 1 }),
      fee: fc.bigInt({ min: 10_000n, max: 60_000n }),
      amount: fc.bigInt({ min: 1n, max: balanceNait / 4n }),
      settles: fc.integer({ min: 0, max: 7 }).map((roll) => roll === 0),
    });
    const bounds = { mempoolTxCount: 12, mempoolSizeBytes: 2_500, mempoolPerAccount: 6 };
    fc.assert(
      fc.property(fc.array(moves, { maxLength: 80, size: 'max' }), (steps) => {
        const { world, mempool, all, reader } = setup(bounds);
        const actors = [first, second, third];
        for (const [salt, { actor, payer, lane, back, fee, amount, settles }] of steps.entries()) {
          const height = world.head().header.height + 1;
          const from = actors[actor] as Actor;
          const nonce =
            lane === expiringLane
              ? salt
              : Math.max(0, pendingOf(world, mempool, { from, lane }) - back);
          const validUntil = lane === expiringLane ? height + 2 : 0;
          const body = { to: actorOf(9).id, amount, memo: '' };
          const changes = { lane, nonce, validUntil, fee, body } as Partial<UnsignedTx>;
          const sponsor = actors[payer];
          const tx = sponsor
            ? sponsored(world, { from, payer: sponsor }, changes)
            : transfer(world, from, changes);
          if (mempool.check(tx, reader, { height }).ok) mempool.add(tx);
          if (settles) settleNext(world, mempool, all(5));
          expect(mempool.count()).toBeLessThanOrEqual(bounds.mempoolTxCount);
          expect(mempool.sizeBytes()).toBeLessThanOrEqual(bounds.mempoolSizeBytes);
        }
        // Everything that waits can go into one block, in the order in which it is handed out.
        const block = world.build(all());
        expect(block.refused).toStrictEqual([]);
        expect(block.txs).toHaveLength(mempool.count());
      }),
      { numRuns: 100 },
    );
  });
});

type Pool = ReturnType<typeof createMempool>;

function pendingOf(world: World, mempool: Pool, { from, lane }: { from: Actor; lane: number }) {
  return mempool.pendingNonce(
    from.id,
    nonceOf(world.reader, world.network, { from: from.id, lane }),
    lane,
  );
}

function settleNext(world: World, mempool: Pool, txs: SignedTx[]): void {
  const block = world.build(txs);
  world.commit(block);
  const { height } = block.header;
  mempool.settle({ height, txs: block.txs, writes: block.writes }, world.reader);
}
