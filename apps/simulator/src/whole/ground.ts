/**
 * What all nodes of a whole run share: the genesis document, keys, and signatures. Signatures are real
 * Ed25519, because evidence goes into blocks; each is checked once in the process and remembered by
 * identity, which is what makes thousands of blocks a second possible.
 */
import { type GenesisBlock, genesisBlock } from '@aitbc/chain';
import { createEd25519Scheme, type Scheme } from '@aitbc/consensus';
import { hex, keyPairFromSeed } from '@aitbc/primitives';
import {
  addressOf,
  type Certificate,
  type ChainParams,
  devnetParams,
  type FeeTable,
  type Genesis,
  type Hex,
  type Network,
  networkFromGenesis,
  type SignedTx,
  txKinds,
  type Validator,
  type Vote,
  verifyTx,
} from '@aitbc/protocol';
import { auditDepositNait, bondNait } from '../commerce/audits.ts';
import type { Plan } from '../faults/plan.ts';

/** Small bonds and short dates, so that a run of a minute sees the end of what it begins. */
export const marketParams = Object.freeze({
  providerBondMin: `${bondNait}`,
  auditDepositMin: `${auditDepositNait}`,
  auditVoteMs: 2_000,
  unbondingMs: 20_000,
  feePerRow: '100',
  feePerOperation: '200',
});

/** Someone with a key. */
export interface Actor {
  readonly id: Hex;
  readonly secretKey: Uint8Array;
}

/** A validator set as one epoch has it. */
export interface SetOfEpoch {
  readonly epoch: number;
  readonly validators: readonly Validator[];
}

export interface Ground {
  readonly genesis: Genesis;
  readonly network: Network;
  readonly first: GenesisBlock;
  /** Keys of the validators by node number, and of the accounts that own their stakes and pay. */
  readonly validators: readonly Actor[];
  readonly people: readonly Actor[];
  nodeOfKey(publicKey: Hex): number;
  /** The real scheme of an epoch's set; it signs with the key of a node. */
  schemeOf(set: SetOfEpoch, node?: number): Scheme;
  verifyTxs(txs: readonly SignedTx[]): boolean;
}

export const genesisTimeMs = 1_800_000_000_000;
export const feeNait = 10_000n;
const balanceNait = 1_000_000_000_000_000n;
/** One account for each owner, and some more that only pay. */
const payersMore = 4;
/** Nobody is jailed for being down: with few validators a liar would be left with too large a share. */
const missedViewsMax = 2 ** 31;

/** The ground of a plan. */
export function createGround(plan: Plan): Ground {
  const validators = Array.from({ length: plan.nodes }, (_, at) => actorOf(101 + at));
  const people = Array.from({ length: plan.nodes + payersMore }, (_, at) => actorOf(1 + at));
  const genesis = genesisOf(plan, validators, people);
  const network = networkFromGenesis(genesis);
  const nodes = new Map(validators.map(({ id }, node) => [id, node]));
  const checked = new Set<Hex>();
  return {
    genesis,
    network,
    first: genesisBlock(genesis),
    validators,
    people,
    nodeOfKey: (publicKey) => nodes.get(publicKey) ?? -1,
    schemeOf: createSchemes(network, validators),
    verifyTxs: (txs) =>
      txs.every((tx) => {
        if (!checked.has(tx.txId) && verifyTx(network, tx)) checked.add(tx.txId);
        return checked.has(tx.txId);
      }),
  };
}

function actorOf(seed: number): Actor {
  const pair = keyPairFromSeed(new Uint8Array(32).fill(seed));
  return { id: hex(pair.publicKey), secretKey: pair.secretKey };
}

function genesisOf(plan: Plan, validators: readonly Actor[], people: readonly Actor[]): Genesis {
  const fees = Object.fromEntries(Object.keys(txKinds).map((kind) => [kind, `${feeNait}`]));
  const params: ChainParams = {
    ...devnetParams,
    fees: fees as FeeTable,
    ...marketParams,
    epochBlocks: plan.epochBlocks,
    hopMinMs: Math.max(1, Math.round(plan.hopMinMs)),
    hopMaxMs: Math.max(1, Math.round(plan.hopMaxMs)),
    heartbeatMs: Math.max(100, Math.round(plan.delays.boundUs / 100)),
    missedViewsMax,
  };
  return {
    network: 'simulation',
    timeMs: genesisTimeMs,
    accounts: people.map(({ id }) => ({ address: addressOf(id), balance: `${balanceNait}` })),
    validators: validators.map(({ id }, node) => ({
      publicKey: id,
      stake: `${10n * BigInt(devnetParams.validatorStakeMin)}`,
      owner: addressOf((people[node] as Actor).id),
    })),
    params,
  };
}

/** Schemes whose verdicts are shared: a vote or certificate object is checked once for each epoch. */
function createSchemes(network: Network, keys: readonly Actor[]): Ground['schemeOf'] {
  const votes = new WeakMap<Vote, Verdicts>();
  const certificates = new WeakMap<Certificate, Verdicts>();
  return ({ epoch, validators }, node) => {
    const key = node === undefined ? undefined : keys[node];
    const place = validators.findIndex(({ publicKey }) => publicKey === key?.id);
    const signer = key && place >= 0 ? { validator: place, secretKey: key.secretKey } : undefined;
    const scheme = createEd25519Scheme({ network, validators, ...(signer && { signer }) });
    const set = `${epoch}:${validators.map(({ publicKey }) => publicKey.slice(0, 8)).join()}`;
    return {
      ...scheme,
      sign(ballot) {
        const vote = scheme.sign(ballot);
        if (vote) remembered(votes, vote, set, () => true);
        return vote;
      },
      verifyVote: (vote) => remembered(votes, vote, set, () => scheme.verifyVote(vote)),
      verifyCertificate: (one) =>
        remembered(certificates, one, set, () => scheme.verifyCertificate(one)),
    };
  };
}

type Verdicts = Map<string, boolean>;

function remembered<K extends object>(
  known: WeakMap<K, Verdicts>,
  object: K,
  ...[set, check]: readonly [string, () => boolean]
): boolean {
  const verdicts = known.get(object) ?? new Map<string, boolean>();
  known.set(object, verdicts);
  const verdict = verdicts.get(set) ?? check();
  verdicts.set(set, verdict);
  return verdict;
}
