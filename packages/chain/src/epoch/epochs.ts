/** Heights and epochs: block h ≥ 1 belongs to epoch floor((h-1)/epochBlocks), the genesis block to epoch 0. */
import type { ChainParams } from '@aitbc/protocol';

type EpochLength = Pick<ChainParams, 'epochBlocks'>;

/** Epoch of a height. */
export function epochOf({ epochBlocks }: EpochLength, height: number): number {
  return height === 0 ? 0 : Math.floor((height - 1) / epochBlocks);
}

/** Height of the last block of an epoch. */
export function lastHeightOf({ epochBlocks }: EpochLength, epoch: number): number {
  return (epoch + 1) * epochBlocks;
}

/** True for the block in which validators and parameters may change. */
export function endsEpoch(params: EpochLength, height: number): boolean {
  return height > 0 && height === lastHeightOf(params, epochOf(params, height));
}
