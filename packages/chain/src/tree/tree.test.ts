import { hex, sha256 } from '@aitbc/primitives';
import {
  type AbsenceProof,
  type PresenceProof,
  verifyAbsence,
  verifyPresence,
  zeroHash,
} from '@aitbc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StateKey } from '../entries.ts';
import { encodeChunk } from './chunk.ts';
import { createStateTree, type StateTree } from './tree.ts';

const keyAt = (index: number): StateKey => `a${index.toString(16).padStart(64, '0')}`;
const valueAt = (index: number) => new Uint8Array([index & 0xff, index >> 8, 7]);
const writesOf = (...pairs: readonly (readonly [number, number])[]) =>
  new Map(pairs.map(([key, value]) => [keyAt(key), valueAt(value)]));

const joined = (...parts: Uint8Array[]) => sha256(Buffer.concat(parts));
const bytesOf = (key: StateKey) =>
  Buffer.concat([Buffer.from(key.slice(0, 1)), Buffer.from(key.slice(1), 'hex')]);

type Pairs = readonly (readonly [StateKey, Uint8Array])[];

/** The tree as the spec says it, with nothing clever. */
function plainRoot(entries: Pairs): string {
  const leaves: (readonly [Uint8Array, Uint8Array])[] = [
    [new Uint8Array(33), new Uint8Array(0)],
    ...entries.map(([key, value]) => [bytesOf(key), value] as const),
  ];
  const keys = leaves.map(([key]) => Buffer.from(key)).sort(Buffer.compare);
  const after = (key: Uint8Array) =>
    keys.find((other) => Buffer.compare(other, key) > 0) ?? Buffer.alloc(33, 0xff);
  let level = leaves.map(([key, value]) => joined(joined(key, after(key)), sha256(value)));
  while (Math.log2(level.length) % 1 !== 0) level.push(new Uint8Array(32));
  while (level.length > 1) {
    level = level.flatMap((left, at) =>
      at % 2 === 0 ? [joined(left, level[at + 1] as Uint8Array)] : [],
    );
  }
  const count = Buffer.alloc(32);
  count.writeUInt32BE(leaves.length, 28);
  return hex(joined(level[0] as Uint8Array, count));
}

/** Plain entries after writes. */
function withWrites(entries: Pairs, writes: ReadonlyMap<StateKey, Uint8Array>): Pairs {
  const next = new Map(entries);
  for (const key of [...writes.keys()].sort()) next.set(key, writes.get(key) as Uint8Array);
  return [...next];
}

const fcWrites = fc
  .array(fc.tuple(fc.nat({ max: 60 }), fc.nat({ max: 60_000 })), { maxLength: 25 })
  .map((pairs) => writesOf(...pairs));

describe('the state tree', () => {
  it('holds only the sentinel at first', () => {
    const tree = createStateTree([]);
    expect([tree.root(), tree.size(), tree.indexOf(keyAt(1))]).toStrictEqual([
      plainRoot([]),
      1,
      undefined,
    ]);
    expect(tree.rootAfter(new Map())).toBe(tree.root());
    expect(tree.commit(new Map())).toBe(plainRoot([]));
  });

  it('has the root that the definition gives, for each size up to 40', () => {
    for (let size = 1; size <= 40; size += 1) {
      const entries = Array.from({ length: size }, (_, at) => {
        return [keyAt((at * 17) % 41), valueAt(at)] as const;
      });
      expect(createStateTree(entries).root()).toBe(plainRoot(entries));
    }
  });

  it('has one root whatever the order in the map and however the writes were split', () => {
    fc.assert(
      fc.property(fc.array(fcWrites, { maxLength: 8 }), (rounds) => {
        const tree = createStateTree([]);
        let plain: Pairs = [];
        for (const writes of rounds) {
          const shuffled = new Map([...writes].toReversed());
          plain = withWrites(plain, writes);
          const before = tree.root();
          const planned = tree.rootAfter(writes);
          expect(tree.root()).toBe(before);
          expect(tree.rootAfter(shuffled)).toBe(planned);
          expect(tree.commit(writes)).toBe(planned);
          expect(planned).toBe(plainRoot(plain));
          expect(plain.map(([key]) => tree.indexOf(key))).toStrictEqual(
            plain.map((_, at) => at + 1),
          );
        }
        expect(createStateTree(plain).root()).toBe(tree.root());
      }),
    );
  });

  it('keeps its order over thousands of keys that come in any order, with equal beginnings', () => {
    const tree = createStateTree([]);
    let plain: Pairs = [];
    for (let round = 0; round < 6; round += 1) {
      const pairs = Array.from({ length: 400 }, (_, at) => {
        const seed = round * 400 + at;
        const id = hex(sha256(new Uint8Array([seed & 0xff, seed >> 8])));
        return [`c${seed % 2 ? id : `${'0'.repeat(32)}${id.slice(32)}`}`, valueAt(seed)] as const;
      });
      plain = withWrites(plain, new Map(pairs));
      tree.commit(new Map(pairs));
    }
    expect(tree.root()).toBe(plainRoot(plain));
    expect(createStateTree(plain).root()).toBe(tree.root());
    const [first] = plain;
    expect(() => createStateTree([...plain, first as Pairs[0]])).toThrow('stands twice');
  });
});

