/** The block that would be built now: what simulations and admission try transactions in. */
import type { BlockContext } from '@aitbc/chain';
import type { Hex } from '@aitbc/protocol';
import type { Ledger } from './ledger.ts';

/** Context of the next block; its time never goes back. */
export function nextBlockOf(
  { network, genesis, head }: Pick<Ledger, 'network' | 'genesis' | 'head'>,
  { nowMs, proposer }: { nowMs: number; proposer: Hex },
): BlockContext {
  const { header } = head();
  return {
    height: header.height + 1,
    timeMs: Math.max(nowMs, header.timeMs + 1),
    proposer,
    network,
    params: genesis.params,
  };
}
