/** Validator sets of the small level: the same nodes in another order in each epoch. */
import { createSchedule, type LeaderOf, type Validator } from '@aitbc/protocol';
import type { Random } from '../engine/random.ts';

/** One epoch as all nodes know it. */
export interface Epoch {
  readonly number: number;
  readonly validators: readonly Validator[];
  readonly leaderOf: LeaderOf;
  readonly lastHeight: number;
  /** Node of a place in the set, and the other way round. */
  readonly nodeOf: (validator: number) => number;
  readonly validatorOf: (node: number) => number;
}

export interface Epochs {
  of(epoch: number): Epoch;
  numberOf(height: number): number;
}

const stakeBase = 100;
const stakeSpread = 3; // too little to change who is a quorum, enough to make the sums uneven

/** Epochs of `blocks` blocks. */
export function createEpochs(nodes: number, blocks: number, random: Random): Epochs {
  const stakes = Array.from({ length: nodes }, () => BigInt(stakeBase + random.below(stakeSpread)));
  const known: Epoch[] = [];
  const make = (number: number): Epoch => {
    const order = stakes.map((_, at) => (at + number) % nodes);
    const validators = order.map((node) => ({
      publicKey: String(node),
      stake: stakes[node] as bigint,
    }));
    return {
      number,
      validators,
      leaderOf: createSchedule(validators),
      lastHeight: (number + 1) * blocks,
      nodeOf: (validator) => (validator < nodes ? (order[validator] as number) : -1),
      validatorOf: (node) => order.indexOf(node),
    };
  };
  return {
    of(number) {
      known[number] ??= make(number);
      return known[number];
    },
    numberOf: (height) => Math.max(0, Math.floor((height - 1) / blocks)),
  };
}
