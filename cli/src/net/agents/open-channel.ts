/** Opens a channel by hand and waits until its provider has heard of it. */
import { assertFinal } from '@aitbc/sdk';
import type { AgentPlace, ProviderPlace } from '../contract.ts';
import { withdrawDelayMs } from '../engines/start-engines.ts';
import { allocationFor, channelOf, type HandChannel } from './hand-buyer.ts';
import { keyPairOf, newKeys } from './keys.ts';
import type { AgentParts } from './parts.ts';

const waitMs = 15_000;
const hearMs = 1_500;

/** A channel from the account of an agent with so many nait. Throws what the chain refuses and UNAVAILABLE. */
export async function openChannelTo(
  seller: ProviderPlace,
  { place, amountNait }: { readonly place: AgentPlace; readonly amountNait: bigint },
  parts: AgentParts,
): Promise<HandChannel> {
  const hotKey = keyPairOf(newKeys());
  const allocation = allocationFor(seller, hotKey, { amount: amountNait, withdrawDelayMs });
  const sender = parts.senderFor(place.keys, place.name);
  const body = { amount: amountNait, allocations: [allocation] };
  assertFinal(await sender.send('vault_deposit', body, { waitMs }), waitMs);
  await parts.pause(hearMs);
  return channelOf(parts.facts.network, place.keys.accountId, { allocation, hotKey });
}
