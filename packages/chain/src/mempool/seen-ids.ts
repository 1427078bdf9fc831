/** Ids of transactions that were met lately: those in blocks, so that a flood of old ones is refused cheaply, and others. */
import type { Hex } from '@aitbc/protocol';

/** Remembers at least the newest `size` ids, and at most twice as many. */
export interface SeenIds {
  add(id: Hex): void;
  has(id: Hex): boolean;
}

/** Ids of one generation, and a mark at the slot of each: nearly all that are asked for are new, and most have no mark. */
interface Generation {
  readonly ids: Set<Hex>;
  readonly marks: Uint8Array;
}

const slotDigits = 4;
const slotCount = 16 ** slotDigits;

const generation = (): Generation => ({ ids: new Set(), marks: new Uint8Array(slotCount) });

/** Two generations: when the young one is full it becomes the old one, whose ids are forgotten. */
export function createSeenIds(size: number): SeenIds {
  let young = generation();
  let old = generation();
  return {
    add(id) {
      young.ids.add(id);
      young.marks[slotOf(id)] = 1;
      if (young.ids.size < size) return;
      old = young;
      young = generation();
    },
    has(id) {
      const slot = slotOf(id);
      return (
        (young.marks[slot] === 1 && young.ids.has(id)) || (old.marks[slot] === 1 && old.ids.has(id))
      );
    },
  };
}

/** The first hex digits as a number; read by hand, because `parseInt` of a part would cost as much as the set. */
function slotOf(id: Hex): number {
  let slot = 0;
  for (let at = 0; at < slotDigits; at += 1) {
    const letter = id.charCodeAt(at);
    slot = slot * 16 + (letter & 0xf) + (letter > 0x40 ? 9 : 0);
  }
  return slot % slotCount;
}
