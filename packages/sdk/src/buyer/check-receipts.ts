/**
 * Checks the receipts of one call as they arrive, against what really came over the wire.
 *
 * A receipt counts when: the provider's registered key signed it for this job, offer and channel; its range
 * begins where the last one ended and its prefix hash follows; its text hash is that of the text that
 * arrived since; it claims no more tokens than are covered and than the text can hold; and its charge is at
 * most what the offer's price makes of it under the fault rule. A byte-level tokenizer makes at most one
 * token of a byte, and a few tokens (end marks, stop sequences) have no text.
 *
 * The first receipt that fails ends the trust: nothing more is signed. See docs/spec/payments.md, "Buyer".
 */
import { utf8 } from '@aitbc/primitives';
import {
  accept,
  amountOf,
  chargeFor,
  firstPrefixHash,
  type Hex,
  type Network,
  nextPrefixHash,
  type Price,
  type ReceiptPayload,
  refuse,
  type SignedReceipt,
  textHashOf,
  type Verdict,
  verifyReceipt,
} from '@aitbc/protocol';
import type { CallRow } from '../books/store.ts';

const silentTokensMax = 64;

/** What stays the same for all receipts of a call. */
export interface ReceiptTerms {
  readonly network: Network;
  readonly call: CallRow;
  readonly offerId: Hex;
  readonly price: Price;
}

/** Checks receipts in their order. */
export interface ReceiptChecker {
  /** Text that arrived since the last receipt. */
  addText(text: string): void;
  /** Checks the next receipt; `tokensCovered` is what vouchers cover now. Refusal: RECEIPT_INVALID. */
  check(receipt: SignedReceipt, tokensCovered: number): Verdict<ReceiptPayload>;
  last(): ReceiptPayload | undefined;
}

/** A checker that has seen nothing yet. With `isText` false texts are unknown and not compared. */
export function createReceiptChecker(terms: ReceiptTerms, isText = true): ReceiptChecker {
  const { network, call } = terms;
  let text = '';
  let textBytes = 0;
  let last: ReceiptPayload | undefined;
  const fault = (reason: string) => refuse('RECEIPT_INVALID', { reason });

  const checkText = (payload: ReceiptPayload): Verdict<true> => {
    if (!isText) return accept(true);
    if (payload.textHash !== textHashOf(text)) return fault('its text is not what arrived');
    textBytes += utf8(text).length;
    text = '';
    if (payload.to > textBytes + silentTokensMax) return fault('it counts more tokens than bytes');
    return accept(true);
  };

  return {
    addText(more) {
      text += more;
    },
    check(receipt, tokensCovered) {
      const signed = verifyReceipt(network, receipt, call.offer.payload.authorizer);
      if (!signed.ok) return signed;
      const payload = signed.value;
      const prefixHash = last
        ? nextPrefixHash(network, last)
        : firstPrefixHash(network, call.bodyDigest);
      if (payload.prefixHash !== prefixHash || payload.from !== (last?.to ?? 0)) {
        return fault('it does not follow the one before');
      }
      if (last && last.outcome !== 'running') return fault('the job had ended');
      const bound = checkTerms(terms, payload, tokensCovered);
      if (!bound.ok) return bound;
      const matched = checkText(payload);
      if (!matched.ok) return matched;
      last = payload;
      return accept(payload);
    },
    last: () => last,
  };
}

function checkTerms(terms: ReceiptTerms, payload: ReceiptPayload, covered: number): Verdict<true> {
  const { call, offerId, price } = terms;
  const offer = call.offer.payload;
  const fault = (reason: string) => refuse('RECEIPT_INVALID', { reason });
  const isMine =
    payload.jobId === call.jobId &&
    payload.offerId === offerId &&
    payload.channelId === call.channelId &&
    payload.provider === offer.provider &&
    payload.model === offer.model &&
    payload.digest === offer.digest;
  if (!isMine) return fault('it is for another job, offer, channel or model');
  if (payload.to > covered) return fault(`it counts ${payload.to} tokens; ${covered} are paid for`);
  if (payload.promptTokens > call.promptBound) return fault('it counts too many prompt tokens');
  const usage = { promptTokens: payload.promptTokens, outputTokens: payload.to };
  if (amountOf(payload.charged) > chargeFor(price, usage, payload.outcome)) {
    return fault('it charges more than the offer allows');
  }
  return accept(true);
}
