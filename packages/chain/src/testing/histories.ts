/**
 * Random histories: blocks of moves, each of any kind, mostly sensible against the present state, sometimes
 * not. Several actors, several validators that miss views, short epochs, time that moves.
 */
import {
  type Allocation,
  auditKinds,
  type ChainParams,
  type Hex,
  lateKinds,
  multisigKinds,
  type SignedTx,
  signStakeProof,
  type TxKind,
  txKinds,
  zeroHash,
} from '@aitbc/protocol';
import fc from 'fast-check';
import { channelOf } from '../state.ts';
import { auditMakers, secondKeyOf } from './audit-makers.ts';
import { multisigMakers } from './multisig-makers.ts';
import { type EnvelopeName, envelopes, inEnvelope, workMakers } from './work-makers.ts';
import {
  type Actor,
  actorOf,
  allocationOf,
  balanceNait,
  channelOfAllocation,
  claimOf,
  createWorld,
  doubleVoteOf,
  refundOf,
  validatorActor,
  type World,
  worldParams,
} from './world.ts';

export const actorCount = 3;
const validatorCount = 4;

/** Short epochs and waits, small stakes and bonds. */
export const historyParams: ChainParams = {
  ...worldParams,
  unbondingMs: 9_000,
  providerBondMin: '500',
  epochBlocks: 5,
  validatorStakeMin: '500',
  stakeUnbondingMs: 9_000,
  missedViewsMax: 3,
  jailMs: 8_000,
};

/** With these some of the waits of histories are stand-stills of the chain. */
export const haltingParams = { heartbeatMs: 2_000, catchUpBeats: 2 } as const;

/** One transaction to be. */
export interface Move {
  readonly kind: TxKind;
  readonly actor: number;
  readonly other: number;
  readonly salt: number;
  readonly amount: bigint;
  readonly envelope: EnvelopeName;
  /** Gets a wrong nonce. */
  readonly spoiled: boolean;
}

/** One block to be. */
export interface Round {
  readonly waitMs: number;
  readonly skipped: number;
  readonly moves: readonly Move[];
}

/**
 * Kinds of audits need many providers, those of shared accounts some accounts, so both have histories of their own
 * (`audit-world.ts`, `multisig-world.ts`).
 */
export const auditMoveKinds = Object.keys(auditKinds) as TxKind[];
export const multisigMoveKinds = Object.keys(multisigKinds) as TxKind[];

/** All but the kind that only stands in proposals: as a transaction it would need the key of a shared account. */
export const acceptedMultisigKinds = multisigMoveKinds.filter((kind) => kind !== 'multisig_change');

export const kinds = (Object.keys(txKinds) as TxKind[]).filter(
  (kind) => !Object.hasOwn(lateKinds, kind),
);

/** Kinds that need several others before them, so they are tried more often. */
const rareKinds: readonly TxKind[] = [
  'withdraw_finalize',
  'withdraw_init',
  'stake_withdraw',
  'agent_register',
  'provider_register',
  'provider_unbond',
  'bond_withdraw',
  'task_accept',
  'task_submit',
  'task_dispute',
  'task_resolve',
];

/** Moves of some kinds by some actors. */
export function anyMoveOf(among: readonly TxKind[], actors: number): fc.Arbitrary<Move> {
  return fc.record({
    kind: fc.constantFrom(...among),
    actor: fc.nat({ max: actors - 1 }),
    other: fc.nat({ max: actors - 1 }),
    salt: fc.nat({ max: 1 }),
    amount: fc.oneof(
      { weight: 8, arbitrary: fc.bigInt({ min: 0n, max: 1_000n }) },
      { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: balanceNait * 2n }) },
      { weight: 1, arbitrary: fc.constant(2n ** 64n - 1n) },
    ),
    envelope: fc.constantFrom(...envelopes),
    spoiled: fc.integer({ min: 0, max: 19 }).map((roll) => roll === 0),
  });
}

export const anyMove: fc.Arbitrary<Move> = anyMoveOf(
  [...kinds, ...rareKinds, ...rareKinds],
  actorCount,
);

export const histories: fc.Arbitrary<Round[]> = fc.array(
  fc.record({
    waitMs: fc.nat({ max: 7_000 }),
    skipped: fc.oneof(
      { weight: 3, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.nat({ max: 9 }) },
    ),
    moves: fc.array(anyMove, { maxLength: 8, size: 'max' }),
  }),
  { minLength: 20, maxLength: 60, size: 'max' },
);

/** The ledger that histories run on. */
export function createHistoryWorld(params: ChainParams = historyParams): World {
  return createWorld(actorCount, params, validatorCount);
}

/** The transaction of a move against the present state. */
export function txOf(world: World, move: Move): SignedTx {
  const tx = makers[move.kind](sceneOf(world, move));
  if (!move.spoiled) return inEnvelope(world, tx, move.envelope);
  const sender = world.actors.find(({ id }) => id === tx.from) as Actor;
  return world.sign(sender, { ...tx, nonce: tx.nonce + 1 } as SignedTx);
}

