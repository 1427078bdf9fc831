/** Reading the final chain: blocks with their transactions, the newest few kept decoded. */
import { decodeBody, type StateKey, type TxReceipt } from '@aitbc/chain';
import {
  AppError,
  type BlockHeader,
  type Certificate,
  decodeCertificate,
  type Hex,
  type SignedTx,
  unwrap,
} from '@aitbc/protocol';
import type { TxPlace } from '../storage/database.ts';
import type { Store } from '../storage/store.ts';
import type { Head, OpenedChain } from './open-chain.ts';

/** A final block; genesis has no certificate. */
export interface FinalBlock {
  readonly hash: Hex;
  readonly header: BlockHeader;
  readonly txs: readonly SignedTx[];
  readonly receipts: readonly TxReceipt[];
  readonly certificate: Certificate | null;
  /** Keys of the entries it wrote, with their order. */
  readonly touched: ReadonlyMap<StateKey, number>;
}

/** Reads of the final chain. */
export interface ChainView {
  headHeight(): number;
  /** Height of the oldest block that is here: a folder that began with a snapshot has none before it. */
  firstHeight(): number;
  /** Throws NOT_FOUND above the head, and below the first height. */
  blockAt(height: number): FinalBlock;
  heightOf(hash: Hex): number | undefined;
  txCount(height: number): number;
  /** Place in a block up to the head; the database may show a block a moment before it becomes the head. */
  placeOf(txId: Hex): TxPlace | undefined;
  /** Keeps a block that was just committed, so that its readers need not decode it. */
  remember(block: FinalBlock): void;
}

const keptBlocks = 16;

/** Where the final chain begins and ends. */
export interface ChainEnds extends Pick<OpenedChain, 'network' | 'genesisHead' | 'base'> {
  head(): Head;
}

/** A view over stored data. */
export function createChainView(ends: ChainEnds, store: Store): ChainView {
  const kept = new Map<number, FinalBlock>();
  const baseHeight = ends.base.header.height;
  const firstHeight = baseHeight === 0 ? 0 : baseHeight + 1;
  const remember = (block: FinalBlock): void => {
    kept.set(block.header.height, block);
    if (kept.size > keptBlocks) kept.delete(kept.keys().next().value as number);
  };
  const load = (height: number): FinalBlock => {
    const row = store.blockRow(height);
    if (!row) throw noBlock(height, firstHeight);
    const touched = new Map(store.touched(height).map((key, index) => [key, index]));
    if (height === 0) {
      const { header, hash } = ends.genesisHead;
      return { hash, header, txs: [], receipts: [], certificate: null, touched };
    }
    const record = store.record(row);
    const { header, txs } = unwrap(decodeBody(ends.network, record.body));
    const certificate = unwrap(decodeCertificate(record.certificate));
    return { hash: row.hash, header, txs, receipts: store.receipts(height), certificate, touched };
  };
  return {
    headHeight: () => ends.head().header.height,
    firstHeight: () => firstHeight,
    blockAt(height) {
      const known = kept.get(height);
      if (known) return known;
      const block = load(height);
      remember(block);
      return block;
    },
    heightOf: (hash) => store.heightOf(hash),
    txCount: (height) => kept.get(height)?.txs.length ?? store.blockRow(height)?.txCount ?? 0,
    placeOf(txId) {
      const place = store.placeOf(txId);
      return place && place.height <= ends.head().header.height ? place : undefined;
    },
    remember,
  };
}

function noBlock(height: number, firstHeight: number): AppError {
  const isOld = height < firstHeight;
  const why = isOld
    ? ` (this node began with a snapshot and has blocks from ${firstHeight} on)`
    : '';
  return new AppError('NOT_FOUND', { what: `block ${height}${why}` });
}
