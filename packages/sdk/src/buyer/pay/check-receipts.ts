/**
 * Checks the receipts of one call as they arrive, against what really came over the wire.
 *
 * A receipt counts when: the provider's registered key signed it for this job, offer and channel; its range
 * begins where the last one ended (the first where the call began) and its prefix hash follows; its text hash
 * is that of the text that arrived since; it claims no more tokens than are covered and than the text can
 * hold; it is not dated before its offer (one that looks old would be too old for an audit; a repeated call gets its
 * first receipts, so the call's own time says nothing); and its charge is at most what the offer's price makes of the
 * call's own tokens under the fault rule. A
 * byte-level tokenizer makes at most one token of a byte, and a few tokens (end marks, stop sequences) have no
 * text. After its end a failed job may get one receipt more: for exactly the range that this buyer acknowledges.
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
  limits,
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
import type { CallRow, CallTail } from '../../books/store.ts';

const silentTokensMax = 64;

/** What stays the same for all receipts of a call. */
export interface ReceiptTerms {
  readonly network: Network;
  readonly call: CallRow;
  readonly offerId: Hex;
  readonly price: Price;
  /** Text that arrived since the last receipt; without it texts are unknown and not compared. */
  readonly arrived?: () => string;
}

/** Checks receipts in their order. */
export interface ReceiptChecker {
  /** Checks the next receipt; `tokensCovered` is the position that vouchers cover now. Refusal: RECEIPT_INVALID. */
  check(receipt: SignedReceipt, tokensCovered: number): Verdict<ReceiptPayload>;
  last(): ReceiptPayload | undefined;
}

/** A checker that has seen nothing yet. */
export function createReceiptChecker(terms: ReceiptTerms): ReceiptChecker {
  const { network, call, arrived } = terms;
  let textBytes = 0;
  let last: ReceiptPayload | undefined;

  const checkText = (payload: ReceiptPayload): Verdict<true> => {
    if (!arrived) return accept(true);
    const text = arrived();
    if (payload.textHash !== textHashOf(text)) return fault('its text is not what arrived');
    textBytes += utf8(text).length;
    const isTooMuch = payload.to - call.from > textBytes + silentTokensMax;
    return isTooMuch ? fault('it counts more tokens than bytes') : accept(true);
  };

  return {
    check(receipt, tokensCovered) {
      const signed = verifyReceipt(network, receipt, call.offer.payload.authorizer);
      if (!signed.ok) return signed;
      const payload = signed.value;
      const follows = checkOrder(terms, last, payload);
      if (!follows.ok) return follows;
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

function fault(reason: string): Verdict<never> {
  return refuse('RECEIPT_INVALID', { reason });
}

function prefixHashBefore({ network, call }: ReceiptTerms): Hex {
  return call.prefixHash ?? firstPrefixHash(network, call.bodyDigest);
}

function checkOrder(
  terms: ReceiptTerms,
  last: ReceiptPayload | undefined,
  payload: ReceiptPayload,
): Verdict<true> {
  const { network, call } = terms;
  const prefixHash = last ? nextPrefixHash(network, last) : prefixHashBefore(terms);
  if (payload.prefixHash !== prefixHash || payload.from !== (last?.to ?? call.from)) {
    return fault('it does not follow the one before');
  }
  const hadEnded = last !== undefined && last.outcome !== 'running';
  if (hadEnded && !isAcknowledged(call.tail, last, payload)) return fault('the job had ended');
  return accept(true);
}

function isAcknowledged(
  tail: CallTail | null,
  last: ReceiptPayload | undefined,
  { from, to, textHash, outcome }: ReceiptPayload,
): boolean {
  const isFault = last?.outcome === 'provider_error' && outcome === 'provider_error';
  return isFault && tail?.from === from && tail.to === to && tail.textHash === textHash;
}

function checkTerms(terms: ReceiptTerms, payload: ReceiptPayload, covered: number): Verdict<true> {
  const { call, offerId, price } = terms;
  const offer = call.offer.payload;
  const isMine =
    payload.jobId === call.jobId &&
    payload.offerId === offerId &&
    payload.channelId === call.channelId &&
    payload.provider === offer.provider &&
    payload.model === offer.model &&
    payload.digest === offer.digest;
  if (!isMine) return fault('it is for another job, offer, channel or model');
  if (payload.atMs < offer.validFromMs - limits.clockSkewMs) {
    return fault('it is dated before its offer');
  }
  if (payload.to > covered) return fault(`it counts ${payload.to} tokens; ${covered} are paid for`);
  if (payload.promptTokens > call.promptBound) return fault('it counts too many prompt tokens');
  const usage = {
    promptTokens: payload.promptTokens,
    outputTokens: payload.to - call.from,
  };
  if (amountOf(payload.charged) > chargeFor(price, usage, payload.outcome)) {
    return fault('it charges more than the offer allows');
  }
  return accept(true);
}
