/**
 * Snapshot chunks: the entries of a state in the order of their indices, cut into runs of 2^level leaves.
 *
 * Such a run is a subtree, so a chunk with the siblings above it verifies alone against the state root of a final
 * header: whoever sends a wrong one is found out at once, and the next peer is asked for this chunk only.
 *
 *   size u32 · level u8 · chunk u32 · rows × (key 33 · nextKey 33 · value 2+n) · siblings × 32, from below
 *
 * Size, level and place give the number of rows and siblings, so no count stands in the bytes. Row 0 of chunk 0
 * is the sentinel. The maker chooses the level: at most 12, less when large entries would not fit into
 * a message of the mesh. See docs/spec/chain.md, "Snapshots".
 */
import {
  compareBytes,
  concat,
  createReader,
  createWriter,
  DecodeError,
  hex,
  type Reader,
  sha256,
} from '@aitbc/primitives';
import {
  accept,
  countedRoot,
  depthOf,
  entryLeaf,
  type Hex,
  hashBytes,
  keyBytes,
  limits,
  listDepthMax,
  pairHash,
  refuse,
  type Verdict,
} from '@aitbc/protocol';
import type { StateKey } from '../entries.ts';
import type { StateTree } from './tree.ts';

export const chunkLevelMax = 12;
const frameBytes = 4 + 1 + 4;
const rowFrameBytes = 2 * keyBytes + 2;
const valueBytesMax = 0xffff;

/** Where a chunk stands: in a tree of `size` leaves that is cut into runs of 2^level, counted from 0. */
export interface ChunkPlace {
  readonly size: number;
  readonly level: number;
  readonly chunk: number;
}

/** An entry as it stands in a chunk. */
export interface ChunkRow {
  readonly key: Uint8Array;
  readonly nextKey: Uint8Array;
  readonly value: Uint8Array;
}

/** A part of a state that proves itself. */
export interface StateChunk extends ChunkPlace {
  readonly rows: readonly ChunkRow[];
  readonly siblings: readonly Uint8Array[];
}

/** Value of a key; undefined only for keys that are not in the tree. */
export type ReadValue = (key: StateKey) => Uint8Array | undefined;

/** Chunks of a tree. */
export function chunkCount({ size, level }: Omit<ChunkPlace, 'chunk'>): number {
  return Math.ceil(size / 2 ** level);
}

/** Largest level at which each chunk of the head fits into a message. Walks the whole state once. */
export function chunkLevelOf(tree: StateTree, readValue: ReadValue): number {
  const room = limits.meshChunkBytes - frameBytes - listDepthMax * hashBytes;
  const sums = new Float64Array(chunkLevelMax + 1);
  let fitting = chunkLevelMax;
  for (let index = 0; index < tree.size(); index += 1) {
    const rowBytes = rowFrameBytes + valueAt(tree, index, readValue).length;
    for (let level = 0; level <= fitting; level += 1) {
      const isFirst = index % 2 ** level === 0;
      sums[level] = (isFirst ? 0 : (sums[level] as number)) + rowBytes;
      if ((sums[level] as number) > room) fitting = level - 1;
    }
  }
  return fitting;
}

/** Bytes of a chunk of the head. Throws RangeError outside the tree or for a key without value. */
export function encodeChunk(
  tree: StateTree,
  { level, chunk }: Omit<ChunkPlace, 'size'>,
  readValue: ReadValue,
): Uint8Array {
  const size = tree.size();
  const fault = placeFault({ size, level, chunk });
  if (fault) throw new RangeError(fault);
  const writer = createWriter().u32(size).u8(level).u32(chunk);
  const from = chunk * 2 ** level;
  for (let index = from; index < from + rowsOf({ size, level, chunk }); index += 1) {
    const { key, nextKey } = tree.leafAt(index);
    writer
      .fixed(key, keyBytes)
      .fixed(nextKey, keyBytes)
      .variable(valueAt(tree, index, readValue));
  }
  for (const sibling of tree.siblingsAbove(level, chunk)) writer.fixed(sibling, hashBytes);
  return writer.finish();
}

