/**
 * The final state that a reader over stored blocks does not show yet: what final blocks wrote since the
 * last one that is on disk. The reader may already stand anywhere between that block and the head: every key
 * written since is found here first, so the answer is always the state at the head.
 *
 * What was stored, and what was read, is kept for a while: the accounts of waiting transactions are asked for several
 * times each, and a look into the database costs a hundred times one in here. A kept value can be old only
 * while a newer one of an unstored block lies above it. Accounts are kept decoded as well, until the next block is final.
 */
import {
  type AccountState,
  decodeEntry,
  type Entries,
  type EntryKind,
  keyOf,
  type Overlay,
  type StateKey,
  type StateReader,
} from '@aitbc/chain';
import type { Hex } from '@aitbc/protocol';

/** Final writes above the stored state. */
export interface FinalLayer extends StateReader, Pick<Overlay, 'entry'> {
  /** Takes the writes of the next final block. */
  push(height: number, writes: ReadonlyMap<StateKey, Uint8Array>): void;
  /** Forgets blocks up to a height: the reader shows them now. */
  forget(height: number): void;
}

const keptMax = 8_192; // in each of two generations: the accounts of a full mempool, a few megabytes

/** An empty layer over a reader. */
export function createFinalLayer(reader: StateReader): FinalLayer {
  const values = new Map<StateKey, { readonly bytes: Uint8Array; readonly height: number }>();
  const kept = createKeptEntries(reader);
  const accounts = new Map<Hex, AccountState>();
  let blocks: { readonly height: number; readonly keys: readonly StateKey[] }[] = [];
  const get = (key: StateKey): Uint8Array | undefined => values.get(key)?.bytes ?? kept.get(key);
  const decoded: Overlay['entry'] = (kind, id) => {
    const bytes = get(keyOf(kind, id));
    return bytes && decodeEntry(kind, id, bytes);
  };
  return {
    get,
    entry<K extends EntryKind>(kind: K, id: Hex) {
      if (kind !== 'account') return decoded(kind, id);
      const known = accounts.get(id) ?? decoded('account', id);
      if (accounts.size >= keptMax) accounts.clear();
      if (known) accounts.set(id, known);
      return known as Entries[K] | undefined;
    },
    push(height, writes) {
      accounts.clear();
      for (const [key, bytes] of writes) values.set(key, { bytes, height });
      blocks.push({ height, keys: [...writes.keys()] });
    },
    forget(height) {
      for (const block of blocks) {
        if (block.height > height) continue;
        for (const key of block.keys) {
          const value = values.get(key);
          if (value?.height !== block.height) continue;
          kept.set(key, value.bytes);
          values.delete(key);
        }
      }
      blocks = blocks.filter((block) => block.height > height);
    },
  };
}

/** Entries of the reader that were used lately; what is not among them is read, and kept when it is there. */
function createKeptEntries(reader: StateReader) {
  let young = new Map<StateKey, Uint8Array>();
  let old = new Map<StateKey, Uint8Array>();
  const set = (key: StateKey, bytes: Uint8Array): void => {
    young.set(key, bytes);
    if (young.size < keptMax) return;
    old = young;
    young = new Map();
  };
  return {
    set,
    get(key: StateKey): Uint8Array | undefined {
      const known = young.get(key);
      if (known) return known;
      const bytes = old.get(key) ?? reader.get(key);
      if (bytes) set(key, bytes);
      return bytes;
    },
  };
}
