/** What stands in a 402: the terms under which the same request is served, in the form of x402. */
import type { AdmissionRefusal, CorrectiveState } from '@aitbc/market';
import {
  AppError,
  encodePaymentHeader,
  type Facts,
  fullCharge,
  type InferenceRequest,
  type PaymentRequirements,
  paymentHeaders,
  paymentRequiredOf,
  promptTokensBound,
  requirementsOf,
} from '@aitbc/protocol';
import type { StandingOffer } from '../offers/offer-book.ts';

/** Most that a request can cost under an offer, nait. */
export function mostOf(offer: StandingOffer, request: InferenceRequest): bigint {
  const { outputMax } = offer.payload;
  return fullCharge(offer.terms.price, {
    promptTokens: promptTokensBound(request.messages),
    outputTokens: Math.min(request.maxTokens ?? outputMax, outputMax),
  });
}

/** A call that was refused for its payment, and what would make it pass. */
export interface Unpaid {
  readonly error: AppError;
  readonly offer: StandingOffer;
  readonly request: InferenceRequest;
  /** Path of the call. */
  readonly path: string;
  readonly corrective?: CorrectiveState | undefined;
}

/** Header and body part of a 402. */
export function paymentTerms(unpaid: Unpaid): {
  headers: Record<string, string>;
  x402: Record<string, unknown>;
} {
  const { error, offer, request, path, corrective } = unpaid;
  const terms = requirementsOf(offer.offerId, offer.payload, mostOf(offer, request));
  const accepts: PaymentRequirements = {
    ...terms,
    extra: { ...terms.extra, ...correctiveExtra(corrective) },
  };
  const x402 = paymentRequiredOf(error.message, offer.payload.endpoint + path, [accepts]);
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