interface Scene extends Move {
  readonly world: World;
  readonly from: Actor;
  /** Somebody else. */
  readonly to: Actor;
  readonly allocation: Allocation;
  readonly channelId: Hex;
  /** A small part of a channel. */
  readonly part: bigint;
  /** A validator of the genesis document or one that may bond later. */
  readonly validator: Actor;
}

function sceneOf(world: World, move: Move): Scene {
  const { actor, other, salt, amount } = move;
  const from = world.actors[actor] as Actor;
  const to = world.actors[(actor + 1) % world.actors.length] as Actor;
  const allocation = { ...allocationOf(from, to, amount), salt: `${salt}`.padStart(64, '0') };
  const channelId = channelOfAllocation(world.network, from, allocation);
  const validator = salt === 0 ? validatorActor(actor) : actorOf(210 + other);
  return { ...move, world, from, to, allocation, channelId, part: amount % 150n, validator };
}

const voted: readonly (readonly [name: string, values: readonly [string, string]])[] = [
  ['fees.transfer', ['9000', '10001']],
  ['jailMs', ['3000', '-1']],
  ['hopMinMs', ['200', '9000']],
];

const makers: { readonly [K in TxKind]: (scene: Scene) => SignedTx } = {
  transfer({ world, from, other, amount }) {
    const to = (world.actors[other] as Actor).id;
    return world.tx('transfer', from, { to, amount, memo: '' });
  },
  vault_deposit({ world, from, amount, salt, allocation }) {
    const half = { ...allocation, amount: amount / 2n };
    return world.tx('vault_deposit', from, { amount, allocations: salt === 0 ? [] : [half] });
  },
  vault_withdraw: ({ world, from, amount }) => world.tx('vault_withdraw', from, { amount }),
  channel_fund: ({ world, from, allocation }) => world.tx('channel_fund', from, allocation),
  channel_claim({ world, from: payer, to: receiver, channelId, part }) {
    const due = (channelOf(world.reader, channelId)?.totalClaimed ?? 0n) + part;
    const row = { channelId, maxClaimable: due, totalClaimed: due };
    const body = claimOf(world.network, { payer, receiver }, [row, row]);
    return world.tx('channel_claim', receiver, body);
  },
  channel_refund({ world, from, to, channelId, part }) {
    const refundNonce = channelOf(world.reader, channelId)?.refundNonce ?? 0;
    const body = refundOf(world.network, to, { channelId, amount: part, refundNonce });
    return world.tx('channel_refund', from, body);
  },
  withdraw_init: ({ world, from, channelId, amount }) =>
    world.tx('withdraw_init', from, { channelId, amount }),
  withdraw_finalize: ({ world, to, channelId }) => world.tx('withdraw_finalize', to, { channelId }),
  agent_register: ({ world, from }) =>
    world.tx('agent_register', from, { name: 'n', endpoint: '', cardHash: zeroHash }),
  provider_register({ world, from, amount, other }) {
    const authorizer = other > actorCount ? secondKeyOf(from).id : from.id;
    return world.tx('provider_register', from, { authorizer, endpoint: '', bond: amount });
  },
  provider_unbond: ({ world, from }) => world.tx('provider_unbond', from, {}),
  bond_withdraw: ({ world, from, to }) => world.tx('bond_withdraw', to, { provider: from.id }),
  ...workMakers,
  ...auditMakers,
  ...multisigMakers,
  validator_bond({ world, from, validator, amount }) {
    const keySignature = signStakeProof(world.network, from.id, validator.secretKey);
    const body = { validator: validator.id, stake: amount, keySignature };
    return world.tx('validator_bond', from, body);
  },
  validator_unbond: ({ world, from, validator, amount }) =>
    world.tx('validator_unbond', from, { validator: validator.id, amount }),
  stake_withdraw: ({ world, to, validator }) =>
    world.tx('stake_withdraw', to, { validator: validator.id }),
  validator_unjail: ({ world, from, validator }) =>
    world.tx('validator_unjail', from, { validator: validator.id }),
  evidence_submit({ world, to, validator, amount }) {
    const evidence = doubleVoteOf(world.network, validator, { epoch: 0, view: 3 });
    const isSound = amount % 4n === 0n; // else there would soon be nobody left to convict
    return world.tx('evidence_submit', to, {
      ...evidence,
      secondHash: isSound ? evidence.secondHash : evidence.firstHash,
    });
  },
  param_vote({ world, from, validator, other, amount }) {
    const [name, values] = voted[other] ?? ['', ['', '']];
    const value = values[amount % 8n === 0n ? 1 : 0];
    const untilHeight = amount % 9n === 0n ? 3 : 1_000;
    return world.tx('param_vote', from, { validator: validator.id, name, value, untilHeight });
  },
  upgrade_signal({ world, from, validator, other, amount }) {
    const height = amount % 5n === 0n ? 3 : 9_000;
    const body = { validator: validator.id, version: other + 1, height };
    return world.tx('upgrade_signal', from, body);
  },
};