describe('versions', () => {
  it('give the roots of their own histories, on branches and after commits', () => {
    const step = fc.record({ on: fc.nat({ max: 30 }), writes: fcWrites, commits: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 14 }), (steps) => {
        const tree = createStateTree(writesOf([50, 1], [10, 2]));
        let open = [
          { version: tree.head, plain: [...writesOf([50, 1], [10, 2])] as Pairs, on: -1 },
        ];
        for (const { on, writes, commits } of steps) {
          const at = on % open.length;
          const parent = open[at] as (typeof open)[0];
          const plain = withWrites(parent.plain, writes);
          const version = tree.extend(parent.version, writes);
          expect(version.root).toBe(plainRoot(plain));
          expect(version.size).toBe(plain.length + 1);
          expect(plain.map(([key]) => version.indexOf(key))).toStrictEqual(
            plain.map((_, index) => index + 1),
          );
          open.push({ version, plain, on: at });
          const child = open.findIndex(({ on: below }) => below === 0);
          if (!commits || child < 0) continue;
          tree.commit((open[child] as (typeof open)[0]).version);
          open = keptAfter(open, child);
          expectProofs(tree, (open[0] as (typeof open)[0]).plain);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('do no work twice: a root that was asked for is the version that extend gives', () => {
    const tree = createStateTree(writesOf([1, 1]));
    const writes = writesOf([2, 2]);
    const root = tree.head.rootAfter(writes);
    const version = tree.extend(tree.head, writes);
    expect(version.root).toBe(root);
    expect(tree.extend(tree.head, writes)).toBe(version);
    expect(tree.commit(writes)).toBe(root);
    expect(tree.head).toBe(version);
  });

  it('end when another one on their parent is committed', () => {
    const tree = createStateTree(writesOf([1, 1]));
    const first = tree.head;
    const kept = tree.extend(first, writesOf([2, 2]));
    const dropped = tree.extend(first, writesOf([3, 3]));
    const onDropped = tree.extend(dropped, writesOf([4, 4]));
    const onKept = tree.extend(kept, writesOf([5, 5]));
    expect(() => tree.commit(onKept)).toThrow('does not stand on the head');
    tree.commit(kept);
    expect(onKept.indexOf(keyAt(5))).toBe(3);
    for (const version of [first, dropped, onDropped]) {
      expect(() => version.indexOf(keyAt(1))).toThrow('given up');
      expect(() => tree.extend(version, writesOf([9, 9]))).toThrow('given up');
      expect(() => tree.commit(version)).toThrow('does not stand on the head');
    }
    expect(tree.commit(onKept)).toBe(onKept.root);
    expect(() => createStateTree([]).commit(onKept)).toThrow('another tree');
  });
});

/** What stays open when `child`, which stands on place 0, becomes the head. */
function keptAfter<T extends { on: number }>(open: readonly T[], child: number): T[] {
  const places = new Map([[child, 0]]);
  const kept = [{ ...(open[child] as T), on: -1 }];
  for (const [at, one] of open.entries()) {
    const on = places.get(one.on);
    if (on === undefined || at === child) continue;
    places.set(at, kept.length);
    kept.push({ ...one, on });
  }
  return kept;
}

function expectProofs(tree: StateTree, plain: Pairs): void {
  for (const [key, value] of plain) {
    const proof = tree.proofOf(key) as PresenceProof;
    expect(verifyPresence(tree.root(), { key, value }, proof)).toBe(true);
  }
  const known = new Set(plain.map(([key]) => key));
  for (const key of [0, 7, 33, 61, 1000].map(keyAt).filter((one) => !known.has(one))) {
    expect(verifyAbsence(tree.root(), key, tree.proofOf(key) as AbsenceProof)).toBe(true);
  }
}

describe('a proof', () => {
  it('shows each entry and nothing else', () => {
    const entries = Array.from({ length: 11 }, (_, at) => [keyAt(at), valueAt(at)] as const);
    const tree = createStateTree(entries);
    const root = tree.root();
    for (const [key, value] of entries) {
      const proof = tree.proofOf(key) as PresenceProof;
      const check = (changed: object, entry: object = {}) =>
        verifyPresence(root, { key, value, ...entry }, { ...proof, ...changed });
      expect(check({})).toBe(true);
      expect(verifyPresence(zeroHash, { key, value }, proof)).toBe(false);
      expect(check({}, { value: valueAt(99) })).toBe(false);
      expect(check({}, { key: keyAt(77) })).toBe(false);
      expect(check({}, { key: 'nonsense' })).toBe(false);
      for (const index of [proof.index ^ 1, proof.index + 16, -1, 0.5]) {
        expect(check({ index })).toBe(false);
      }
      for (const count of [proof.count + 1, 0, 2 ** 40, Number.NaN]) {
        expect(check({ count })).toBe(false);
      }
      expect(check({ nextKey: 'ff'.repeat(33) })).toBe(proof.nextKey === 'ff'.repeat(33));
      expect(check({ siblings: proof.siblings.slice(1) })).toBe(false);
      expect(check({ siblings: ['xyz', ...proof.siblings.slice(1)] })).toBe(false);
      expect(check({ siblings: [...proof.siblings, zeroHash] })).toBe(false);
    }
  });

  it('of absence needs the leaf that lies around the key', () => {
    const tree = createStateTree(writesOf([10, 1], [20, 2], [30, 3]));
    const absent = (key: number) => tree.proofOf(keyAt(key)) as AbsenceProof;
    const holds = (key: number, proof: AbsenceProof) =>
      verifyAbsence(tree.root(), keyAt(key), proof);
    expect(() => tree.proofOf('A1')).toThrow('is no key');
    for (const key of [0, 9, 11, 19, 25, 31, 999]) expect(holds(key, absent(key))).toBe(true);
    expect(holds(25, absent(15))).toBe(false);
    expect(holds(20, absent(15))).toBe(false);
    expect(holds(20, absent(25))).toBe(false);
    expect(holds(25, { ...absent(25), nextKey: 'ff'.repeat(33) })).toBe(false);
    expect(holds(15, { ...absent(15), valueHash: zeroHash })).toBe(false);
    const present = tree.proofOf(keyAt(20)) as PresenceProof;
    expect(present.kind).toBe('presence');
    const forged = { ...absent(25), ...present, kind: 'absence' } as AbsenceProof;
    expect(holds(25, { ...forged, nextKey: forged.key })).toBe(false);
  });

  it('does not take a node for a leaf', () => {
    const tree = createStateTree(writesOf([1, 1], [2, 2], [3, 3]));
    const [, upper] = tree.siblingsAbove(0, 1).map(hex);
    const proof = tree.proofOf(keyAt(1)) as PresenceProof;
    const value = Uint8Array.from(Buffer.from(upper as string, 'hex'));
    const short = { ...proof, index: 0, count: 2, siblings: proof.siblings.slice(1) };
    expect(verifyPresence(tree.root(), { key: keyAt(1), value }, short)).toBe(false);
  });
});

describe('golden vectors', () => {
  it('of roots, proofs and a snapshot chunk', async () => {
    const entries = [5, 1, 9, 3].map((key) => [keyAt(key), valueAt(key)] as const);
    const tree = createStateTree(entries);
    const roots = [tree.root()];
    for (const writes of [writesOf([9, 10]), writesOf([2, 1], [7, 7])])
      roots.push(tree.commit(writes));
    const values = new Map([...entries, ...writesOf([9, 10], [2, 1], [7, 7])]);
    const chunk = encodeChunk(tree, { level: 2, chunk: 1 }, (key) => values.get(key));
    const vector = {
      entries: entries.map(([key, value]) => [key, hex(value)]),
      roots,
      presence: { key: keyAt(7), value: hex(valueAt(7)), proof: tree.proofOf(keyAt(7)) },
      absence: { key: keyAt(6), proof: tree.proofOf(keyAt(6)) },
      chunk: hex(chunk),
    };
    const file = `${JSON.stringify(vector, undefined, 2)}\n`;
    await expect(file).toMatchFileSnapshot('../../vectors/tree.json');
  });
});
