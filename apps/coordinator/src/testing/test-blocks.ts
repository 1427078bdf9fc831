/** Final blocks of a test's own making, and what the chain says of agents and tasks. */
import { hex, sha256, utf8 } from '@aitbc/primitives';
import { AppError, type ChainTask, type TxKind } from '@aitbc/protocol';
import type { AgentChain, ChainAgent } from '../chain/agent-chain.ts';
import type { BlockSource, FinalBlock, FinalTx } from '../chain/block-source.ts';

/** A transaction as a test writes it. */
export interface TestTx {
  readonly kind: TxKind;
  /** Address. */
  readonly from: string;
  readonly body: Record<string, unknown>;
}

/** Blocks that a test adds. */
export interface TestBlocks extends BlockSource {
  /** Adds a block; its height. */
  add(timeMs: number, ...txs: readonly TestTx[]): number;
  /** The first block that the node still has. */
  firstHeight: number;
  /** Calls of `txs` and `heads` so far. */
  calls: number;
  isDown: boolean;
  /** Makes the blocks another chain from a height on. */
  rewrite(fromHeight: number): void;
}

/** Agents and tasks as the test says. */
export interface TestAgentChain extends AgentChain {
  readonly agents: Map<string, ChainAgent>;
  readonly tasks: Map<string, ChainTask>;
}

/** No blocks yet. */
export function createTestBlocks(): TestBlocks {
  let blocks: FinalBlock[] = [];
  const pokes = new Set<() => void>();
  const hashAt = (height: number, salt = '') => hex(sha256(utf8(`test block ${height}${salt}`)));
  const assertUp = (source: TestBlocks): void => {
    source.calls += 1;
    if (source.isDown) throw new AppError('UNAVAILABLE', { what: 'test node', reason: 'down' });
  };
  return {
    firstHeight: 1,
    calls: 0,
    isDown: false,
    add(timeMs, ...txs) {
      const height = blocks.length + 1;
      const parent = blocks.at(-1)?.hash ?? hashAt(0);
      const made = txs.map((tx, index) => finalTx(tx, height, index));
      blocks.push({ height, hash: hashAt(height), parent, timeMs, txs: made });
      for (const poke of pokes) poke();
      return height;
    },
    rewrite(fromHeight) {
      blocks = blocks.map((block) => {
        const salt = (height: number) => (height >= fromHeight ? ' of another chain' : '');
        const { height } = block;
        const parent = hashAt(height - 1, salt(height - 1));
        return { ...block, hash: hashAt(height, salt(height)), parent };
      });
    },
    async height() {
      if (this.isDown) throw new AppError('UNAVAILABLE', { what: 'test node', reason: 'down' });
      return blocks.length;
    },
    async heads(from, limit) {
      assertUp(this);
      const first = Math.max(from, this.firstHeight);
      return blocks
        .slice(first - 1, from + limit - 1)
        .map(({ txs, ...head }) => ({ ...head, txCount: txs.length }));
    },
    async txs(height) {
      assertUp(this);
      return blocks[height - 1]?.txs ?? [];
    },
    onFinal(poke) {
      pokes.add(poke);
      return () => void pokes.delete(poke);
    },
  };
}

/** Agents and tasks of nobody. */
export function createTestAgentChain(): TestAgentChain {
  const agents = new Map<string, ChainAgent>();
  const tasks = new Map<string, ChainTask>();
  return {
    agents,
    tasks,
    agent: async (address) => agents.get(address),
    task: async (taskId) => tasks.get(taskId),
  };
}

function finalTx({ kind, from, body }: TestTx, height: number, index: number): FinalTx {
  const id = hex(sha256(utf8(`tx ${height} ${index}`)));
  return {
    id,
    tx: { txId: id, kind, from, nonce: 0, validUntil: 0, fee: '1', body },
    receipt: { txId: id, height, index, kind, from, fee: '1' },
  };
}
