/** The entries of a ledger by kind, kept up to date by the writes of its blocks: what people look at before they act. */
import { type Entries, type EntryKind, entryOfPair, type StateKey } from '@aitbc/chain';
import type { Hex } from '@aitbc/protocol';

/** Entries as they stand after the newest block. */
export interface View {
  take(writes: Iterable<readonly [StateKey, Uint8Array]>): void;
  all<K extends EntryKind>(kind: K): ReadonlyMap<Hex, Entries[K]>;
  get<K extends EntryKind>(kind: K, id: Hex): Entries[K] | undefined;
}

/** An empty view. */
export function createView(): View {
  const tables = new Map<EntryKind, Map<Hex, Entries[EntryKind]>>();
  const tableOf = (kind: EntryKind): Map<Hex, Entries[EntryKind]> => {
    const known = tables.get(kind) ?? new Map<Hex, Entries[EntryKind]>();
    tables.set(kind, known);
    return known;
  };
  return {
    take(writes) {
      for (const [key, value] of writes) {
        const { kind, id, entry } = entryOfPair(key, value);
        tableOf(kind).set(id, entry);
      }
    },
    all: <K extends EntryKind>(kind: K) => tableOf(kind) as unknown as ReadonlyMap<Hex, Entries[K]>,
    get: <K extends EntryKind>(kind: K, id: Hex) => tableOf(kind).get(id) as Entries[K] | undefined,
  };
}
