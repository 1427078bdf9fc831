/** Final blocks of a node, as the coordinator reads them. */
import type { nodeRpc, OutputOf } from '@aitbc/protocol';
import { limits, rpcTopics } from '@aitbc/protocol';
import type { NodeClient } from '@aitbc/sdk';

type BlockJson = OutputOf<typeof nodeRpc.chain_getBlock>;

/** A transaction of a final block. Blocks hold only transactions that were applied. */
export interface FinalTx {
  readonly id: string;
  readonly tx: BlockJson['txs'][number];
  readonly receipt: BlockJson['receipts'][number];
}

/** A final block. */
export interface FinalBlock {
  readonly height: number;
  readonly hash: string;
  /** Hash of the block before it. */
  readonly parent: string;
  /** Time of the chain. */
  readonly timeMs: number;
  readonly txs: readonly FinalTx[];
}

/** A block before its transactions are read. */
export interface BlockHead extends Omit<FinalBlock, 'txs'> {
  readonly txCount: number;
}

/** Where final blocks come from. Throws UNAVAILABLE or TIMEOUT while the node is away. */
export interface BlockSource {
  /** Height of the newest final block. */
  height(): Promise<number>;
  /** Heads from `from` upwards, at most `limit`; without those that the node does not have (any more). */
  heads(from: number, limit: number): Promise<readonly BlockHead[]>;
  txs(height: number): Promise<readonly FinalTx[]>;
  /** Calls back when there is a new final block, until the answer is called. May call too often, or not at all. */
  onFinal(poke: () => void): () => void;
}

/** Most heads of one call. */
export const headsMax: number = limits.pageSize;

/** The blocks of a node over its JSON-RPC. */
export function createBlockSource(node: Pick<NodeClient, 'rpc' | 'subscribe'>): BlockSource {
  const { rpc } = node;
  return {
    async height() {
      const { blocks } = await rpc.chain_listBlocks({ limit: 1 });
      return blocks[0]?.header.height ?? 0;
    },
    async heads(from, limit) {
      const { blocks } = await rpc.chain_listBlocks({ from: from + limit - 1, limit });
      return blocks
        .map(({ hash, header: { height, parent, timeMs }, txCount }) => ({
          ...{ height, hash, parent, timeMs, txCount },
        }))
        .filter(({ height }) => height >= from)
        .reverse();
    },
    async txs(height) {
      const { txs, receipts } = await rpc.chain_getBlock({ height });
      return receipts.map((receipt, at) => ({
        ...{ id: receipt.txId, tx: txs[at] as FinalTx['tx'], receipt },
      }));
    },
    onFinal(poke) {
      const subscription = node.subscribe(rpcTopics.finalBlocks, poke, { onLive: poke });
      return () => subscription.close();
    },
  };
}
