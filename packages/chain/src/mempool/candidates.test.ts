import { expiringLane, type SignedTx } from '@aitbc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { first, second, setup, third, transfer } from '../testing/pool-setup.ts';
import type { Actor } from '../testing/world.ts';

describe('the order of candidates', () => {
  it('is that of fees per byte, then of arrival', () => {
    const { world, offer, all } = setup();
    const a0 = offer(transfer(world, first));
    const b0 = offer(transfer(world, second, { fee: 30_000n }));
    const c0 = offer(transfer(world, third));
    const a1 = offer(transfer(world, first, { nonce: 1, fee: 20_000n }));
    const longer = { body: { to: first.id, amount: 5n, memo: 'ab'.repeat(64) } };
    const b1 = offer(transfer(world, second, { nonce: 1, fee: 25_000n, ...longer }));
    expect(all()).toStrictEqual([b0, b1, a0, a1, c0]);
    expect(all(2)).toStrictEqual([b0, b1]);
    expect(all(0)).toStrictEqual([]);
  });

  it('keeps within the bytes, and nothing overtakes in its lane what found no room', () => {
    const { world, offer, all } = setup();
    const long = { to: second.id, amount: 5n, memo: 'ab'.repeat(64) };
    offer(transfer(world, first, { fee: 90_000n, body: long }));
    offer(transfer(world, first, { nonce: 1 }));
    const b0 = offer(transfer(world, second));
    offer(transfer(world, third));
    expect(all(99, b0.bytes.length + 1)).toStrictEqual([b0]);
  });

  it('leaves out what a block above the final state has, and goes on behind it', () => {
    const { world, mempool, offer } = setup();
    const txs = [0, 1, 2].map((nonce) => offer(transfer(world, first, { nonce })));
    const b0 = offer(transfer(world, second));
    const inBlock = new Set(txs.slice(0, 2).map(({ txId }) => txId));
    const query = { maxCount: 9, maxBytes: 9_999, skip: (txId: string) => inBlock.has(txId) };
    expect(mempool.candidates(query)).toStrictEqual([txs[2], b0]);
  });

  it('is the same as that of sorting everything, whatever came and went', () => {
    const moves = fc.record({
      actor: fc.nat({ max: 2 }),
      lane: fc.constantFrom(0, 1, expiringLane),
      fee: fc.bigInt({ min: 10_000n, max: 10_009n }),
      leaves: fc.integer({ min: 0, max: 5 }).map((roll) => roll === 0),
    });
    fc.assert(
      fc.property(fc.array(moves, { maxLength: 50, size: 'max' }), (steps) => {
        const { world, mempool, offer, reader, all } = setup();
        let arrived: SignedTx[] = [];
        for (const [salt, { actor, lane, fee, leaves }] of steps.entries()) {
          const from = [first, second, third][actor] as Actor;
          const nonce = lane === expiringLane ? salt : mempool.pendingNonce(from.id, 0, lane);
          const validUntil = lane === expiringLane ? 9 : 0;
          arrived.push(offer(transfer(world, from, { lane, nonce, validUntil, fee })));
          if (!leaves) continue;
          const gone = arrived[salt % arrived.length] as SignedTx;
          mempool.remove([gone.txId]);
          const dropped = mempool.recheck([gone.from], reader).map(({ tx }) => tx);
          arrived = arrived.filter((tx) => tx !== gone && !dropped.includes(tx));
        }
        expect(all()).toStrictEqual(sortedByHand(arrived));
        expect(mempool.count()).toBe(arrived.length);
      }),
      { numRuns: 60 },
    );
  });
});

/** Again and again the best of those whose predecessors in their lane are out. */
function sortedByHand(arrived: readonly SignedTx[]): SignedTx[] {
  const left = [...arrived];
  const sorted: SignedTx[] = [];
  const waits = (tx: SignedTx) =>
    tx.lane !== expiringLane &&
    left.some((other) => {
      const sameLane = other.from === tx.from && (other.lane ?? 0) === (tx.lane ?? 0);
      return sameLane && other.nonce < tx.nonce;
    });
  while (left.length > 0) {
    const free = left.filter((tx) => !waits(tx));
    const rateOf = (tx: SignedTx) => Number(tx.fee) / tx.bytes.length;
    const best = free.reduce((top, tx) => (rateOf(tx) > rateOf(top) ? tx : top));
    left.splice(left.indexOf(best), 1);
    sorted.push(best);
  }
  return sorted;
}
