/** A validator that lies: two blocks as the leader, and votes that contradict each other, to whom it likes. */
import type { Vote } from '@aitbc/protocol';
import { createSchedule, type LeaderOf, zeroHash } from '@aitbc/protocol';
import type { AgreedBlock, AgreementInput } from '../agreement-types.ts';
import { genesisPoint, stubBlock } from './member.ts';
import { stubValidators, stubVote } from './stub-scheme.ts';

/** What the liar sends to one node. */
export interface Lie {
  readonly to: number;
  readonly block?: AgreedBlock;
  readonly inputs: readonly AgreementInput[];
}

/** It hears all votes and sends what its generator chooses. */
export interface Liar {
  /** Hears a vote of an honest validator. */
  sees(vote: Vote): void;
  /** What it sends now. */
  acts(): readonly Lie[];
}

interface Mind {
  readonly size: number;
  readonly self: number;
  readonly draw: (size: number) => number;
  readonly leaderOf: LeaderOf;
  readonly recent: Vote[];
  readonly heights: Map<string, number>;
  highest: number;
}

const remembered = 6;
const inventedHash = 'ab'.repeat(32);

/** The liar of a stub network. */
export function createLiar(size: number, self: number, draw: (size: number) => number): Liar {
  const leaderOf = createSchedule(stubValidators(size));
  const mind: Mind = { size, self, draw, leaderOf, recent: [], heights: new Map(), highest: 1 };
  return {
    sees(vote) {
      mind.highest = Math.max(mind.highest, vote.view);
      if (vote.kind === 'nullify') return;
      mind.recent.push(vote);
      if (mind.recent.length > remembered) mind.recent.shift();
    },
    acts() {
      const targets = Array.from({ length: size }, (_, to) => to).filter((to) => to !== self);
      return targets.filter(() => draw(3) > 0).map((to) => lieTo(mind, to));
    },
  };
}

function lieTo(mind: Mind, to: number): Lie {
  const { draw, recent, highest } = mind;
  const view = highest + draw(2);
  const echo = recent[draw(recent.length)] ?? { view, blockHash: inventedHash };
  const choices = [
    () => propose(mind, to),
    () => ({ to, inputs: [voteOf(mind, 'nullify', { view, blockHash: zeroHash })] }),
    () => ({ to, inputs: [voteOf(mind, 'notarize', echo)] }),
    () => ({ to, inputs: [voteOf(mind, 'finalize', echo)] }),
    () => ({ to, inputs: [voteOf(mind, 'finalize', { view, blockHash: inventedHash })] }),
  ];
  return (choices[draw(choices.length)] as () => Lie)();
}

function voteOf(
  { self }: Mind,
  kind: Vote['kind'],
  at: { readonly view: number; readonly blockHash: string },
): AgreementInput {
  const { view, blockHash } = at;
  return { type: 'vote', vote: stubVote({ kind, epoch: 0, view, blockHash }, self) };
}

/** One of two blocks for its next view as a leader, on a block that it heard of. */
function propose(mind: Mind, to: number): Lie {
  const { size, self, draw, leaderOf, recent, heights, highest } = mind;
  const view = highest + ((self - leaderOf(highest) + size) % size);
  const known = recent.filter((vote) => vote.kind === 'notarize' && vote.view < view);
  const hash = known[draw(known.length + 1)]?.blockHash ?? genesisPoint.hash;
  const height = hash === genesisPoint.hash ? 0 : (heights.get(hash) ?? 1 + draw(4));
  const proposer = stubValidators(size)[self]?.publicKey as string;
  const block = stubBlock(view, { hash, height }, { proposer, salt: 5_000 + draw(2) });
  heights.set(block.hash, block.height);
  return { to, block, inputs: [voteOf(mind, 'notarize', { view, blockHash: block.hash })] };
}
