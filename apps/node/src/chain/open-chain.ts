/**
 * Opens the chain of a node over its stored data: the last final block and the state after it.
 *
 * The tree is built from the stored entries, and blocks that the log has and the database lacks are executed
 * again. Each must be covered by a finalization, its own or that of a later block of the log. An empty
 * database is the same case with all of them. What does not fit refuses to start; nothing is repaired by
 * guessing.
 */
import {
  checkBlock,
  createStateTree,
  decodeBody,
  genesisBlock,
  type StateTree,
  validatorsOfState,
} from '@aitbc/chain';
import {
  AppError,
  type BlockHeader,
  blockHashOf,
  type Certificate,
  decodeCertificate,
  decodeHeader,
  type Genesis,
  type Hex,
  type Network,
  networkFromGenesis,
  unwrap,
  verifyCertificate,
  voteKinds,
} from '@aitbc/protocol';
import type { ReplicaStart } from '@aitbc/replica';
import type { LogRecord } from '../storage/block-log.ts';
import type { BlockChanges, Store } from '../storage/store.ts';

/** A final block's header and hash. */
export interface Head {
  readonly header: BlockHeader;
  readonly hash: Hex;
}

/** A chain as it was stored. */
export interface OpenedChain {
  readonly network: Network;
  readonly genesis: Genesis;
  readonly genesisHead: Head;
  /** The block that the stored chain begins with: the genesis block, or that of a snapshot. */
  readonly base: Head;
  readonly start: ReplicaStart;
}

interface Position {
  readonly store: Store;
  readonly tree: StateTree;
  readonly network: Network;
  readonly genesis: Genesis;
  head: Head;
  /** Block that the last certificate named, until the log reaches it. */
  awaited: Hex | undefined;
}

/** Opens stored data. Throws AppError CONFIG_INVALID or STORE_CORRUPT. */
export function openChain(genesis: Genesis, store: Store): OpenedChain {
  const network = networkFromGenesis(genesis);
  const first = genesisBlock(genesis);
  const genesisHead: Head = { header: first.header, hash: first.hash };
  const base = storedBase(store, network) ?? genesisHead;
  const ground = { store, network, genesis, awaited: undefined };
  const at: Position = store.applied()
    ? {
        ...ground,
        tree: createStateTree(store.entries()),
        head: storedHead(store, base, network),
      }
    : { ...ground, tree: first.tree, head: genesisHead };
  if (!store.applied()) store.initialise(genesisChanges(first), network.genesisHash);
  assertRoot(at);
  for (const record of store.unappliedRecords()) replay(at, record);
  if (at.awaited) throw corrupt(`the log ends before block ${at.awaited}, which makes it final`);
  return { network, genesis, genesisHead, base, start: { ...at.head, tree: at.tree } };
}

function corrupt(reason: string): AppError {
  return new AppError('STORE_CORRUPT', { what: 'the chain', reason });
}

function genesisChanges(first: ReturnType<typeof genesisBlock>): BlockChanges {
  const { hash, writes, tree } = first;
  const indexOf = (key: string) => tree.indexOf(key);
  return { height: 0, view: 0, hash, txIds: [], receipts: [], writes, indexOf, newFrom: 0 };
}

/** The block of the snapshot that the folder began with. */
function storedBase(store: Store, network: Network): Head | undefined {
  const bytes = store.base();
  if (!bytes) return undefined;
  const header = decodeHeader(bytes);
  if (!header.ok) throw corrupt('the header that it begins with is not readable');
  return { header: header.value, hash: blockHashOf(network, header.value) };
}

function storedHead(store: Store, base: Head, network: Network): Head {
  const { height = 0, hash } = store.applied() ?? {};
  if (height === base.header.height) return base;
  const row = store.blockRow(height);
  if (!row || row.hash !== hash) throw corrupt(`block ${height} is not in the database`);
  const body = decodeBody(network, store.record(row).body);
  if (!body.ok) throw corrupt(`block ${height} is not readable`);
  return { header: body.value.header, hash };
}

/** The stored entries must be the state that the head commits to. */
function assertRoot({ tree, head }: Position): void {
  const expected = head.header.stateRoot;
  if (tree.root() === expected) return;
  throw corrupt(
    `the entries at height ${head.header.height} have root ${tree.root()}, not ${expected}`,
  );
}

/** Executes a logged block again. Its signatures were checked before its certificate was made. */
function replay(at: Position, record: LogRecord): void {
  const { header, txs } = sound(record, () => unwrap(decodeBody(at.network, record.body)));
  const certificate = sound(record, () => unwrap(decodeCertificate(record.certificate)));
  const hash = blockHashOf(at.network, header);
  proveFinal(at, { hash, record, certificate });
  const { store, tree, head, network, genesis } = at;
  const ground = { parent: head.header, parentHash: head.hash, network, params: genesis.params };
  const checked = sound(record, () =>
    unwrap(checkBlock({ reader: store, tree, ...ground, header, txs, hash, verified: () => true })),
  );
  const newFrom = tree.size();
  tree.commit(checked.writes);
  store.apply(record.place, {
    height: header.height,
    view: certificate.view,
    hash,
    txIds: txs.map(({ txId }) => txId),
    ...checked,
    indexOf: (key) => tree.indexOf(key),
    newFrom,
  });
  at.head = { header, hash };
}

interface ToProve {
  readonly hash: Hex;
  readonly record: LogRecord;
  readonly certificate: Certificate;
}

/** A block is final by a certificate that names it or the block that is awaited; each is checked once. */
function proveFinal(at: Position, { hash, record, certificate }: ToProve): void {
  const { kind, blockHash } = certificate;
  if (at.awaited === undefined || at.awaited !== blockHash) {
    if (at.awaited !== undefined) throw corrupt(`two finalizations cross before block ${hash}`);
    if (kind !== voteKinds.finalize) throw corrupt(`block ${hash} has no finalization`);
    const validators = validatorsOfState(at.store);
    sound(record, () => unwrap(verifyCertificate(at.network, validators, certificate)));
  }
  at.awaited = blockHash === hash ? undefined : blockHash;
}

function sound<T>({ place }: LogRecord, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const reason = `the log at ${place.offset}: ${error.code} ${String(error.facts.reason ?? '')}`;
    throw new AppError('STORE_CORRUPT', { what: 'the chain', reason }, { cause: error });
  }
}
