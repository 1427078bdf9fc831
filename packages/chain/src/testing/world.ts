/**
 * A ledger in memory for tests: actors with fixed keys, a state, its tree, and blocks on top of each other.
 * It uses the real rules; the only thing it adds is a clock that the test moves by hand.
 */
import { hex, keyPairFromSeed, sign } from '@aitbc/primitives';
import {
  type Allocation,
  addressOf,
  type BlockHeader,
  type ChainParams,
  channelConfigOf,
  channelIdOf,
  claimBytes,
  devnetParams,
  type EvidenceBody,
  evidenceBodyOf,
  type FeeTable,
  type Genesis,
  type Hex,
  lateKinds,
  type Network,
  networkFromGenesis,
  refundBytes,
  type SignedTx,
  signTx,
  signVote,
  signVoucher,
  type TxBody,
  type TxKind,
  txKinds,
  type UnsignedTx,
  type Validator,
  type Vote,
  zeroHash,
} from '@aitbc/protocol';
import { type BlockGround, type BuiltBlock, buildBlock } from '../block.ts';
import type { StateKey } from '../entries.ts';
import { epochOf } from '../epoch/epochs.ts';
import { paramsOf } from '../epoch/overrides.ts';
import { validatorSetOf } from '../epoch/validator-set.ts';
import { genesisBlock, validatorsOf } from '../genesis.ts';
import type { BlockContext } from '../rules/rule.ts';
import { accountOf, type StateReader } from '../state.ts';
import type { StateTree } from '../tree/tree.ts';

/** Someone with a key. */
export interface Actor {
  readonly id: Hex;
  readonly secretKey: Uint8Array;
}

/** Actor number `seed`. */
export function actorOf(seed: number): Actor {
  const pair = keyPairFromSeed(new Uint8Array(32).fill(seed));
  return { id: hex(pair.publicKey), secretKey: pair.secretKey };
}

export const genesisTimeMs = 1_800_000_000_000;
export const balanceNait = 1_000_000_000_000n;

const pricedKinds = Object.keys(txKinds).filter((kind) => !Object.hasOwn(lateKinds, kind));

/**
 * Rules of the test chain: prices of its own, so that a change of the devnet's prices changes no test. Audits and
 * shared accounts have none, and dates do not wait, as in documents that are older than those rules.
 */
const { catchUpBeats: _late, ...olderParams } = devnetParams;

export const worldParams: ChainParams = {
  ...olderParams,
  fees: Object.fromEntries(pricedKinds.map((kind) => [kind, '10000'])) as FeeTable,
  feePerRow: '1000',
  feePerOperation: '200',
};

/** Key of validator number `at` of the test chain. */
export function validatorActor(at: number): Actor {
  return actorOf(200 + at);
}

/**
 * A genesis document with `count` funded actors. A single validator owns itself; several, with a quorum of
 * all but one of four, are owned by the actors in turn.
 */
export function genesisOf(
  count: number,
  params: ChainParams = worldParams,
  validators = 1,
): Genesis {
  return {
    network: 'chain-test',
    timeMs: genesisTimeMs,
    accounts: Array.from({ length: count }, (_, at) => ({
      address: addressOf(actorOf(at + 1).id),
      balance: balanceNait.toString(),
    })),
    validators: Array.from({ length: validators }, (_, at) => ({
      publicKey: validatorActor(at).id,
      stake: worldParams.validatorStakeMin,
      ...(validators > 1 ? { owner: addressOf(actorOf((at % count) + 1).id) } : {}),
    })),
    params,
  };
}

const operationFee = 200n; // feePerOperation above

/** A running ledger. */
export interface World {
  readonly network: Network;
  readonly params: ChainParams;
  readonly validators: readonly Validator[];
  readonly actors: readonly Actor[];
  /** The first validator: the only one unless the world was made with several. */
  readonly proposer: Actor;
  readonly genesis: Genesis;
  readonly state: Map<StateKey, Uint8Array>;
  readonly reader: StateReader;
  readonly tree: StateTree;
  head(): { header: BlockHeader; hash: Hex };
  context(): BlockContext;
  ground(): BlockGround;
  /** Signed transaction with the next nonce of its sender and a sufficient fee. */
  tx<K extends TxKind>(kind: K, from: Actor, body: TxBody<K>): SignedTx;
  sign(from: Actor, tx: UnsignedTx): SignedTx;
  /** The next block, by the leader of its view; `skipped` views before it gave none. */
  build(candidates: readonly SignedTx[], skipped?: number): BuiltBlock;
  commit(block: BuiltBlock): void;
  /** Moves chain time forward. */
  advance(byMs: number): void;
}

