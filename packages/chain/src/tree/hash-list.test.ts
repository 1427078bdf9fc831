import { hex, sha256 } from '@aitbc/primitives';
import { verifyListItem, zeroHash } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { hashListRoot, listRoot, proveListItem } from './hash-list.ts';
import { hashPairsNative, hashPairsWasm } from './hash-pairs.ts';

const leafAt = (index: number) => sha256(new Uint8Array([index]));
const joined = (...parts: Uint8Array[]) => sha256(Buffer.concat(parts));

describe('a list root', () => {
  it('is zero for nothing, and by the definition for one, two and three', () => {
    const [a, b, c] = [0, 1, 2].map(leafAt) as [Uint8Array, Uint8Array, Uint8Array];
    const zeros = new Uint8Array(32);
    const counted = (top: Uint8Array, count: number) =>
      hex(joined(top, zeros.subarray(1), new Uint8Array([count])));
    expect(hashListRoot([])).toBe(zeroHash);
    expect(hashListRoot([a])).toBe(counted(a, 1));
    expect(hashListRoot([a, b])).toBe(counted(joined(a, b), 2));
    expect(hashListRoot([a, b, c])).toBe(counted(joined(joined(a, b), joined(c, zeros)), 3));
    expect(listRoot([new Uint8Array([0])])).toBe(hashListRoot([a]));
    expect(() => hashListRoot([new Uint8Array(31)])).toThrow('leaf 0 has 31 bytes');
  });

  it('differs with order and length', () => {
    const [a, b] = [leafAt(1), leafAt(2)];
    const zeros = new Uint8Array(32);
    const lists = [[a], [a, a], [a, b], [b, a], [a, b, a], [a, b, a, a], [a, b, a, zeros]];
    expect(new Set(lists.map(hashListRoot)).size).toBe(lists.length);
  });

  it('proves each item of lists of each length up to 33, at its place only', () => {
    for (let count = 1; count <= 33; count += 1) {
      const leaves = Array.from({ length: count }, (_, at) => leafAt(at));
      const root = hashListRoot(leaves);
      for (const [index, leaf] of leaves.entries()) {
        const proof = proveListItem(leaves, index);
        expect(verifyListItem(root, leaf, proof)).toBe(true);
        expect(verifyListItem(root, leafAt(index + 1), proof)).toBe(false);
        expect(verifyListItem(root, leaf, { ...proof, index: index + 1 })).toBe(false);
      }
    }
    expect(() => proveListItem([leafAt(1)], 1)).toThrow('no item 1');
  });
});

describe('hashing of pairs', () => {
  it('gives the same bytes natively, in wasm and one by one', () => {
    expect(hashPairsNative).toBeDefined();
    for (const count of [1, 2, 3, 4, 5, 8, 17, 100]) {
      const input = Uint8Array.from({ length: 64 * count }, (_, at) => (at * 31 + count) & 0xff);
      const [native, wasm] = [new Uint8Array(32 * count), new Uint8Array(32 * count)];
      hashPairsNative?.(input, native);
      hashPairsWasm(input, wasm);
      expect(hex(native)).toBe(hex(wasm));
      for (let at = 0; at < count; at += 1) {
        const one = sha256(input.subarray(64 * at, 64 * at + 64));
        expect(hex(wasm.subarray(32 * at, 32 * at + 32))).toBe(hex(one));
      }
    }
  });
});
