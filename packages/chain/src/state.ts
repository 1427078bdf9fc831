/**
 * State: how rules read and write entries without a store.
 *
 * A reader gives the bytes of a key. An overlay stands on a reader and keeps what was written above it,
 * decoded, so that an account that takes part in a hundred transactions of a block is decoded and encoded
 * once. `attempt` undoes the writes of a run that ends in a refusal; this makes a transaction atomic
 * without asking every rule to check everything before its first write.
 *
 * Rejected: copying the overlay for each transaction (a copy of the whole block's writes each time).
 * See docs/spec/chain.md, "State".
 */
import { type ChannelState, type Hex, type Verdict, zeroHash } from '@aitbc/protocol';
import {
  type AccountState,
  type AgentState,
  decodeEntry,
  type Entries,
  type EntryKind,
  emptyAccount,
  encodeEntry,
  keyOf,
  type ProviderState,
  partsOfKey,
  type StateKey,
  type ValidatorState,
} from './entries.ts';
import type { MandateState } from './work-entries.ts';

/** Where entries are read from. */
export interface StateReader {
  /** Bytes of an entry, undefined when it was never written. */
  get(key: StateKey): Uint8Array | undefined;
}

/** Writes above a reader. */
export interface Overlay extends StateReader {
  set(key: StateKey, value: Uint8Array): void;
  /** Decoded entry, kept for the next reader. */
  entry<K extends EntryKind>(kind: K, id: Hex): Entries[K] | undefined;
  put<K extends EntryKind>(kind: K, id: Hex, entry: Entries[K]): void;
  /** Runs; when the verdict is a refusal, or the run throws, its writes are undone. Not nested. */
  attempt<T>(run: () => Verdict<T>): Verdict<T>;
  /** Everything written so far: a fresh map that later writes do not change. */
  writes(): ReadonlyMap<StateKey, Uint8Array>;
}

/** One entry in an overlay: decoded, encoded or both; never changed after it is made. */
interface Cell {
  readonly kind: EntryKind;
  readonly entry: Entries[EntryKind] | undefined;
  readonly bytes: Uint8Array | undefined;
  readonly written: boolean;
}

/** An overlay that starts empty. */
export function createOverlay(base: StateReader): Overlay {
  const cells = new Map<StateKey, Cell>();
  const accounts = new Map<Hex, StateKey>();
  let undo: [StateKey, Cell | undefined][] | undefined;

  // Each transfer looks for its two accounts five times; a key that is put together anew is hashed anew.
  const keyFor = (kind: EntryKind, id: Hex): StateKey => {
    if (kind !== 'account') return keyOf(kind, id);
    const known = accounts.get(id);
    if (known !== undefined) return known;
    const key = keyOf(kind, id);
    accounts.set(id, key);
    return key;
  };

  const place = (key: StateKey, cell: Cell): void => {
    undo?.push([key, cells.get(key)]);
    cells.set(key, cell);
  };
  const rollBack = (log: readonly [StateKey, Cell | undefined][]): void => {
    for (const [key, before] of log.toReversed()) {
      if (before) cells.set(key, before);
      else cells.delete(key);
    }
  };
  const overlay: Overlay = {
    get(key) {
      const cell = cells.get(key);
      return cell ? bytesOf(cell) : base.get(key);
    },
    set(key, value) {
      place(key, { kind: partsOfKey(key).kind, entry: undefined, bytes: value, written: true });
    },
    entry<K extends EntryKind>(kind: K, id: Hex) {
      const key = keyFor(kind, id);
      const cell = cells.get(key);
      if (cell?.entry) return cell.entry as Entries[K];
      const bytes = cell ? cell.bytes : base.get(key);
      const entry = bytes && decodeEntry(kind, id, bytes);
      if (entry) cells.set(key, { kind, entry, bytes, written: cell?.written ?? false });
      return entry;
    },
    put: (kind, id, entry) =>
      place(keyFor(kind, id), { kind, entry, bytes: undefined, written: true }),
    attempt(run) {
      const log: [StateKey, Cell | undefined][] = [];
      undo = log;
      let done = false;
      try {
        const verdict = run();
        done = verdict.ok;
        return verdict;
      } finally {
        undo = undefined;
        if (!done) rollBack(log);
      }
    },
    writes() {
      const written = new Map<StateKey, Uint8Array>();
      for (const [key, cell] of cells) {
        const bytes = cell.written ? bytesOf(cell) : undefined;
        if (bytes) written.set(key, bytes);
      }
      return written;
    },
  };
  return overlay;
}

function bytesOf({ kind, entry, bytes }: Cell): Uint8Array | undefined {
  return bytes ?? (entry && encodeEntry(kind, entry));
}

/** Decoded entry of a kind, from an overlay or from bytes. */
export function entryOf<K extends EntryKind>(
  reader: StateReader | Overlay,
  kind: K,
  id: Hex,
): Entries[K] | undefined {
  if ('entry' in reader) return reader.entry(kind, id);
  const bytes = reader.get(keyOf(kind, id));
  return bytes && decodeEntry(kind, id, bytes);
}

/** An account; zeros when it was never written. */
export function accountOf(reader: StateReader | Overlay, id: Hex): AccountState {
  return entryOf(reader, 'account', id) ?? emptyAccount;
}

/** A channel by its id. */
export function channelOf(reader: StateReader | Overlay, id: Hex): ChannelState | undefined {
  return entryOf(reader, 'channel', id);
}

/** A mandate by its id. */
export function mandateOf(reader: StateReader | Overlay, id: Hex): MandateState | undefined {
  return entryOf(reader, 'mandate', id);
}

/** An agent by its account id. */
export function agentOf(reader: StateReader | Overlay, id: Hex): AgentState | undefined {
  return entryOf(reader, 'agent', id);
}

/** A provider by its account id. */
export function providerOf(reader: StateReader | Overlay, id: Hex): ProviderState | undefined {
  return entryOf(reader, 'provider', id);
}

/** The part of a channel that was neither claimed nor taken back, nait. */
export function freePartOf(channel: ChannelState): bigint {
  return channel.balance - channel.totalClaimed;
}

/** A validator by its key. */
export function validatorOf(reader: StateReader | Overlay, id: Hex): ValidatorState | undefined {
  return entryOf(reader, 'validator', id);
}

/** Coins that slashing has taken out of the supply, nait. */
export function burnedOf(reader: StateReader | Overlay): bigint {
  return entryOf(reader, 'burned', zeroHash)?.amount ?? 0n;
}
