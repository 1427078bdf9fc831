/**
 * A one-shot payment in the books of jobs: a channel of this daemon's own. The money is here already, so the daemon signs the
 * voucher itself, with its own key, for exactly one job. Everything behind admission then works as for any
 * other job: reservation, journal, receipts, restart, reading along.
 *
 * Such a channel is not on chain and never claimed. It is known by its keys: payer's and receiver's are both the
 * daemon's. Somebody else may open a channel on chain that looks like that, and could not sign a voucher on it.
 */
import type { ChannelRecord } from '@aitbc/market';
import {
  type ChannelState,
  type DocumentSigner,
  encodePayment,
  type Hex,
  limits,
  type Network,
  requirementsOf,
  signVoucher,
  startContext,
} from '@aitbc/protocol';
import type { StandingOffer } from '../offers/offer-book.ts';
import type { OneShotRow } from './one-shot-store.ts';

/** Who sells. */
export interface OwnKeys {
  readonly network: Network;
  /** Account id of the provider. */
  readonly provider: Hex;
  /** Its hot key. */
  readonly signer: DocumentSigner;
}

/** The channel that holds a payment; its id is that of the transaction. */
export function ownChannelOf(
  { provider, signer }: OwnKeys,
  { txId, payer, amount }: Pick<OneShotRow, 'txId' | 'payer' | 'amount'>,
): ChannelState {
  return {
    channelId: txId,
    payer,
    payerAuthorizer: signer.publicKey,
    receiver: provider,
    receiverAuthorizer: signer.publicKey,
    withdrawDelayMs: limits.withdrawDelayMsMax,
    salt: txId,
    balance: amount,
    totalClaimed: 0n,
    withdrawAmount: 0n,
    withdrawDueMs: 0,
    refundNonce: 0,
    closed: false,
  };
}

/** True for a channel of this kind: nothing of it is to be claimed. */
export function isOwnChannel({ payerAuthorizer, receiverAuthorizer }: ChannelState): boolean {
  return payerAuthorizer === receiverAuthorizer;
}

/** The records whose vouchers the chain pays. */
export function* claimableOf(records: Iterable<ChannelRecord>): Iterable<ChannelRecord> {
  for (const record of records) if (!isOwnChannel(record.channel)) yield record;
}

/** A job that a payment buys. */
export interface PaidJob {
  readonly row: Pick<OneShotRow, 'txId' | 'jobId' | 'bodyDigest'>;
  readonly offer: StandingOffer;
  /** Output tokens of the job at most. */
  readonly tokens: number;
  /** Most that it can cost, nait. */
  readonly needNait: bigint;
}

/** The payment header of the job, as a buyer with a channel would send it. */
export function ownVoucherHeader(keys: OwnKeys, { row, offer, tokens, needNait }: PaidJob): string {
  const { network, signer } = keys;
  const { txId: channelId, jobId, bodyDigest } = row;
  const { offerId } = offer;
  const context = startContext(network, { offerId, jobId, bodyDigest, tokens });
  const voucher = { channelId, maxClaimable: needNait, context };
  return encodePayment(requirementsOf(offerId, offer.payload, needNait), {
    type: 'voucher',
    offerId,
    channelId,
    idempotencyKey: channelId,
    tokens,
    maxClaimable: needNait.toString(),
    signature: signVoucher(network, voucher, signer.secretKey).signature,
  });
}
