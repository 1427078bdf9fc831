/** Blocks of the last while: those that came while the page was open, and the ones before from the chain. */
import type { LiveBlock } from '@aitbc/protocol';
import { useMemo } from 'react';
import { useChain, useLive } from './hooks.ts';

const historySize = 100;

/** Oldest first. Only blocks that were seen to become final have a time of finality. */
export function useHistory(): readonly LiveBlock[] {
  const { blocks } = useLive();
  const past = useChain('chain_listBlocks', { limit: historySize });
  return useMemo(() => {
    const byHeight = new Map<number, LiveBlock>();
    for (const { hash, header, txCount } of past.data?.blocks ?? []) {
      const { height, timeMs, view, epoch, proposer } = header;
      byHeight.set(height, { height, hash, timeMs, view, epoch, proposer, txCount, finalMs: null });
    }
    for (const block of blocks) byHeight.set(block.height, block);
    return [...byHeight.values()].sort((a, b) => a.height - b.height);
  }, [blocks, past.data]);
}
