/**
 * Receipts that were fetched for a call, and the last word of this buyer on a provider that failed: it may sign
 * for the tokens that arrived here behind its last receipt, and charge them.
 *
 * A provider that was killed has receipts up to its last window. Its stream came in order, so its last receipt
 * ends either where the last one that we saw ended (then the tail is acknowledged) or at or behind the last line
 * that arrived (then nothing is missing). What it refuses is settled without. See docs/spec/payments.md,
 * "Acknowledgement".
 */
import {
  asAppError,
  type ErrorCode,
  offerIdOf,
  priceOf,
  type SignedReceipt,
  signAcknowledgement,
  textHashOf,
  unwrap,
} from '@aitbc/protocol';
import type { CallRow } from '../../books/store.ts';
import type { ProviderClient } from '../../http/clients.ts';
import { createReceiptChecker } from '../pay/check-receipts.ts';
import type { BuyerParts } from '../types.ts';

/** The provider may have taken it all the same, or will later. */
const unclearCodes: readonly ErrorCode[] = ['UNAVAILABLE', 'TIMEOUT', 'CANCELLED'];

/** An ended call whose provider answers. */
export interface Acknowledging {
  readonly parts: BuyerParts;
  readonly client: Pick<ProviderClient, 'acknowledge'>;
  readonly row: CallRow;
  readonly signal: AbortSignal;
}

/**
 * The receipts to settle by: those that are known, with the one for the tail when there is one to acknowledge.
 * Undefined when the provider cannot be reached. Throws RECEIPT_INVALID.
 */
export async function acknowledge(
  { parts, client, row, signal }: Acknowledging,
  known: readonly SignedReceipt[],
): Promise<readonly SignedReceipt[] | undefined> {
  const { tail, jobId, channelId } = row;
  const final = known.at(-1)?.payload;
  const isTrusted = parts.book.channel(channelId)?.status !== 'distrusted';
  const isMissing = final?.outcome === 'provider_error' && final.to === tail?.from;
  if (!tail || !isMissing || !isTrusted) return known;
  const ack = { jobId, channelId, ...tail };
  const signature = signAcknowledgement(parts.network, ack, parts.hotKey.secretKey);
  const answer = await client.acknowledge({ ...ack, signature }, { signal }).catch((error) => {
    const { code, facts } = asAppError(error);
    parts.log.info({ ...facts, code, jobId, provider: row.provider }, 'an acknowledgement failed');
    return unclearCodes.includes(code) ? undefined : { receipts: known };
  });
  if (!answer) return undefined;
  const receipts = checkedReceipts(parts, row, answer.receipts);
  return typeof receipts === 'string' ? known : receipts;
}

/** The provider has not run the job; one that knows how to never will, until it is asked anew. */
export const neverRanCodes: readonly ErrorCode[] = ['JOB_UNKNOWN', 'NOT_FOUND'];

/**
 * Gives up a call that its provider does not know: a request that the network holds back must not run when nothing is
 * reserved for it any more. True when the provider says that it never ran; false while that is not sure.
 */
export async function giveUp({ parts, client, row, signal }: Acknowledging): Promise<boolean> {
  const { jobId, channelId, from } = row;
  const ack = { jobId, channelId, from, to: from, textHash: textHashOf('') };
  const signature = signAcknowledgement(parts.network, ack, parts.hotKey.secretKey);
  try {
    await client.acknowledge({ ...ack, signature }, { signal });
    return false; // it has receipts now
  } catch (error) {
    return neverRanCodes.includes(asAppError(error).code);
  }
}

/**
 * The call's receipts when they are in order and the last is final; `elsewhere` when the job ran on another
 * channel, so that nothing is due on this one. Throws RECEIPT_INVALID.
 */
export function checkedReceipts(
  { network }: BuyerParts,
  row: CallRow,
  receipts: readonly SignedReceipt[],
): readonly SignedReceipt[] | 'running' | 'elsewhere' {
  const { payload } = row.offer;
  const checker = createReceiptChecker({
    network,
    call: row,
    offerId: offerIdOf(network, payload),
    price: priceOf(payload),
  });
  const mine = receipts.filter((receipt) => receipt.payload.channelId === row.channelId);
  if (mine.length === 0 && receipts.length > 0) return 'elsewhere';
  for (const receipt of mine) unwrap(checker.check(receipt, row.tokens));
  const last = checker.last();
  return last && last.outcome !== 'running' ? mine : 'running';
}
