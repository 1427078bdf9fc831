/** Ids of transactions that were met lately: those in blocks, so that a flood of old ones is refused cheaply, and others. */
import type { Hex } from '@aitbc/protocol';

/** Remembers at least the newest `size` ids, and at most twice as many. */
export interface SeenIds {
  add(id: Hex): void;
  has(id: Hex): boolean;
}

/** Two sets: when the young one is full it becomes the old one, whose ids are forgotten. */
export function createSeenIds(size: number): SeenIds {
  let young = new Set<Hex>();
  let old = new Set<Hex>();
  return {
    add(id) {
      young.add(id);
      if (young.size < size) return;
      old = young;
      young = new Set();
    },
    has: (id) => young.has(id) || old.has(id),
  };
}
