/** The trusted headers of a client, by height: the newest, and enough older ones to prove past blocks from. */
import type { BlockHeader } from '@aitbc/protocol';
import type { Anchor } from './judge-step.ts';

const anchorsMax = 64; // each with its certificate and set: at most 1 MB with 100 validators

/** Trusted headers. */
export interface Anchors {
  newest(): Anchor;
  /** Adds headers; the oldest fall out. */
  add(more: readonly Anchor[]): void;
  /** Where to prove a header from: that height itself, the newest of its epoch, or the nearest below. */
  baseOf(header: BlockHeader): Anchor | undefined;
  has(height: number, hash: string): boolean;
}

/** Trusted headers that start with one. */
export function createAnchors(first: Anchor): Anchors {
  let sorted: Anchor[] = [first];
  return {
    newest: () => sorted.at(-1) as Anchor,
    add(more) {
      const byHeight = new Map([...sorted, ...more].map((anchor) => [anchor.height, anchor]));
      sorted = [...byHeight.values()].sort((a, b) => a.height - b.height).slice(-anchorsMax);
    },
    baseOf({ height, epoch }) {
      return (
        sorted.find((anchor) => anchor.height === height) ??
        sorted.findLast((anchor) => anchor.epoch === epoch) ??
        sorted.findLast((anchor) => anchor.height < height)
      );
    },
    has: (height, hash) => sorted.some((one) => one.height === height && one.hash === hash),
  };
}
