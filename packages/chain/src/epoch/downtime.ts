/**
 * Downtime: who led a view that gave no block. The views between a block's and its parent's were skipped;
 * the leader of each has missed one more in a row, and the proposer of the block none. Whoever misses too
 * many goes to jail, which takes it out of the next set. Counting costs one lookup for each view and is
 * bounded for each block: beyond the bound the chain was down, not a validator.
 * See docs/spec/chain.md, "Downtime".
 */
import { type Hex, limits } from '@aitbc/protocol';
import type { BlockContext } from '../rules/rule.ts';
import { type Overlay, validatorOf } from '../state.ts';
import type { ValidatorSet } from './validator-set.ts';

/** Views of one epoch: the block's own and that of its parent, 0 when the parent is of an older epoch. */
export interface ViewStep {
  readonly set: ValidatorSet;
  readonly parentView: number;
  readonly view: number;
}

/** Counts the skipped views before a block against their leaders. */
export function countMissedViews(overlay: Overlay, context: BlockContext, step: ViewStep): void {
  const { proposer, timeMs, params } = context;
  for (const [publicKey, missed] of missedByLeader(step)) {
    const leader = validatorOf(overlay, publicKey);
    if (!leader || publicKey === proposer) continue;
    const missedViews = leader.missedViews + missed;
    const isNew = leader.jailedUntilMs === 0 && missedViews >= params.missedViewsMax;
    const jailedUntilMs = isNew ? timeMs + params.jailMs : leader.jailedUntilMs;
    overlay.put('validator', publicKey, { ...leader, missedViews, jailedUntilMs });
  }
  const own = validatorOf(overlay, proposer);
  if (own && own.missedViews > 0) overlay.put('validator', proposer, { ...own, missedViews: 0 });
}

function missedByLeader({ set, parentView, view }: ViewStep): Map<Hex, number> {
  const missed = new Map<Hex, number>();
  const end = Math.min(view, parentView + 1 + limits.missedViewsPerBlock);
  for (let skipped = parentView + 1; skipped < end; skipped += 1) {
    const leader = set.validators[set.leaderOf(skipped)]?.publicKey as Hex;
    missed.set(leader, (missed.get(leader) ?? 0) + 1);
  }
  return missed;
}
