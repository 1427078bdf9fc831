import { hex, sha256 } from '@aitbc/primitives';
import { limits, zeroHash } from '@aitbc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StateKey } from '../entries.ts';
import {
  chunkCount,
  chunkLevelMax,
  chunkLevelOf,
  decodeChunk,
  encodeChunk,
  entriesOfChunk,
  type StateChunk,
  verifyChunk,
} from './chunk.ts';
import { createStateTree } from './tree.ts';

/** A state of `count` entries whose values have `sizeBytes` bytes at most. */
function stateOf(count: number, sizeBytes = 40) {
  const entries = Array.from({ length: count }, (_, at): [StateKey, Uint8Array] => {
    const id = sha256(new Uint8Array([at & 0xff, at >> 8]));
    const length = sizeBytes > 40 ? sizeBytes : at % sizeBytes;
    return [`a${hex(id)}`, new Uint8Array(length).fill(at)];
  });
  const values = new Map(entries);
  return { entries, tree: createStateTree(entries), readValue: (key: StateKey) => values.get(key) };
}

function chunkOf(bytes: Uint8Array): StateChunk {
  const decoded = decodeChunk(bytes);
  if (!decoded.ok) throw new RangeError(String(decoded.facts.reason));
  return decoded.value;
}

describe('snapshot chunks', () => {
  it('verify alone, in any order, and together give the state', () => {
    for (const count of [0, 1, 2, 3, 7, 8, 9, 31, 33, 100]) {
      const { entries, tree, readValue } = stateOf(count);
      for (const level of [0, 1, 3, 5, 12]) {
        const chunks = chunkCount({ size: tree.size(), level });
        const parts = Array.from({ length: chunks }, (_, chunk) => {
          return chunkOf(encodeChunk(tree, { level, chunk }, readValue));
        });
        for (const part of parts.toReversed()) expect(verifyChunk(tree.root(), part)).toBe(true);
        const restored = parts.flatMap(entriesOfChunk);
        expect(restored).toStrictEqual(entries);
        expect(createStateTree(restored).root()).toBe(tree.root());
      }
    }
  });

  it('do not verify when anything in them is another', () => {
    const { tree, readValue } = stateOf(100);
    const good = chunkOf(encodeChunk(tree, { level: 3, chunk: 5 }, readValue));
    const [first, second, ...rest] = good.rows as [StateChunk['rows'][0], StateChunk['rows'][0]];
    const forged: Partial<StateChunk>[] = [
      { rows: [{ ...first, value: new Uint8Array(3) }, second, ...rest] },
      { rows: [{ ...first, nextKey: second.nextKey }, second, ...rest] },
      { rows: [second, first, ...rest] },
      { rows: [second, ...rest] },
      { rows: [...good.rows, first] },
      { chunk: 4 },
      { chunk: 12 },
      { chunk: 99 },
      { size: 100 },
      { size: 102 },
      { level: 2 },
      { level: 13 },
      { siblings: good.siblings.toReversed() },
      { siblings: good.siblings.slice(1) },
    ];
    expect(verifyChunk(tree.root(), good)).toBe(true);
    expect(verifyChunk(zeroHash, good)).toBe(false);
    for (const change of forged)
      expect(verifyChunk(tree.root(), { ...good, ...change })).toBe(false);
  });

  it('refuse bytes that are none, and decode to what was encoded', () => {
    const { tree, readValue } = stateOf(20);
    const bytes = encodeChunk(tree, { level: 2, chunk: 1 }, readValue);
    const spoiled = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc.nat({ max: bytes.length - 1 }).map((length) => bytes.slice(0, length)),
      fc
        .tuple(fc.nat({ max: bytes.length - 1 }), fc.integer({ min: 1, max: 255 }))
        .map(([at, by]) => bytes.map((byte, index) => (index === at ? byte ^ by : byte))),
    );
    fc.assert(
      fc.property(spoiled, (input) => {
        const decoded = decodeChunk(input);
        if (!decoded.ok) expect(decoded.code).toBe('SNAPSHOT_INVALID');
        else expect(verifyChunk(tree.root(), decoded.value)).toBe(false);
      }),
      { numRuns: 500 },
    );
    expect(decodeChunk(new Uint8Array([...bytes, 0])).ok).toBe(false);
    expect(decodeChunk(new Uint8Array([255, 255, 255, 255, 13, 0, 0, 0, 0])).ok).toBe(false);
  });

  it('are as large as fits into a message', () => {
    const small = stateOf(50);
    expect(chunkLevelOf(small.tree, small.readValue)).toBe(chunkLevelMax);
    const large = stateOf(300, 30_000);
    const level = chunkLevelOf(large.tree, large.readValue);
    expect(level).toBe(6); // 64 × 30 kB fit into 2 MiB, 128 do not
    for (let chunk = 0; chunk < chunkCount({ size: 301, level }); chunk += 1) {
      const bytes = encodeChunk(large.tree, { level, chunk }, large.readValue);
      expect(bytes.length).toBeLessThanOrEqual(limits.meshChunkBytes);
    }
    expect(() => encodeChunk(large.tree, { level, chunk: 99 }, large.readValue)).toThrow(
      'no such part',
    );
    expect(() => encodeChunk(large.tree, { level, chunk: 1 }, () => undefined)).toThrow('no value');
  });
});
