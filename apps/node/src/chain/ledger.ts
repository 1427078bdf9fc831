/**
 * The ledger of a node: head, state and tree of the last final block, and the way from one to the next.
 *
 * At start the tree is built from the stored entries, and blocks that the log has and the database lacks
 * are executed again, each under its own certificate. An empty database is the same case with all of
 * them. What does not fit refuses to start; nothing is repaired by guessing.
 */
import {
  type BuiltBlock,
  buildBlock,
  checkBlock,
  createStateTree,
  decodeBody,
  encodeBody,
  genesisBlock,
  type StateTree,
  type TxReceipt,
  validatorsOf,
} from '@aitbc/chain';
import {
  AppError,
  type BlockHeader,
  blockHashOf,
  type Certificate,
  decodeCertificate,
  encodeCertificate,
  type Genesis,
  type Hex,
  type Network,
  networkFromGenesis,
  type Refusal,
  type SignedTx,
  type Validator,
  verifyCertificate,
  voteKinds,
} from '@aitbc/protocol';
import type { LogRecord } from '../storage/block-log.ts';
import type { BlockChanges, Store } from '../storage/store.ts';

/** A final block's header and hash. */
export interface Head {
  readonly header: BlockHeader;
  readonly hash: Hex;
}

/** What a proposer chooses. */
export interface Proposal {
  readonly view: number;
  readonly timeMs: number;
  readonly proposer: Hex;
  readonly candidates: readonly SignedTx[];
}

/** The ledger of one node. */
export interface Ledger {
  readonly network: Network;
  readonly genesis: Genesis;
  readonly validators: readonly Validator[];
  readonly genesisHead: Head;
  head(): Head;
  stateRoot(): Hex;
  build(proposal: Proposal): BuiltBlock;
  /** Stores a block that is final now. One call at a time. */
  commit(block: BuiltBlock, certificate: Certificate): Promise<void>;
}

interface Position {
  readonly store: Store;
  readonly tree: StateTree;
  readonly network: Network;
  readonly genesis: Genesis;
  readonly validators: readonly Validator[];
  head: Head;
}

/** Opens the ledger over stored data. Throws AppError CONFIG_INVALID or STORE_CORRUPT. */
export function openLedger(genesis: Genesis, store: Store): Ledger {
  const network = networkFromGenesis(genesis);
  const first = genesisBlock(genesis);
  const genesisHead: Head = { header: first.header, hash: first.hash };
  const validators = validatorsOf(genesis);
  const base = { store, network, genesis, validators };
  const at: Position = store.applied()
    ? {
        ...base,
        tree: createStateTree(store.entries()),
        head: storedHead(store, genesisHead, network),
      }
    : { ...base, tree: first.tree, head: genesisHead };
  if (!store.applied()) store.initialise(genesisChanges(first), network.genesisHash);
  assertRoot(at);
  for (const record of store.unappliedRecords()) replay(at, record);
  return {
    network,
    genesis,
    validators,
    genesisHead,
    head: () => at.head,
    stateRoot: () => at.tree.root(),
    build: (proposal) => buildBlock({ ...groundOf(at), ...proposal }),
    async commit(block, certificate) {
      const newFrom = at.tree.size();
      at.tree.commit(block.writes);
      const body = encodeBody(block);
      const changes = changesOf(at, { ...block, certificate, newFrom });
      await store.commit(body, encodeCertificate(certificate), changes);
      at.head = { header: block.header, hash: block.hash };
    },
  };
}

function corrupt(reason: string): AppError {
  return new AppError('STORE_CORRUPT', { what: 'the chain', reason });
}

function genesisChanges(first: ReturnType<typeof genesisBlock>): BlockChanges {
  const { hash, writes, tree } = first;
  const indexOf = (key: string) => tree.indexOf(key);
  return { height: 0, view: 0, hash, txIds: [], receipts: [], writes, indexOf, newFrom: 0 };
}

function storedHead(store: Store, genesisHead: Head, network: Network): Head {
  const { height = 0, hash } = store.applied() ?? {};
  if (height === 0) return genesisHead;
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

function groundOf({ store, tree, head, network, genesis, validators }: Position) {
  const { header: parent, hash: parentHash } = head;
  return { reader: store, tree, parent, parentHash, network, params: genesis.params, validators };
}

interface FinishedBlock {
  readonly header: BlockHeader;
  readonly hash: Hex;
  readonly txs: readonly SignedTx[];
  readonly receipts: readonly TxReceipt[];
  readonly writes: BlockChanges['writes'];
  readonly certificate: Certificate;
  readonly newFrom: number;
}

function changesOf({ tree }: Position, block: FinishedBlock): BlockChanges {
  const { header, hash, txs, receipts, writes, certificate, newFrom } = block;
  return {
    height: header.height,
    view: certificate.view,
    hash,
    txIds: txs.map(({ txId }) => txId),
    receipts,
    writes,
    indexOf: (key) => tree.indexOf(key),
    newFrom,
  };
}

/** Executes a logged block again. Its signatures were checked before its certificate was made. */
function replay(at: Position, record: LogRecord): void {
  const fault = ({ code, facts }: Refusal): AppError =>
    corrupt(`the log at ${record.place.offset}: ${code} ${String(facts.reason ?? '')}`);
  const body = decodeBody(at.network, record.body);
  if (!body.ok) throw fault(body);
  const certificate = decodeCertificate(record.certificate);
  if (!certificate.ok) throw fault(certificate);
  const { header, txs } = body.value;
  const hash = blockHashOf(at.network, header);
  const proven = verifyCertificate(at.network, at.validators, certificate.value);
  if (!proven.ok) throw fault(proven);
  const { kind, blockHash } = certificate.value;
  if (kind !== voteKinds.finalize || blockHash !== hash) {
    throw corrupt(`block ${header.height} has the certificate of another block`);
  }
  const checked = checkBlock({ ...groundOf(at), header, txs, hash, verified: () => true });
  if (!checked.ok) throw fault(checked);
  const newFrom = at.tree.size();
  at.tree.commit(checked.value.writes);
  const block = { header, hash, txs, ...checked.value, certificate: certificate.value, newFrom };
  at.store.apply(record.place, changesOf(at, block));
  at.head = { header, hash };
}
