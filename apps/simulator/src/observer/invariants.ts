/** The promises of agreement, and what the parts of the observer share. */
import type { Scheme } from '@aitbc/consensus';
import type { Hex } from '@aitbc/protocol';
import type { Facts } from '../engine/violation.ts';

export const invariants = [
  'agreement',
  'order',
  'proof',
  'honesty',
  'durability',
  'evidence',
  'caught',
  'memory',
  'liveness',
] as const;

export type Invariant = (typeof invariants)[number];

/** How often each invariant was looked at. */
export type CheckCounts = Record<Invariant, number>;

/** Which node votes in which place of an epoch's set. */
export interface Places {
  readonly nodeOf: (validator: number) => number;
  readonly validatorOf: (node: number) => number;
}

export interface ObserverOptions {
  readonly placesOf: (epoch: number) => Places;
  /** Node of a validator's public key. */
  readonly nodeOfKey: (publicKey: Hex) => number;
  /** The real scheme of an epoch, without any planted fault. */
  readonly schemeOf: (epoch: number) => Scheme;
  readonly isVillain: (node: number) => boolean;
  readonly atMs: () => number;
}

/** What every part of the observer gets. */
export interface Desk extends ObserverOptions {
  readonly counts: CheckCounts;
  readonly fail: (invariant: Invariant, facts: Facts) => never;
}
