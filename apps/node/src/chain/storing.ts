/**
 * Storing: final blocks go to disk in the order of their heights, all that wait at once. The replica goes on
 * meanwhile; only when a block is on disk is anybody told that it is final.
 */
import type { Hex, SignedTx } from '@aitbc/protocol';
import type { FinalBlock } from '@aitbc/replica';

/** Parts of a storing. */
export interface StoringDeps {
  /** Resolves when all of them are on disk and readable. One call at a time. */
  readonly commit: (blocks: readonly FinalBlock[]) => Promise<void>;
  readonly onStored: (blocks: readonly FinalBlock[]) => void;
}

/** Final blocks on their way to disk. */
export interface Storing {
  /** Blocks that will come: their transactions are known from now on. */
  expect(blocks: readonly FinalBlock[]): void;
  push(blocks: readonly FinalBlock[]): void;
  /** A transaction of a block that is final and not on disk yet. */
  txOf(txId: Hex): SignedTx | undefined;
  /** Resolves when nothing waits; takes no more. */
  stop(): Promise<void>;
}

/** A storing with nothing in it. */
export function createStoring({ commit, onStored }: StoringDeps): Storing {
  const waiting: FinalBlock[] = [];
  const expected = new Map<FinalBlock, ReadonlyMap<Hex, SignedTx> | undefined>(); // made when somebody asks
  let running: Promise<void> | undefined;

  const run = async (): Promise<void> => {
    while (waiting.length > 0) {
      const blocks = waiting.splice(0);
      await commit(blocks);
      for (const block of blocks) expected.delete(block);
      onStored(blocks);
    }
    running = undefined;
  };
  return {
    expect(blocks) {
      for (const block of blocks) expected.set(block, undefined);
    },
    push(blocks) {
      waiting.push(...blocks);
      running ??= run();
    },
    txOf(txId) {
      for (const [block, known] of expected) {
        const txs = known ?? new Map(block.txs.map((tx) => [tx.txId, tx]));
        if (!known) expected.set(block, txs);
        const tx = txs.get(txId);
        if (tx) return tx;
      }
      return undefined;
    },
    async stop() {
      await running;
    },
  };
}
