/**
 * Parameters that validators voted for. The genesis document gives the first values; an entry lists what
 * was changed since, and what was armed in this epoch and waits for the next.
 * See docs/spec/chain.md, "Votes on parameters".
 */
import { equalBytes } from '@aitbc/primitives';
import {
  AppError,
  type ChainParams,
  changeParams,
  type ParamChange,
  zeroHash,
} from '@aitbc/protocol';
import { decodeEntry, keyOf } from '../entries.ts';
import type { Overlay, StateReader } from '../state.ts';

interface CachedParams {
  readonly bytes: Uint8Array;
  readonly params: ChainParams;
}

const overridesKey = keyOf('overrides', zeroHash);
const paramsCache = new WeakMap<ChainParams, CachedParams>();

/** Parameters of the block after this state: those of the genesis document with what was voted since. */
export function paramsOf(reader: StateReader, genesis: ChainParams): ChainParams {
  const bytes = reader.get(overridesKey);
  if (!bytes) return genesis;
  const known = paramsCache.get(genesis);
  if (known && equalBytes(known.bytes, bytes)) return known.params;
  const changed = changeParams(genesis, decodeEntry('overrides', zeroHash, bytes).present);
  if (!changed.ok) {
    const reason = `its parameter changes are ${changed.code}`;
    throw new AppError('STORE_CORRUPT', { what: 'the state', reason });
  }
  paramsCache.set(genesis, { bytes, params: changed.value });
  return changed.value;
}

/** Lets a change take effect with the next epoch. */
export function armChange(overlay: Overlay, change: ParamChange): void {
  const { present = [], armed = [] } = overlay.entry('overrides', zeroHash) ?? {};
  overlay.put('overrides', zeroHash, { present, armed: withChange(armed, change) });
}

/**
 * Parameters of the next epoch, given those of this one: after the last transaction of an epoch. Armed
 * changes apply one after the other; one that contradicts what is in force by then is dropped.
 */
export function applyArmed(overlay: Overlay, params: ChainParams): ChainParams {
  const { present = [], armed = [] } = overlay.entry('overrides', zeroHash) ?? {};
  if (armed.length === 0) return params;
  let next = params;
  let changes = present;
  for (const change of armed) {
    const changed = changeParams(next, [change]);
    if (!changed.ok) continue;
    next = changed.value;
    changes = withChange(changes, change);
  }
  overlay.put('overrides', zeroHash, { present: changes, armed: [] });
  return next;
}

/** The changes with one more, in the order of arming; an older one of the same name goes. */
function withChange(changes: readonly ParamChange[], change: ParamChange): ParamChange[] {
  return [...changes.filter(({ name }) => name !== change.name), change];
}
