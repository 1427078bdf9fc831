/**
 * A chain of certified headers for tests: real keys, real signatures, sets that change with the epochs, a state and one
 * list of transactions in each block. What it says can be spoiled bundle by bundle.
 */
import { bytesFromHex, concat, hex, keyPairFromSeed, sha256 } from '@aitbc/primitives';
import {
  AppError,
  addressOf,
  type BlockHeader,
  blockHashOf,
  bytes32,
  type Certificate,
  countedRoot,
  devnetParams,
  endKey,
  entryLeaf,
  type Genesis,
  type Hex,
  keyHexOf,
  type LightBundle,
  type ListProof,
  type Network,
  networkFromGenesis,
  pairHash,
  type StateProof,
  sentinelKey,
  signVote,
  type Validator,
  type VoteKind,
  validatorsHashOf,
  voteKinds,
  zeroHash,
} from '@aitbc/protocol';
import type { LightSource, StateAnswer } from '../types.ts';

/** A validator: the seed of its key and its stake. */
export type Seat = readonly [seed: number, stake: number];

export const genesisTimeMs = 1_800_000_000_000;
export const blockMs = 1_000;
export const epochBlocks = 10;

const pairOf = (seed: number) => keyPairFromSeed(new Uint8Array(32).fill(seed));
const keyHex = (seed: number): Hex => hex(pairOf(seed).publicKey);

/** Account id of an actor. */
export const idOf = (seed: number): Hex => keyHex(seed + 100);
/** Address of an actor. */
export const addressAt = (seed: number): string => addressOf(idOf(seed));

/** What a chain is made of. */
export interface FakeChainOptions {
  /** Sets by epoch; the last one stays. */
  readonly sets: readonly (readonly Seat[])[];
  readonly height: number;
  /** Makes all hashes of a second chain on the same genesis document others. */
  readonly salt?: number;
  /** Blocks up to this height are those of the first chain. */
  readonly forkHeight?: number;
  /** Seeds that sign; all members when left out. */
  readonly signers?: readonly number[];
  readonly network?: string;
}

/** A chain and how its parts are made. */
export interface FakeChain {
  readonly genesis: Genesis;
  readonly network: Network;
  readonly height: number;
  readonly txId: (height: number) => Hex;
  bundle(height: number): LightBundle;
  /** The bundle with another header, signed again by the same members. */
  resigned(height: number, change: Partial<BlockHeader>): LightBundle;
  /** Votes for a header, of its view and for finality when nothing else is said. */
  certify(
    header: BlockHeader,
    seats: readonly Seat[],
    round?: { readonly kind?: VoteKind; readonly view?: number },
  ): Certificate;
  seatsAt(height: number): readonly Seat[];
  setAt(height: number): Validator[];
  state(key: string): Omit<StateAnswer, 'bundle'>;
  source(name: string, change?: Partial<LightSource>): LightSource;
}

const entries = [1, 2, 3].map((seed): [string, Uint8Array] => {
  const value = new Uint8Array(24);
  new DataView(value.buffer).setBigUint64(0, BigInt(seed) * 1_000n);
  return [`a${idOf(seed)}`, value];
});

/** A chain of `height` blocks. */
export function createFakeChain(options: FakeChainOptions): FakeChain {
  const { sets, height: top, salt = 0, forkHeight = 0, signers } = options;
  const genesis = genesisOf(options);
  const network = networkFromGenesis(genesis);
  const tree = stateTree();
  const seatsAt = (height: number) => {
    return sets[Math.min(epochAt(height), sets.length - 1)] as readonly Seat[];
  };
  const setAt = (height: number) => setOf(seatsAt(height));
  const saltAt = (height: number) => (height > forkHeight ? salt : 0);
  const txId = (height: number) =>
    hex(sha256(new Uint8Array([height, height >> 8, saltAt(height)])));
  const certify: FakeChain['certify'] = (header, seats, round = {}) => {
    const chosen = signers ?? seats.map(([seed]) => seed);
    const { kind = 'finalize', view = header.view } = round;
    return certificateOf({ network, header, kind, view, chosen, set: setOf(seats) });
  };
  const headers: BlockHeader[] = [];
  for (let height = 1; height <= top; height += 1) {
    const previous = headers.at(-1);
    headers.push({
      version: 1,
      chain: network.chain,
      height,
      epoch: epochAt(height),
      view: ((height - 1) % epochBlocks) + 1,
      parent: previous ? blockHashOf(network, previous) : zeroHash,
      timeMs: genesisTimeMs + height * blockMs,
      proposer: keyHex(seatsAt(height)[0]?.[0] as number),
      txRoot: countedRoot(bytes32(txId(height)), 1),
      stateRoot: tree.root,
      receiptRoot: countedRoot(sha256(receiptOf(txId(height))), 1),
      validatorsHash: validatorsHashOf(network, setAt(height)),
      nextValidatorsHash: validatorsHashOf(network, setAt(height + 1)),
      evidenceRoot: zeroHash,
    });
  }
  const headerAt = (height: number) => {
    const header = headers[height - 1];
    if (!header) throw new AppError('NOT_FOUND', { what: `block ${height}` });
    return header;
  };
  const resigned = (height: number, change: Partial<BlockHeader>) => {
    const header = { ...headerAt(height), ...change };
    const certificate = certify(header, seatsAt(height));
    return { header, certificate, validators: setAt(height) };
  };
  const chain: FakeChain = {
    ...{ genesis, network, height: top, txId, certify, seatsAt, setAt, resigned },
    bundle: (height) => resigned(height, {}),
    state: tree.prove,
    source: (name, change = {}) => ({ ...sourceOf(name, chain), ...change }),
  };
  return chain;
}

