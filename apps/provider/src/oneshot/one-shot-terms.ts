/** What a 402 says about the call itself, and its entry that asks for one transfer. */
import {
  type Network,
  oneShotScheme,
  type PaymentRequirements,
  paymentReferenceOf,
  requirementsOf,
} from '@aitbc/protocol';
import type { StandingOffer } from '../offers/offer-book.ts';
import type { OneShotCall } from './take-one-shot.ts';

/** How long a transfer that is handed over stays good; the chain takes at most 10 000. */
const validForBlocks = 1_000;

/** The terms of a call under an offer. */
export type OneShotTerms = (
  offer: StandingOffer,
  call: OneShotCall,
) => {
  /** For `extra` of every entry: what a signature must know of the call. */
  readonly callExtra: Readonly<Record<string, unknown>>;
  /** Further ways to pay. */
  readonly others: readonly PaymentRequirements[];
};

export interface OneShotTermsDeps {
  readonly network: Network;
  /** Fee of a transfer, nait. */
  readonly feeNait: bigint;
  /** Height of the newest final block that was heard of. */
  readonly height: () => number;
}

/** Terms for calls at this provider. */
export function createOneShotTerms({ network, feeNait, height }: OneShotTermsDeps): OneShotTerms {
  return (offer, call) => {
    const { offerId, payload } = offer;
    const { bodyDigest } = call;
    const callExtra = { tokens: call.tokensOf(offer), bodyDigest };
    const extra = {
      ...{ name: 'AIT', version: '1', paymentFlow: 'upfront', offerId },
      ...callExtra,
      paymentRef: paymentReferenceOf(network, { offerId, bodyDigest }),
      validUntil: height() + validForBlocks,
      fee: feeNait.toString(),
    };
    const terms = requirementsOf(offerId, payload, call.needOf(offer));
    return { callExtra, others: [{ ...terms, scheme: oneShotScheme, extra }] };
  };
}
