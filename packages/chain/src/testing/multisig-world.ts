/** A ledger of people who share accounts, and random histories on it. */
import { multisigIdOf, type TxKind } from '@aitbc/protocol';
import fc from 'fast-check';
import type { BuiltBlock } from '../block.ts';
import { anyMoveOf, historyParams, type Move, multisigMoveKinds, type Round } from './histories.ts';
import { sharingOf } from './multisig-makers.ts';
import { createWorld, type World } from './world.ts';

/** People of this ledger. */
export const sharerCount = 4;

/** The ledger and the blocks that made it what it is. */
export interface MultisigWorld {
  readonly world: World;
  readonly blocks: readonly BuiltBlock[];
}

/** Three accounts that all of them share, with coins: one, two and four must agree. */
export function createMultisigWorld(): MultisigWorld {
  const world = createWorld(sharerCount, historyParams, 4);
  const { members } = sharingOf(world.actors, 4n);
  const termsOf = (threshold: number) => ({ threshold, members, salt: 'ee'.repeat(32) });
  const founders = world.actors.slice(0, 3).map((actor, at) => {
    return { actor, terms: termsOf([1, 2, 4][at] ?? 1) };
  });
  const stages = [
    () => founders.map(({ actor, terms }) => world.tx('multisig_create', actor, terms)),
    () =>
      founders.map(({ actor, terms }) => {
        const to = multisigIdOf(world.network, actor.id, terms);
        return world.tx('transfer', actor, { to, amount: 20_000n, memo: '' });
      }),
  ];
  const blocks = stages.map((txsOf) => {
    const block = world.build(txsOf());
    if (block.refused.length > 0) throw new RangeError(`${block.refused[0]?.code}`);
    world.commit(block);
    return block;
  });
  return { world, blocks };
}

/** How often a kind is tried: an approval takes a proposal, and several of them a threshold. */
const timesOf: Readonly<Partial<Record<TxKind, number>>> = {
  multisig_propose: 5,
  multisig_approve: 9,
  multisig_cancel: 2,
};
const kindsHere: readonly TxKind[] = [...multisigMoveKinds, 'transfer' as const].flatMap((kind) =>
  Array.from({ length: timesOf[kind] ?? 1 }, () => kind),
);

/** One of these moves. */
export const anyMultisigMove: fc.Arbitrary<Move> = anyMoveOf(kindsHere, sharerCount);

/** Blocks of such moves: waits in which some proposals end. */
export const multisigHistories: fc.Arbitrary<Round[]> = fc.array(
  fc.record({
    waitMs: fc.nat({ max: 1_500 }),
    skipped: fc.constant(0),
    moves: fc.array(anyMultisigMove, { minLength: 2, maxLength: 10, size: 'max' }),
  }),
  { minLength: 10, maxLength: 40, size: 'max' },
);
