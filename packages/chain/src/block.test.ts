import {
  type BlockHeader,
  blockHashOf,
  decodeHeader,
  encodeHeader,
  headerFields,
  limits,
  type SignedTx,
} from '@aitbc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BlockToCheck, type BuiltBlock, buildBlock, checkBlock, timeMsMax } from './block.ts';
import { decodeBody, encodeBody } from './body.ts';
import { accountOf } from './state.ts';
import { oneOfEach } from './testing/one-of-each.ts';
import { actorOf, createWorld, type World } from './testing/world.ts';

const pay = (world: World, from: number, amount = 5n) =>
  world.tx('transfer', actorOf(from), { to: actorOf(9).id, amount, memo: '' });

function toCheck(world: World, block: BuiltBlock, changes: Partial<BlockToCheck> = {}) {
  const { header, hash, txs } = block;
  return { ...world.ground(), header, hash, txs, ...changes };
}

/** Reason of a refused check, or undefined. */
function faultOf(world: World, block: BuiltBlock, changes: Partial<BlockToCheck> = {}) {
  const verdict = checkBlock(toCheck(world, block, changes));
  if (verdict.ok) return undefined;
  expect(verdict.code).toBe('BLOCK_INVALID');
  expect(verdict.facts.height).toBe((changes.header ?? block.header).height);
  return verdict.facts.reason;
}

const withHeader = (world: World, block: BuiltBlock, changes: Partial<BlockHeader>) => {
  const header = { ...block.header, ...changes };
  return { header, hash: blockHashOf(world.network, header) };
};

describe('a built block', () => {
  it('holds what the rules accept, reports what they refuse, and pays the proposer once', () => {
    const world = createWorld();
    const good = [pay(world, 1), pay(world, 2)];
    const bad = pay(world, 1);
    const block = world.build([...good, bad]);
    expect(block.txs).toStrictEqual(good);
    expect(block.refused).toMatchObject([{ tx: bad, code: 'TX_NONCE_TOO_LOW' }]);
    expect(block.receipts.map(({ index, txId }) => [index, txId])).toStrictEqual(
      good.map(({ txId }, index) => [index, txId]),
    );
    expect(block.header).toMatchObject({ height: 1, view: 1, parent: world.head().hash });
    const rootBefore = world.tree.root();
    expect(accountOf(world.reader, world.proposer.id).balance).toBe(0n);
    world.commit(block);
    expect(accountOf(world.reader, world.proposer.id).balance).toBe(20_000n);
    expect(world.tree.root()).not.toBe(rootBefore);
  });

  it('may be empty; then the state stays as it is', () => {
    const world = createWorld();
    const block = world.build([]);
    expect(block.writes.size).toBe(0);
    expect(block.header.stateRoot).toBe(world.tree.root());
    expect(faultOf(world, block)).toBeUndefined();
  });

  it('keeps to the limits of count and size', () => {
    const world = createWorld();
    const candidates = [1, 2, 3].map((from) => pay(world, from));
    const build = (bounds: object) =>
      buildBlock({
        ...world.ground(),
        view: 1,
        timeMs: 1,
        proposer: world.proposer.id,
        candidates,
        limits: { ...limits, ...bounds },
      }).txs.length;
    const empty = encodeBody({ header: world.head().header, txs: [] }).length;
    const each = 4 + (candidates[0]?.bytes.length ?? 0);
    expect(build({})).toBe(3);
    expect(build({ blockTxCount: 2 })).toBe(2);
    expect(build({ blockSizeBytes: empty + 2 * each })).toBe(2);
    expect(build({ blockSizeBytes: empty + 2 * each - 1 })).toBe(1);
  });

  it('is later than its parent even when the clock went back', () => {
    const world = createWorld();
    const plan = { view: 1, proposer: world.proposer.id, candidates: [] };
    const block = buildBlock({ ...world.ground(), ...plan, timeMs: 0 });
    expect(block.header.timeMs).toBe(world.head().header.timeMs + 1);
  });

  it('has fees that cannot make coins: a proposer near 2^64 is a bug and not a block', () => {
    const world = createWorld();
    const reader = {
      get: (key: string) =>
        key.endsWith(world.proposer.id)
          ? new Uint8Array(24).fill(255, 0, 8)
          : world.reader.get(key),
    };
    const plan = { view: 1, timeMs: 1, proposer: world.proposer.id };
    const candidates = [pay(world, 1)];
    expect(() => buildBlock({ ...world.ground(), ...plan, reader, candidates })).toThrow(
      RangeError,
    );
  });
});

