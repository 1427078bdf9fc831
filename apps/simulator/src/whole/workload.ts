/**
 * What people do while the network suffers: transfers, more stake for honest validators, evidence against liars, and
 * the commerce of a market (channels and claims, tasks, mandates, audits, shared accounts, votes); some of it doubled or
 * with a wrong nonce. Each goes to one node that is up.
 */
import { feeFloorOf } from '@aitbc/chain';
import { hex } from '@aitbc/primitives';
import {
  evidenceBodyOf,
  type SignedTx,
  signStakeProof,
  signTx,
  type TxBody,
  type TxKind,
  type UnsignedTx,
} from '@aitbc/protocol';
import { nextDeed } from '../commerce/commerce.ts';
import type { Scene } from '../commerce/scene.ts';
import type { Random } from '../engine/random.ts';
import { type Actor, feeNait, type Ground, genesisTimeMs } from './ground.ts';
import type { WholeLife } from './life.ts';
import type { Watch } from './watch.ts';

export interface WorkloadParts {
  readonly ground: Ground;
  readonly random: Random;
  readonly watch: Watch;
  readonly isVillain: (node: number) => boolean;
  /** Honest nodes that are up. */
  readonly alive: () => readonly WholeLife[];
}

const stakeStepNait = 1_000_000_000n;
/** Share of transactions that are commerce. */
const commerceShare = 0.7;

/** Sends one transaction, or a few, to one node. */
export function createWorkload(parts: WorkloadParts): () => void {
  const { random, ground, watch } = parts;
  const accused = new Set<string>();
  const scene: Scene = {
    network: ground.network,
    people: ground.people,
    validators: ground.validators,
    random,
    view: watch.view,
    now: () => watch.chain.at(-1)?.header ?? { timeMs: genesisTimeMs, height: 0 },
    liar: ground.people[0]?.id,
  };
  return () => {
    const alive = parts.alive();
    if (alive.length === 0) return;
    const life = random.pick(alive);
    const from = random.pick(ground.people);
    const found = watch.evidence.find(({ validator }) => !accused.has(validator));
    if (found) {
      accused.add(found.validator);
      submit(life, [txOf(parts, life, from, ['evidence_submit', evidenceBodyOf(found)])]);
      if (random.chance(0.5)) accused.delete(found.validator);
      return;
    }
    const deed = random.chance(commerceShare) ? nextDeed(scene) : undefined;
    const tx = deed
      ? txOf(parts, life, deed.from, [deed.kind, deed.body] as KindAndBody)
      : txOf(parts, life, from, pickBody(parts, from));
    submit(life, random.chance(0.1) ? [tx, tx] : [tx]);
  };
}

type KindAndBody = { [K in TxKind]: readonly [K, TxBody<K>] }[TxKind];

function pickBody({ random, ground, isVillain }: WorkloadParts, from: Actor): KindAndBody {
  const dice = random.unit();
  const amount = BigInt(random.between(1, 1_000_000));
  const owned = ground.people.indexOf(from);
  const validator = ground.validators[owned];
  if (dice < 0.1) return ['vault_deposit', { amount, allocations: [] }];
  if (dice < 0.15) return ['vault_withdraw', { amount }];
  if (dice < 0.25 && validator && !isVillain(owned)) {
    const keySignature = signStakeProof(ground.network, from.id, validator.secretKey);
    return ['validator_bond', { validator: validator.id, stake: stakeStepNait, keySignature }];
  }
  if (dice < 0.28 && validator) {
    return ['validator_unbond', { validator: validator.id, amount: stakeStepNait }];
  }
  const memo = hex(new Uint8Array(random.below(8)));
  return ['transfer', { to: random.pick(ground.people).id, amount, memo }];
}

function txOf(
  { ground, random }: WorkloadParts,
  life: WholeLife,
  ...[from, [kind, body]]: readonly [Actor, KindAndBody]
): SignedTx {
  const { network } = ground;
  const nonce = life.replica.pendingNonce(from.id) + (random.chance(0.05) ? 1 : 0);
  const envelope = {
    kind,
    chain: network.chain,
    nonce,
    validUntil: 0,
    from: from.id,
    fee: feeNait,
  };
  const unsigned = { ...envelope, body } as UnsignedTx;
  // Parts of claims and batches cost extra; a price that was voted up meanwhile refuses some of them.
  const fee = feeFloorOf(ground.genesis.params, unsigned) + feeNait;
  return signTx(network, { ...unsigned, fee } as UnsignedTx, from.secretKey);
}

function submit(life: WholeLife, txs: readonly SignedTx[]): void {
  life.give({ type: 'txs', txs });
}
