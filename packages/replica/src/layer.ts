/**
 * The final state that a reader over stored blocks does not show yet: what final blocks wrote since the
 * last one that is on disk. The reader may already stand anywhere between that block and the head: every key
 * written since is found here first, so the answer is always the state at the head.
 */
import type { StateKey, StateReader } from '@aitbc/chain';

/** Final writes above the stored state. */
export interface FinalLayer extends StateReader {
  /** Takes the writes of the next final block. */
  push(height: number, writes: ReadonlyMap<StateKey, Uint8Array>): void;
  /** Forgets blocks up to a height: the reader shows them now. */
  forget(height: number): void;
}

/** An empty layer over a reader. */
export function createFinalLayer(reader: StateReader): FinalLayer {
  const values = new Map<StateKey, { readonly bytes: Uint8Array; readonly height: number }>();
  let blocks: { readonly height: number; readonly keys: readonly StateKey[] }[] = [];
  return {
    get: (key) => values.get(key)?.bytes ?? reader.get(key),
    push(height, writes) {
      for (const [key, bytes] of writes) values.set(key, { bytes, height });
      blocks.push({ height, keys: [...writes.keys()] });
    },
    forget(height) {
      for (const block of blocks) {
        if (block.height > height) continue;
        for (const key of block.keys) {
          if (values.get(key)?.height === block.height) values.delete(key);
        }
      }
      blocks = blocks.filter((block) => block.height > height);
    },
  };
}
