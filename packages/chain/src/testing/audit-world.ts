/** A ledger of providers that audit each other, and random histories on it. */
import { type ChainParams, type TxKind, zeroHash } from '@aitbc/protocol';
import fc from 'fast-check';
import type { BuiltBlock } from '../block.ts';
import { weights } from './audit-makers.ts';
import { anyMoveOf, auditMoveKinds, historyParams, type Move, type Round } from './histories.ts';
import { createWorld, type World } from './world.ts';

/** Providers of this ledger, all on the roster but the last two. */
export const providerCount = 16;
const bondNait = 10_000n;

export const auditWorldParams: ChainParams = {
  ...historyParams,
  providerBondMin: '5000',
  unbondingMs: 60_000,
  auditDepositMin: '100',
  auditSlashBps: 2_500,
  auditVoteMs: 4_000,
};

/** The ledger and the blocks that made it what it is. */
export interface AuditWorld {
  readonly world: World;
  readonly blocks: readonly BuiltBlock[];
}

/** Sixteen bonded providers. */
export function createAuditWorld(params: ChainParams = auditWorldParams): AuditWorld {
  const world = createWorld(providerCount, params, 4);
  const card = { name: 'p', endpoint: '', cardHash: zeroHash };
  const stages = [
    () => world.actors.map((actor) => world.tx('agent_register', actor, card)),
    () =>
      world.actors.map((actor) =>
        world.tx('provider_register', actor, {
          authorizer: actor.id,
          endpoint: '',
          bond: bondNait,
        }),
      ),
    () =>
      world.actors
        .slice(0, -2)
        .map((actor) => world.tx('auditor_enroll', actor, { digest: weights.id })),
  ];
  const blocks = stages.map((txsOf) => {
    const block = world.build(txsOf());
    if (block.refused.length > 0) throw new RangeError(`${block.refused[0]?.code}`);
    world.commit(block);
    return block;
  });
  return { world, blocks };
}

/** How often a kind is tried: a vote takes many moves. */
const timesOf: Readonly<Partial<Record<TxKind, number>>> = {
  audit_commit: 14,
  audit_reveal: 14,
  audit_open: 4,
  audit_close: 5,
  audit_appeal: 9,
  bond_withdraw: 2,
};
const kindsHere: readonly TxKind[] = [
  ...auditMoveKinds,
  ...(['provider_unbond', 'bond_withdraw', 'provider_register', 'transfer'] as const),
].flatMap((kind) => Array.from({ length: timesOf[kind] ?? 1 }, () => kind));

/** One of these moves. */
export const anyAuditMove: fc.Arbitrary<Move> = anyMoveOf(kindsHere, providerCount);

/** Blocks of such moves: short waits, so that some votes are in time and some are not. */
export const auditHistories: fc.Arbitrary<Round[]> = fc.array(
  fc.record({
    waitMs: fc.nat({ max: 1_500 }),
    skipped: fc.constant(0),
    moves: fc.array(anyAuditMove, { minLength: 4, maxLength: 16, size: 'max' }),
  }),
  { minLength: 20, maxLength: 50, size: 'max' },
);