function sourceOf(name: string, chain: FakeChain): LightSource {
  return {
    name,
    getBundle: async (at) => chain.bundle(at === 'latest' ? chain.height : at),
    getState: async (key) => ({ bundle: chain.bundle(chain.height), ...chain.state(key) }),
    async getTx(txId) {
      for (let height = 1; height <= chain.height; height += 1) {
        if (chain.txId(height) !== txId) continue;
        const only: ListProof = { index: 0, count: 1, siblings: [] };
        const receipt = receiptOf(txId);
        return { bundle: chain.bundle(height), txProof: only, receipt, receiptProof: only };
      }
      throw new AppError('NOT_FOUND', { what: `transaction ${txId}` });
    },
  };
}

function genesisOf({ sets, network = 'light-test' }: FakeChainOptions): Genesis {
  return {
    network,
    timeMs: genesisTimeMs,
    accounts: [],
    // The order of a document is not that of a set.
    validators: (sets[0] ?? [])
      .map(([seed, stake]) => ({ publicKey: keyHex(seed), stake: String(stake) }))
      .toReversed(),
    params: { ...devnetParams, epochBlocks },
  };
}

function epochAt(height: number): number {
  return Math.floor((height - 1) / epochBlocks);
}

function setOf(seats: readonly Seat[]): Validator[] {
  return seats.map(([seed, stake]) => ({ publicKey: keyHex(seed), stake: BigInt(stake) }));
}

function certificateOf(of: {
  readonly network: Network;
  readonly header: BlockHeader;
  readonly kind: VoteKind;
  readonly view: number;
  readonly chosen: readonly number[];
  readonly set: readonly Validator[];
}): Certificate {
  const { network, header, kind, view, chosen, set } = of;
  const { epoch } = header;
  const blockHash = blockHashOf(network, header);
  const votes = chosen
    .map((seed) => ({ seed, validator: set.findIndex((one) => one.publicKey === keyHex(seed)) }))
    .filter(({ validator }) => validator >= 0)
    .sort((a, b) => a.validator - b.validator)
    .map(({ seed, validator }) => {
      const vote = { kind, epoch, view, blockHash, validator };
      return { validator, signature: signVote(network, vote, pairOf(seed).secretKey).signature };
    });
  return { kind: voteKinds[kind], epoch, view, blockHash, votes };
}

/** A receipt: nothing but the id matters here. */
function receiptOf(txId: Hex): Uint8Array {
  return concat(bytes32(txId), new Uint8Array(20));
}

/** Sentinel and three accounts: four leaves, written out. */
function stateTree() {
  const sorted = entries.map(([key]) => keyHexOf(key) as Hex).sort();
  const nextOf = (key: Hex) => sorted.find((other) => other > key) ?? endKey;
  const rows: (readonly [Hex, Uint8Array])[] = [
    [sentinelKey, new Uint8Array(0)],
    ...entries.map(([key, value]) => [keyHexOf(key) as Hex, value] as const),
  ];
  const link = (key: Hex) => sha256(bytesFromHex(key + nextOf(key), 66) as Uint8Array);
  const leaves = rows.map(([key, value]) => entryLeaf(link(key), sha256(value)));
  const [a, b, c, d] = leaves as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  const [left, right] = [pairHash(a, b), pairHash(c, d)];
  const root = countedRoot(pairHash(left, right), 4);
  const paths = [
    [b, right],
    [a, right],
    [d, left],
    [c, left],
  ].map((path) => path.map(hex));
  const prove = (text: string): { value: Uint8Array | undefined; proof: StateProof } => {
    const sought = keyHexOf(text) as Hex;
    const key = sorted.includes(sought)
      ? sought
      : (sorted.findLast((k) => k < sought) ?? sentinelKey);
    const index = rows.findIndex(([one]) => one === key);
    const value = rows[index]?.[1] as Uint8Array;
    const place = { index, count: 4, siblings: paths[index] as Hex[], nextKey: nextOf(key) };
    if (key === sought) return { value, proof: { kind: 'presence', ...place } };
    const valueHash = hex(sha256(value));
    return { value: undefined, proof: { kind: 'absence', ...place, key, valueHash } };
  };
  return { root, prove };
}
