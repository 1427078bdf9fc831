import {
  expiringLane,
  limits,
  type SignedTx,
  senderSignatureOf,
  sponsorTx,
  type UnsignedTx,
} from '@aitbc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accountKey, encodeEntry, type StateKey } from '../entries.ts';
import { nonceOf } from '../rules/lanes.ts';
import type { StateReader } from '../state.ts';
import { type Actor, actorOf, balanceNait, createWorld, type World } from '../testing/world.ts';
import { createMempool, type MempoolLimits } from './mempool.ts';

const [first, second, third] = [actorOf(1), actorOf(2), actorOf(3)];

function transfer(world: World, from: Actor, changes: Partial<UnsignedTx> = {}): SignedTx {
  const body = { to: actorOf(9).id, amount: 5n, memo: '' };
  return world.sign(from, { ...world.tx('transfer', from, body), ...changes } as UnsignedTx);
}

function sponsored(
  world: World,
  { from, payer }: { from: Actor; payer: Actor },
  changes: Partial<UnsignedTx> = {},
) {
  const { network } = world;
  const { signature: _s, txId: _t, bytes: _b, ...plain } = transfer(world, from, changes);
  const tx = { ...plain, sponsored: true } as UnsignedTx;
  const signature = senderSignatureOf(network, tx, from.secretKey);
  return sponsorTx(network, { tx, signature }, payer.secretKey);
}

function setup(bounds: Partial<MempoolLimits> = {}) {
  const world = createWorld(3);
  const { network, params, reader } = world;
  const mempool = createMempool({ network, params, limits: { ...limits, ...bounds } });
  const check = (tx: SignedTx, height = 1) => mempool.check(tx, reader, { height });
  const offer = (tx: SignedTx): SignedTx => {
    expect(check(tx)).toMatchObject({ ok: true });
    mempool.add(tx);
    return tx;
  };
  const all = (maxCount = 99, maxBytes = 99_999) => mempool.candidates({ maxCount, maxBytes });
  return { world, mempool, check, offer, all, reader };
}

/** The state of the world with one account changed. */
function stateWith(reader: StateReader, actor: Actor, change: { nonce: number; balance: bigint }) {
  const changed = encodeEntry('account', { ...change, vault: 0n });
  return {
    get: (key: StateKey) => (key === accountKey(actor.id) ? changed : reader.get(key)),
  };
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