/** Chunk of its bytes. Refusal: SNAPSHOT_INVALID. It proves nothing before `verifyChunk`. */
export function decodeChunk(bytes: Uint8Array): Verdict<StateChunk> {
  try {
    const reader = createReader(bytes);
    const place = { size: reader.u32(), level: reader.u8(), chunk: reader.u32() };
    const fault = placeFault(place);
    if (fault) return refuse('SNAPSHOT_INVALID', { reason: fault });
    const rows = Array.from({ length: rowsOf(place) }, () => readRow(reader));
    const siblings = Array.from({ length: siblingsOf(place) }, () => reader.fixed(hashBytes));
    reader.end();
    return accept({ ...place, rows, siblings });
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return refuse('SNAPSHOT_INVALID', { reason: error.message });
  }
}

/** True when the state with this root has exactly these entries at this place. */
export function verifyChunk(root: Hex, chunk: StateChunk): boolean {
  if (placeFault(chunk) || chunk.rows.length !== rowsOf(chunk)) return false;
  if (chunk.siblings.length !== siblingsOf(chunk)) return false;
  let nodes = chunk.rows.map(({ key, nextKey, value }) => {
    return entryLeaf(sha256(concat(key, nextKey)), sha256(value));
  });
  let empty: Uint8Array = new Uint8Array(hashBytes);
  for (let height = 0; height < Math.min(chunk.level, depthOf(chunk.size)); height += 1) {
    nodes = parentsOf(nodes, empty);
    empty = pairHash(empty, empty);
  }
  let [node] = nodes as [Uint8Array];
  let at = chunk.chunk;
  for (const sibling of chunk.siblings) {
    node = at % 2 === 0 ? pairHash(node, sibling) : pairHash(sibling, node);
    at = Math.floor(at / 2);
  }
  return countedRoot(node, chunk.size) === root;
}

/** Entries of a chunk in the order of their indices, without the sentinel: what `createStateTree` takes. */
export function entriesOfChunk({ chunk, rows }: StateChunk): [StateKey, Uint8Array][] {
  const entries = chunk === 0 ? rows.slice(1) : rows;
  return entries.map(({ key, value }) => [stateKeyOf(key), value]);
}

function stateKeyOf(key: Uint8Array): StateKey {
  return String.fromCharCode(key[0] as number) + hex(key.subarray(1));
}

function valueAt(tree: StateTree, index: number, readValue: ReadValue): Uint8Array {
  if (index === 0) return new Uint8Array(0);
  const key = stateKeyOf(tree.leafAt(index).key);
  const value = readValue(key);
  if (!value || value.length > valueBytesMax) throw new RangeError(`no value to send for ${key}`);
  return value;
}

function placeFault({ size, level, chunk }: ChunkPlace): string | undefined {
  if (level > chunkLevelMax) return `its level ${level} is above ${chunkLevelMax}`;
  if (size < 1 || chunk >= chunkCount({ size, level }))
    return `a state of ${size} has no such part`;
  return undefined;
}

function rowsOf({ size, level, chunk }: ChunkPlace): number {
  return Math.min(2 ** level, size - chunk * 2 ** level);
}

function siblingsOf({ size, level }: ChunkPlace): number {
  return Math.max(0, depthOf(size) - level);
}

function readRow(reader: Reader): ChunkRow {
  const key = reader.fixed(keyBytes);
  const nextKey = reader.fixed(keyBytes);
  if (compareBytes(key, nextKey) >= 0) throw new DecodeError('a key is not below the next one');
  return { key, nextKey, value: reader.variable(valueBytesMax) };
}

function parentsOf(nodes: readonly Uint8Array[], empty: Uint8Array): Uint8Array[] {
  const parents: Uint8Array[] = [];
  for (let at = 0; at < nodes.length; at += 2) {
    parents.push(pairHash(nodes[at] as Uint8Array, nodes[at + 1] ?? empty));
  }
  return parents;
}
