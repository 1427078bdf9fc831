/** What must hold for a network of validators, as an assertion. */
import { compareNodes, type Ledger } from '@aitbc/cli/net';
import { expect } from 'vitest';
import type { ValidatorNet } from './validator-net.ts';

export { sharedHead, startWatch, type Watch } from '@aitbc/cli/net';

/** Compares all nodes block by block, and with what was seen and acknowledged. Counts what it compared. */
export async function checkAgreement(
  net: ValidatorNet,
  ledger: Ledger,
): Promise<{ readonly blocks: number; readonly acknowledged: number }> {
  const { blocks, ...broken } = await compareNodes(net, ledger);
  expect(broken).toEqual({ chains: [], finality: [], lost: [], coins: [] });
  return { blocks, acknowledged: ledger.acknowledged.length };
}