describe('checking a block', () => {
  it('accepts what was built and does the same', () => {
    const world = createWorld();
    const block = world.build([pay(world, 1), pay(world, 2)]);
    const checked = checkBlock(toCheck(world, block));
    expect(checked).toStrictEqual({
      ok: true,
      value: { receipts: block.receipts, writes: block.writes },
    });
  });

  it('refuses it after any single change of its header under the same hash', () => {
    const world = createWorld();
    const block = world.build([pay(world, 1), pay(world, 2)]);
    for (const name of Object.keys(headerFields) as (keyof BlockHeader)[]) {
      const value = block.header[name];
      const other = typeof value === 'number' ? value + 1 : `${value.slice(0, 62)}5e`;
      const header = { ...block.header, [name]: other } as BlockHeader;
      expect(faultOf(world, block, { header }), name).toBe('its header has another hash');
    }
  });

  it('refuses each broken header rule on its own, with the hash made to fit', () => {
    const world = createWorld();
    world.commit(world.build([]));
    const block = world.build([pay(world, 1)]);
    const parent = world.head().header;
    const other = 'ee'.repeat(32);
    const cases: [Partial<BlockHeader>, string][] = [
      [{ version: 2 }, 'version 2 is not known'],
      [{ chain: 1 }, 'it is for another chain'],
      [{ height: 3 }, 'the next height is 2'],
      [{ parent: other }, 'its parent is another block'],
      [{ view: parent.view }, 'its view is not above that of its parent'],
      [{ timeMs: parent.timeMs }, 'its time is not after that of its parent'],
      [{ timeMs: timeMsMax + 1 }, 'its time is beyond the calendar'],
      [{ epoch: 1 }, 'its epoch is not 0'],
      [{ proposer: other }, 'its proposer does not lead its view'],
      [{ txRoot: other }, 'its txRoot is not the root of its transactions'],
      [{ stateRoot: other }, 'its stateRoot is not the state after the block'],
      [{ receiptRoot: other }, 'its receiptRoot is not the root of the receipts'],
      [{ validatorsHash: other }, 'its validatorsHash is another set'],
      [{ nextValidatorsHash: other }, 'its nextValidatorsHash is another set'],
      [{ evidenceRoot: other }, 'its evidenceRoot is not the root of its evidence'],
    ];
    for (const [changes, reason] of cases) {
      expect(faultOf(world, block, withHeader(world, block, changes))).toBe(reason);
    }
    expect(faultOf(world, block, withHeader(world, block, { view: 99 }))).toBeUndefined();
    expect(new Set(cases.flatMap(([changes]) => Object.keys(changes)))).toStrictEqual(
      new Set(Object.keys(headerFields)),
    );
  });

  it('refuses missing, added, swapped and unsigned transactions', () => {
    const world = createWorld();
    const [a, b] = [pay(world, 1), pay(world, 2)];
    const block = world.build([a, b]);
    for (const txs of [[a], [b, a], [a, b, b], []]) {
      expect(faultOf(world, block, { txs })).toMatch('txRoot');
    }
    const forged = world.sign(actorOf(3), { ...a, from: actorOf(1).id } as SignedTx);
    const withForged = world.build([forged, b]);
    expect(faultOf(world, withForged)).toBe('transaction 0 is not signed by its sender');
    const known = (txId: string) => txId === forged.txId;
    expect(faultOf(world, withForged, { verified: known })).toBeUndefined();
  });

  it('names the transaction that the rules refuse', () => {
    const world = createWorld();
    const before = world.build([pay(world, 1), pay(world, 2)]);
    world.commit(world.build([pay(world, 2)]));
    const { parent, height, timeMs } = world.build([]).header;
    const stale = withHeader(world, before, { parent, height, timeMs, view: 9 });
    expect(faultOf(world, before, stale)).toBe('transaction 1 is refused with TX_NONCE_TOO_LOW');
  });

  it('refuses more transactions or bytes than a block may hold', () => {
    const world = createWorld();
    const block = world.build([pay(world, 1), pay(world, 2)]);
    const many = { limits: { ...limits, blockTxCount: 1 } };
    expect(faultOf(world, block, many)).toBe('it has 2 transactions');
    const size = encodeBody(block).length;
    expect(faultOf(world, block, { limits: { ...limits, blockSizeBytes: size } })).toBeUndefined();
    const big = { limits: { ...limits, blockSizeBytes: size - 1 } };
    expect(faultOf(world, block, big)).toBe(`it has ${size} bytes`);
  });
});

describe('bytes of a block', () => {
  const world = createWorld();
  const block = world.build([pay(world, 1), pay(world, 2)]);
  const bytes = encodeBody(block);

  it('come back as they were, with every kind of transaction', () => {
    const { header } = block;
    const txs = oneOfEach(world.network);
    const back = decodeBody(world.network, encodeBody({ header, txs }));
    expect(back).toEqual({ ok: true, value: { header, txs } });
    expect(decodeHeader(encodeHeader(header))).toStrictEqual({ ok: true, value: header });
  });

  it('are refused when cut, longer, too large, too many or of another chain', () => {
    const reasonOf = (all: Uint8Array, network = world.network) => {
      const verdict = decodeBody(network, all);
      return verdict.ok ? undefined : verdict.facts.reason;
    };
    for (let size = 0; size < bytes.length; size += 1) {
      expect(reasonOf(bytes.subarray(0, size))).toBeTypeOf('string');
    }
    expect(reasonOf(Uint8Array.from([...bytes, 0]))).toBe('1 bytes too many');
    expect(reasonOf(new Uint8Array(limits.blockSizeBytes + 1))).toMatch('it has');
    const many = Uint8Array.from(bytes);
    many.fill(255, encodeHeader(block.header).length, encodeHeader(block.header).length + 4);
    expect(reasonOf(many)).toBe(`it has ${2 ** 32 - 1} transactions`);
    const elsewhere = createWorld(2).network;
    expect(reasonOf(bytes, elsewhere)).toBe('transaction 0: TX_WRONG_CHAIN');
  });

  it('never make the decoder throw, random or mutated, and mutated ones never pass the check', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1_200 }), (random) => {
        expect(decodeBody(world.network, random).ok).toBe(false);
      }),
    );
    fc.assert(
      fc.property(
        fc.nat({ max: bytes.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        (at, flip) => {
          const mutated = Uint8Array.from(bytes);
          mutated[at] = (mutated[at] ?? 0) ^ flip;
          const decoded = decodeBody(world.network, mutated);
          if (!decoded.ok) return;
          const { header, txs } = decoded.value;
          expect(checkBlock(toCheck(world, block, { header, txs })).ok).toBe(false);
        },
      ),
      { numRuns: 500 },
    );
  });
});
