/**
 * Channels: money a payer set aside on chain for one provider. The configuration never changes and its
 * tagged hash is the channel's id, so a voucher for a channel names payer, receiver and both hot keys.
 * A closed id stays closed for ever; re-opening needs a fresh salt. See docs/spec/payments.md.
 */
import { createWriter } from '@aitbc/primitives';
import {
  account,
  count,
  type Fields,
  type Hex,
  hash,
  key,
  type RecordOf,
  writeRecord,
} from '../fields.ts';
import { type Network, taggedHash } from '../network.ts';
import type { Allocation } from '../tx-kinds.ts';

export const channelConfigFields = {
  payer: account,
  payerAuthorizer: key,
  receiver: account,
  receiverAuthorizer: key,
  withdrawDelayMs: count,
  salt: hash,
} as const satisfies Fields;

/** Immutable configuration of a channel. */
export type ChannelConfig = RecordOf<typeof channelConfigFields>;

/** What the ledger knows of a channel; amounts in nait, times in chain time. */
export interface ChannelState extends ChannelConfig {
  readonly channelId: Hex;
  /** All that was ever put in, less what was withdrawn or refunded. */
  readonly balance: bigint;
  readonly totalClaimed: bigint;
  /** Amount of a pending withdrawal, 0 for none. */
  readonly withdrawAmount: bigint;
  /** Chain time from which the withdrawal may be finished, 0 for none. */
  readonly withdrawDueMs: number;
  readonly refundNonce: number;
  readonly closed: boolean;
}

/** Id of a channel. */
export function channelIdOf(network: Network, config: ChannelConfig): Hex {
  const writer = createWriter();
  writeRecord(channelConfigFields, writer, config);
  return taggedHash('channel', network, writer.finish());
}

/** Configuration of the channel that an allocation of this payer names. */
export function channelConfigOf(payer: Hex, allocation: Allocation): ChannelConfig {
  const { payerAuthorizer, receiver, receiverAuthorizer, withdrawDelayMs, salt } = allocation;
  return { payer, payerAuthorizer, receiver, receiverAuthorizer, withdrawDelayMs, salt };
}
