import { hex, sha256 } from '@aitbc/primitives';
import { zeroHash } from '@aitbc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StateKey } from './entries.ts';
import { createMerkleHasher, listRoot } from './merkle.ts';
import { createStateTree, verifyStateProof } from './tree.ts';

const keyAt = (index: number): StateKey => `a${index.toString(16).padStart(64, '0')}`;
const valueAt = (index: number) => new Uint8Array([index & 0xff, index >> 8, 7]);

/** The tree as the spec says it, with nothing clever: hashes of hashes over a padded list. */
function plainRoot(entries: readonly (readonly [StateKey, Uint8Array])[]): string {
  const tagged = (tag: number, ...parts: Uint8Array[]) =>
    sha256(Uint8Array.from([tag, ...parts.flatMap((part) => [...part])]));
  let level = entries.map(([key, value]) => {
    return tagged(0, Uint8Array.from([key.charCodeAt(0)]), Buffer.from(key.slice(1), 'hex'), value);
  });
  const width = 2 ** Math.ceil(Math.log2(Math.max(1, level.length)));
  while (level.length < width) level.push(new Uint8Array(32));
  while (level.length > 1) {
    level = level.flatMap((left, at) =>
      at % 2 === 0 ? [tagged(1, left, level[at + 1] as Uint8Array)] : [],
    );
  }
  return hex(level[0] as Uint8Array);
}

describe('the state tree', () => {
  it('is empty at first', () => {
    const tree = createStateTree([]);
    expect([tree.root(), tree.size(), tree.indexOf(keyAt(1))]).toStrictEqual([
      zeroHash,
      0,
      undefined,
    ]);
    expect(tree.rootAfter(new Map())).toBe(zeroHash);
    expect(tree.commit(new Map())).toBe(zeroHash);
    expect(tree.proofOf(keyAt(1))).toBeUndefined();
  });

  it('has the root that the definition gives, for each size up to 40', () => {
    for (let size = 1; size <= 40; size += 1) {
      const entries = Array.from({ length: size }, (_, at) => [keyAt(at), valueAt(at)] as const);
      expect(createStateTree(entries).root()).toBe(plainRoot(entries));
    }
  });

  it('has one root whatever the order in the map and however the writes were split', () => {
    const writesList = fc.array(
      fc.array(fc.tuple(fc.nat({ max: 40 }), fc.nat({ max: 60_000 })), { maxLength: 25 }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(writesList, (rounds) => {
        const tree = createStateTree([]);
        const plain: [StateKey, Uint8Array][] = [];
        for (const round of rounds) {
          const writes = new Map(round.map(([key, value]) => [keyAt(key), valueAt(value)]));
          const shuffled = new Map([...writes].toReversed());
          for (const key of [...writes.keys()].sort()) {
            const at = plain.findIndex(([known]) => known === key);
            const pair: [StateKey, Uint8Array] = [key, writes.get(key) as Uint8Array];
            if (at < 0) plain.push(pair);
            else plain[at] = pair;
          }
          const before = tree.root();
          const planned = tree.rootAfter(writes);
          expect(tree.root()).toBe(before);
          expect(tree.rootAfter(shuffled)).toBe(planned);
          expect(tree.commit(writes)).toBe(planned);
          expect(planned).toBe(plainRoot(plain));
          expect(plain.map(([key]) => tree.indexOf(key))).toStrictEqual(plain.map((_, at) => at));
        }
        expect(createStateTree(plain).root()).toBe(tree.root());
      }),
    );
  });

  it('proves each entry and nothing else', () => {
    const entries = Array.from({ length: 11 }, (_, at) => [keyAt(at), valueAt(at)] as const);
    const tree = createStateTree(entries);
    for (const [key, value] of entries) {
      const proof = tree.proofOf(key);
      if (!proof) throw new RangeError('no proof');
      const check = (changed: object, root = tree.root(), forKey = key) =>
        verifyStateProof(root, forKey, { value, proof, ...changed });
      expect(check({})).toBe(true);
      expect(check({ value: valueAt(99) })).toBe(false);
      expect(check({}, zeroHash)).toBe(false);
      expect(check({}, tree.root(), keyAt(77))).toBe(false);
      expect(check({}, tree.root(), 'nonsense')).toBe(false);
      expect(check({ proof: { ...proof, index: proof.index ^ 1 } })).toBe(false);
      expect(check({ proof: { ...proof, index: proof.index + 16 } })).toBe(false);
      expect(check({ proof: { ...proof, index: -1 } })).toBe(false);
      expect(check({ proof: { ...proof, index: 0.5 } })).toBe(false);
      expect(check({ proof: { ...proof, siblings: proof.siblings.slice(1) } })).toBe(false);
      expect(check({ proof: { ...proof, siblings: ['xyz', ...proof.siblings.slice(1)] } })).toBe(
        false,
      );
      expect(check({ proof: { ...proof, siblings: new Array(33).fill(zeroHash) } })).toBe(false);
    }
  });

  it('does not take a node for an entry', () => {
    const tree = createStateTree([
      [keyAt(1), valueAt(1)],
      [keyAt(2), valueAt(2)],
    ]);
    const proof = { index: 0, siblings: [] };
    const nodes = tree.proofOf(keyAt(1));
    if (!nodes?.siblings[0]) throw new RangeError('no proof');
    const value = Uint8Array.from(Buffer.from(nodes.siblings[0], 'hex'));
    expect(verifyStateProof(tree.root(), keyAt(1), { value, proof })).toBe(false);
  });
});

describe('a list root', () => {
  it('is zero for nothing, the leaf hash for one, and differs with order and length', () => {
    const [a, b] = [new Uint8Array([1]), new Uint8Array([2])];
    const leaf = new Uint8Array(32);
    createMerkleHasher().leaf(a, leaf, 0);
    expect(listRoot([])).toBe(zeroHash);
    expect(listRoot([a])).toBe(hex(leaf));
    const roots = [[a], [a, a], [a, b], [b, a], [a, b, a], [a, b, a, a]].map(listRoot);
    expect(new Set(roots).size).toBe(roots.length);
  });
});
