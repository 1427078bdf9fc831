/** What stands in a 402: the terms under which the same request is served, in the form of x402. */
import type { AdmissionRefusal, CorrectiveState } from '@aitbc/market';
import {
  AppError,
  encodePaymentHeader,
  type Facts,
  type PaymentRequirements,
  paymentHeaders,
  paymentRequiredOf,
  requirementsOf,
} from '@aitbc/protocol';
import type { StandingOffer } from '../offers/offer-book.ts';

/** A call that was refused for its payment, and what would make it pass. */
export interface Unpaid {
  readonly error: AppError;
  readonly offer: StandingOffer;
  /** Most that the call can cost, nait. */
  readonly most: bigint;
  /** Path of the call. */
  readonly path: string;
  readonly corrective?: CorrectiveState | undefined;
  /** For `extra` of the first entry: what a signature must know of the call. */
  readonly callExtra: Readonly<Record<string, unknown>>;
  /** Further ways to pay. */
  readonly others: readonly PaymentRequirements[];
}

/** Header and body part of a 402. */
export function paymentTerms(unpaid: Unpaid): {
  headers: Record<string, string>;
  x402: Record<string, unknown>;
} {
  const { error, offer, most, path, corrective, callExtra, others } = unpaid;
  const terms = requirementsOf(offer.offerId, offer.payload, most);
  const extra = { ...terms.extra, ...callExtra, ...correctiveExtra(corrective) };
  const accepts = [{ ...terms, extra }, ...others];
  const x402 = paymentRequiredOf(error.message, offer.payload.endpoint + path, accepts);
  return { headers: { [paymentHeaders.required]: encodePaymentHeader(x402) }, x402 };
}

function correctiveExtra(corrective: CorrectiveState | undefined): Record<string, unknown> {
  if (!corrective) return {};
  const { charged, reserved, signedMax, best } = corrective;
  const channelState = {
    charged: `${charged}`,
    reserved: `${reserved}`,
    signedMax: `${signedMax}`,
  };
  if (!best) return { channelState };
  return { channelState, voucherState: { ...best, maxClaimable: `${best.maxClaimable}` } };
}

/** The refusal as an error; the books of the channel stand among its facts. */
export function errorOfRefusal({ code, facts, corrective }: AdmissionRefusal): AppError {
  return new AppError(code, { ...facts, ...correctiveFacts(corrective) });
}

function correctiveFacts(corrective: CorrectiveState | undefined): Facts {
  if (!corrective) return {};
  const { charged, reserved, signedMax, best } = corrective;
  if (!best) return { charged, reserved, signedMax };
  return {
    charged,
    reserved,
    signedMax,
    bestMaxClaimable: best.maxClaimable,
    bestContext: best.context,
    bestSignature: best.signature,
  };
}
