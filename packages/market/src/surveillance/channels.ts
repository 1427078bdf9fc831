/** Who pays through which channel: receipts name channels, the chain names their payers. */
import type { JsonValue } from '@aitbc/primitives';
import type { Hex } from '@aitbc/protocol';
import { createBounded } from './bounded.ts';
import type { ChainEvent } from './detector.ts';

/** A channel as it was first funded. */
export interface KnownChannel {
  readonly payer: string;
  readonly receiver: string;
  readonly txId: Hex;
}

/** Channels by id. */
export interface Channels {
  add(event: ChainEvent): void;
  get(channelId: Hex): KnownChannel | undefined;
  save(): JsonValue;
}

const channelsKept = 20_000;

/** No channels, or saved ones. */
export function createChannels(saved?: readonly (readonly [string, KnownChannel])[]): Channels {
  const channels = createBounded<KnownChannel>(channelsKept, saved);
  return {
    add({ txId, facts }) {
      if (facts.kind !== 'channel' || channels.get(facts.channelId)) return;
      channels.set(facts.channelId, { payer: facts.payer, receiver: facts.receiver, txId });
    },
    get: (channelId) => channels.get(channelId),
    save: () => channels.save(),
  };
}
