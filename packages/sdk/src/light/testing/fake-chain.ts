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
  /** Time of the genesis document, ms. */
  readonly genesisTimeMs?: number;
  /** What stands in the state beside three accounts. */
  readonly entries?: readonly FakeEntry[];
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

const accounts = [1, 2, 3].map((seed): FakeEntry => {
  const value = new Uint8Array(24);
  new DataView(value.buffer).setBigUint64(0, BigInt(seed) * 1_000n);
  return [`a${idOf(seed)}`, value];
});

/** A chain of `height` blocks. */
export function createFakeChain(options: FakeChainOptions): FakeChain {
  const { sets, height: top, salt = 0, forkHeight = 0, signers, entries = [] } = options;
  const genesis = genesisOf(options);
  const network = networkFromGenesis(genesis);
  const tree = stateTree([...accounts, ...entries]);
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
      timeMs: genesis.timeMs + height * blockMs,
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

function genesisOf({ sets, network = 'light-test', ...options }: FakeChainOptions): Genesis {
  return {
    network,
    timeMs: options.genesisTimeMs ?? genesisTimeMs,
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

/** Entries of a state: key (letter and 64 hex digits) and value. */
export type FakeEntry = readonly [key: string, value: Uint8Array];

/** Sentinel and entries in the order of their keys, filled up with zeros to a power of two. */
function stateTree(all: readonly FakeEntry[]) {
  const byKey = new Map(all.map(([key, value]) => [keyHexOf(key) as Hex, value]));
  const keys = [sentinelKey, ...[...byKey.keys()].sort()];
  const valueAt = (index: number) => byKey.get(keys[index] ?? '') ?? new Uint8Array(0);
  const nextOf = (index: number) => keys[index + 1] ?? endKey;
  const link = (key: Hex, index: number) =>
    sha256(bytesFromHex(key + nextOf(index), 66) as Uint8Array);
  const leaves = keys.map((key, index) => entryLeaf(link(key, index), sha256(valueAt(index))));
  const levels = levelsOf(leaves);
  const count = keys.length;
  const root = countedRoot(levels.at(-1)?.[0] as Uint8Array, count);
  const siblingsOf = (index: number) =>
    levels.slice(0, -1).map((level, depth) => hex(level[(index >> depth) ^ 1] as Uint8Array));
  const prove = (text: string): { value: Uint8Array | undefined; proof: StateProof } => {
    const sought = keyHexOf(text) as Hex;
    const index = keys.findLastIndex((key) => key <= sought);
    const key = keys[index] as Hex;
    const place = { index, count, siblings: siblingsOf(index), nextKey: nextOf(index) };
    const value = valueAt(index);
    if (key === sought) return { value, proof: { kind: 'presence', ...place } };
    const valueHash = hex(sha256(value));
    return { value: undefined, proof: { kind: 'absence', ...place, key, valueHash } };
  };
  return { root, prove };
}

function levelsOf(leaves: readonly Uint8Array[]): Uint8Array[][] {
  const width = 2 ** Math.ceil(Math.log2(leaves.length));
  const filler = Array.from({ length: width - leaves.length }, () => new Uint8Array(32));
  const levels = [[...leaves, ...filler]];
  for (let below = levels[0] ?? []; below.length > 1; below = levels.at(-1) ?? []) {
    const above: Uint8Array[] = [];
    for (let at = 0; at < below.length; at += 2) {
      above.push(pairHash(below[at] as Uint8Array, below[at + 1] as Uint8Array));
    }
    levels.push(above);
  }
  return levels;
}
