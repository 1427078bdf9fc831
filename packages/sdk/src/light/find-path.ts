/**
 * The way from an anchor to a bundle: one step where that is enough, else over last blocks of epochs in between, halving
 * the distance each time. The last block of an epoch names the next set, so a way always exists on a sound chain.
 */
import type { LightBundle } from '@aitbc/protocol';
import { type Anchor, judgeStep, type Step, type StepRules } from './judge-step.ts';

const pathBundlesMax = 256; // halving needs some 20 for a million epochs whose sets change slowly

/** Fetches the bundle of a height. */
export type FetchBundle = (height: number) => Promise<LightBundle>;

/** What a way is judged by: it needs to know where epochs end. */
export type PathRules = StepRules & { readonly epochBlocks: number };

/** All new anchors up to the bundle, in order; or why there is no way. */
export type Path =
  | { readonly kind: 'trusted'; readonly anchors: readonly Anchor[] }
  | Exclude<Step, { kind: 'trusted' | 'far' }>;

/** Finds the way. Throws what `fetch` throws. */
export async function findPath(
  from: Anchor,
  target: LightBundle,
  { rules, fetch }: { readonly rules: PathRules; readonly fetch: FetchBundle },
): Promise<Path> {
  const anchors: Anchor[] = [];
  const ahead: LightBundle[] = [target];
  let anchor = from;
  for (let fetched = 0; fetched <= pathBundlesMax; ) {
    const next = ahead.at(-1);
    if (!next) return { kind: 'trusted', anchors };
    const step = judgeStep(anchor, next, rules);
    if (step.kind === 'refused' || step.kind === 'fork') return step;
    if (step.kind === 'trusted') {
      anchor = step.anchor;
      anchors.push(anchor);
      ahead.pop();
      continue;
    }
    const height = lastBlockBetween(anchor, next, rules);
    const between = await fetch(height);
    fetched += 1;
    if (between.header.height !== height) {
      return { kind: 'refused', reason: `asked for block ${height}, another came` };
    }
    ahead.push(between);
  }
  return { kind: 'refused', reason: `more than ${pathBundlesMax} blocks lie between` };
}

/** Last block of the epoch in the middle; of the anchor's own epoch when the next one follows. */
function lastBlockBetween(anchor: Anchor, { header }: LightBundle, rules: PathRules): number {
  const epoch = Math.ceil((anchor.epoch + header.epoch - 1) / 2);
  return (epoch + 1) * rules.epochBlocks;
}
