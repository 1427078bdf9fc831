/** Load for a network of validators: accounts with coins that send one transfer after the other. */
import { type Identity, identityFromSeed } from '@aitbc/node/testing';
import { randomBytes } from '@aitbc/primitives';
import { addressOf } from '@aitbc/protocol';
import type { ValidatorNet } from './validator-net.ts';

export { type Acknowledged, startLoad } from '@aitbc/cli/net';

const fundingNait = 1_000_000_000_000n;

/** Accounts with coins, made once for a network. */
export async function fundSenders(net: ValidatorNet, count: number): Promise<Identity[]> {
  const senders = Array.from({ length: count }, () => identityFromSeed(randomBytes(32)));
  for (const { publicKey } of senders) await net.fund(addressOf(publicKey), fundingNait);
  return senders;
}
