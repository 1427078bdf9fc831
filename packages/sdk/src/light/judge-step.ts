/**
 * One step of trust: may a bundle be believed because of an anchor, a header that is trusted already?
 *
 *   same epoch          its set is that of the anchor
 *   next epoch          its set is the one that the last block of the anchor's epoch announced
 *   any later epoch     members of the anchor's set with more than 1/3 of its stake signed the bundle
 *
 * Each time the bundle also carries a quorum of its own set. More than 1/3 means at least one honest member, as
 * long as fewer than 1/3 lie, and an honest member signs only blocks of the one chain. It holds while those
 * members can still lose their stake: hence the trusting period, shorter than unbonding. See docs/spec/light.md.
 */
import {
  amountOf,
  backingOf,
  type Genesis,
  type Hex,
  type LightBundle,
  type Network,
  type Validator,
  verifyLightBundle,
} from '@aitbc/protocol';

/** What is known of a trusted block, as far as steps need it. */
export interface Anchor {
  readonly height: number;
  readonly epoch: number;
  readonly timeMs: number;
  readonly validators: readonly Validator[];
  /** Set of the next epoch, known of the last block of an epoch. */
  readonly nextSetHash: Hex | undefined;
  /** Undefined for a genesis document, whose block has no certificate. */
  readonly bundle: LightBundle | undefined;
  readonly hash: Hex | undefined;
}

/** What steps are judged by. */
export interface StepRules {
  readonly network: Network;
  /**
   * Length of an epoch. Without it the last block of one is not recognised, so a set is believed only where
   * members of the one before carry it.
   */
  readonly epochBlocks: number | undefined;
  /** Latest time that a header may have. */
  readonly latestMs: number;
}

/** What comes out: believed, not to be believed, too far for one step, or a second block of the anchor's height. */
export type Step =
  | { readonly kind: 'trusted'; readonly anchor: Anchor }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'far' }
  | { readonly kind: 'fork'; readonly hash: Hex };

/** Epoch of a height. */
export function epochOfHeight(height: number, epochBlocks: number): number {
  return height === 0 ? 0 : Math.floor((height - 1) / epochBlocks);
}

/** Anchor of a genesis document. */
export function genesisAnchor({ validators, timeMs }: Genesis): Anchor {
  const set = validators.map(({ publicKey, stake }) => ({ publicKey, stake: amountOf(stake) }));
  const unknown = { nextSetHash: undefined, bundle: undefined, hash: undefined };
  return { height: 0, epoch: 0, timeMs, validators: set, ...unknown };
}

/** Anchor of a bundle that is believed. */
export function anchorOf(bundle: LightBundle, hash: Hex, epochBlocks: number | undefined): Anchor {
  const { height, epoch, timeMs, nextValidatorsHash } = bundle.header;
  const isLast = epochBlocks !== undefined && height === (epoch + 1) * epochBlocks;
  const nextSetHash = isLast ? nextValidatorsHash : undefined;
  return { height, epoch, timeMs, validators: bundle.validators, nextSetHash, bundle, hash };
}

/** Judges a bundle from an anchor. */
export function judgeStep(anchor: Anchor, bundle: LightBundle, rules: StepRules): Step {
  const sound = verifyLightBundle(rules.network, bundle);
  if (!sound.ok) return { kind: 'refused', reason: String(sound.facts.reason) };
  const reason = headerFault(anchor, bundle, rules) ?? setFault(anchor, bundle);
  if (reason !== undefined) return { kind: 'refused', reason };
  if (!isBacked(anchor, bundle)) return { kind: 'far' };
  const { height } = bundle.header;
  if (height === anchor.height && anchor.hash !== undefined && anchor.hash !== sound.value) {
    return { kind: 'fork', hash: sound.value };
  }
  return { kind: 'trusted', anchor: anchorOf(bundle, sound.value, rules.epochBlocks) };
}

function headerFault(
  anchor: Anchor,
  { header }: LightBundle,
  rules: StepRules,
): string | undefined {
  const { height, epoch, timeMs } = header;
  const { epochBlocks } = rules;
  const isOtherEpoch = epochBlocks !== undefined && epoch !== epochOfHeight(height, epochBlocks);
  const order = Math.sign(height - anchor.height);
  const faults: readonly (readonly [boolean, string])[] = [
    [height < 1, 'a genesis block has no certificate'],
    [isOtherEpoch, 'its epoch is not that of its height'],
    [timeMs > rules.latestMs, 'its time is in the future'],
    [
      order !== 0 && Math.sign(timeMs - anchor.timeMs) !== order,
      'its time is not in the order of the heights',
    ],
    [epoch < anchor.epoch, 'it is of an epoch before all that is trusted'],
  ];
  return faults.find(([isFault]) => isFault)?.[1];
}

/** Why the set of a bundle cannot be, where the anchor says which one it must be. */
function setFault(anchor: Anchor, { header, validators }: LightBundle): string | undefined {
  if (header.epoch === anchor.epoch) {
    return isSameSet(anchor.validators, validators) ? undefined : 'its epoch has another set';
  }
  if (header.epoch !== anchor.epoch + 1 || anchor.nextSetHash === undefined) return undefined;
  const isNext = header.validatorsHash === anchor.nextSetHash;
  return isNext ? undefined : 'the epoch before announced another set';
}

/** True when the anchor alone carries the bundle; its set was compared before. */
function isBacked(anchor: Anchor, bundle: LightBundle): boolean {
  const { epoch } = bundle.header;
  if (epoch === anchor.epoch) return true;
  if (epoch === anchor.epoch + 1 && anchor.nextSetHash !== undefined) return true;
  const { signed, total } = backingOf(anchor.validators, bundle);
  return signed * 3n > total;
}

/** The same members with the same stakes; the genesis document may list them in another order. */
function isSameSet(left: readonly Validator[], right: readonly Validator[]): boolean {
  const stakes = new Map(left.map(({ publicKey, stake }) => [publicKey, stake]));
  return (
    stakes.size === right.length &&
    right.every(({ publicKey, stake }) => stakes.get(publicKey) === stake)
  );
}