/** A world with `count` funded actors. */
export function createWorld(
  count = 4,
  params: ChainParams = worldParams,
  validatorCount = 1,
): World {
  const genesis = genesisOf(count, params, validatorCount);
  const network = networkFromGenesis(genesis);
  const first = genesisBlock(genesis);
  const validators = validatorsOf(genesis);
  const proposer = validatorActor(0);
  const state = new Map(first.writes);
  const reader: StateReader = { get: (key) => state.get(key) };
  let head = { header: first.header, hash: first.hash };
  let timeMs = genesis.timeMs;

  const world: World = {
    genesis,
    network,
    params,
    validators,
    actors: Array.from({ length: count }, (_, at) => actorOf(at + 1)),
    proposer,
    state,
    reader,
    tree: first.tree,
    head: () => head,
    context() {
      const height = head.header.height + 1;
      const inForce = paramsOf(reader, params);
      return { height, timeMs: timeMs + 1, proposer: proposer.id, network, params: inForce };
    },
    ground() {
      const { header: parent, hash: parentHash } = head;
      return { reader, tree: first.tree, parent, parentHash, network, params };
    },
    tx(kind, from, body) {
      const rows = kind === 'channel_claim' ? (body as TxBody<'channel_claim'>).rows.length : 0;
      const { operations = [] } = body as Partial<TxBody<'batch'>>;
      return world.sign(from, {
        kind,
        chain: network.chain,
        nonce: accountOf(reader, from.id).nonce,
        validUntil: 0,
        from: from.id,
        fee: 10_000n + 1_000n * BigInt(rows) + operationFee * BigInt(operations.length),
        body,
      } as UnsignedTx);
    },
    sign: (from, tx) => signTx(network, tx, from.secretKey),
    build(candidates, skipped = 0) {
      const { height, epoch, view: before } = head.header;
      const view = (epochOf(params, height + 1) === epoch ? before : 0) + 1 + skipped;
      const { validators: seats, leaderOf } = validatorSetOf(network, reader);
      const leader = seats[leaderOf(view)]?.publicKey as Hex;
      const plan = { view, timeMs: timeMs + 1, proposer: leader, candidates };
      return buildBlock({ ...world.ground(), ...plan });
    },
    commit(block) {
      for (const [key, value] of block.writes) state.set(key, value);
      const root = first.tree.commit(block.writes);
      if (root !== block.header.stateRoot) throw new RangeError('the tree and the header differ');
      head = { header: block.header, hash: block.hash };
      timeMs = block.header.timeMs;
    },
    advance(byMs) {
      timeMs += byMs;
    },
  };
  return world;
}

/** An allocation of `amount` from payer to receiver; both sign with their account keys. */
export function allocationOf(payer: Actor, receiver: Actor, amount: bigint): Allocation {
  return {
    receiver: receiver.id,
    payerAuthorizer: payer.id,
    receiverAuthorizer: receiver.id,
    withdrawDelayMs: 5_000,
    salt: zeroHash,
    amount,
  };
}

/** Id of the channel of an allocation. */
export function channelOfAllocation(network: Network, payer: Actor, allocation: Allocation): Hex {
  return channelIdOf(network, channelConfigOf(payer.id, allocation));
}

/** What a claim row says. */
export interface RowTerms {
  readonly channelId: Hex;
  readonly maxClaimable: bigint;
  readonly totalClaimed: bigint;
}

/** Body of a claim whose vouchers `payer` and whose sum `receiver` signed. */
export function claimOf(
  network: Network,
  { payer, receiver }: { payer: Actor; receiver: Actor },
  terms: readonly RowTerms[],
): TxBody<'channel_claim'> {
  const rows = terms.map(({ channelId, maxClaimable, totalClaimed }) => {
    const voucher = { channelId, maxClaimable, context: zeroHash };
    const { signature } = signVoucher(network, voucher, payer.secretKey);
    return { ...voucher, voucherSignature: signature, totalClaimed };
  });
  const authorizerSignature = hex(sign(claimBytes(network, rows), receiver.secretKey));
  return { receiverAuthorizer: receiver.id, rows, authorizerSignature };
}

/** Body of a refund that `receiver` signed. */
export function refundOf(
  network: Network,
  receiver: Actor,
  terms: { channelId: Hex; amount: bigint; refundNonce: number },
): TxBody<'channel_refund'> {
  const authorizerSignature = hex(sign(refundBytes(network, terms), receiver.secretKey));
  return { ...terms, authorizerSignature };
}

/** Evidence of a validator that signed two notarize votes of one round. */
export function doubleVoteOf(
  network: Network,
  validator: Actor,
  round: { epoch: number; view: number },
): EvidenceBody {
  const [first, second] = ['a1', 'b2'].map((digits) => {
    const vote = {
      kind: 'notarize',
      ...round,
      blockHash: digits.repeat(32),
      validator: 0,
    } as const;
    return signVote(network, vote, validator.secretKey);
  });
  return evidenceBodyOf({
    validator: validator.id,
    first: first as Vote,
    second: second as Vote,
  });
}
