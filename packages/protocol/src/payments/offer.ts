/**
 * Offers: a provider's signed price for one model, valid until a time. Buyers check the signature
 * against the key registered on chain, so nobody between them can change price or payee.
 */
import { canonicalJson, type JsonValue, utf8 } from '@aitbc/primitives';
import { z } from 'zod';
import { accept, refuse, type Verdict } from '../errors.ts';
import type { Hex } from '../fields.ts';
import { limits } from '../limits.ts';
import { type Network, taggedHash } from '../network.ts';
import { amountOf, zAddress, zAmount, zCount, zKey, zSignature, zText } from '../scalars.ts';
import { type Signed, verifyDocument } from './document.ts';
import type { Price } from './price.ts';

const url = zText(limits.endpointBytes).regex(/^https?:\/\/[^\s]+$/, 'expected an http(s) URL');

/** What can be bought of a model: answers to chats, or vectors of texts. */
export const jobKinds = ['chat', 'embed'] as const;

/** Kind of a job. */
export type JobKind = (typeof jobKinds)[number];

/** Payload of an offer. */
export const zOfferPayload = z.strictObject({
  v: z.literal(1),
  network: z.string().max(40),
  provider: zAddress.meta({ description: 'account of the provider; claims are paid to it' }),
  authorizer: zKey.meta({ description: 'hot key that signs offers, receipts and claims' }),
  endpoint: url,
  model: z.string().min(1).max(128),
  digest: z.string().max(80).meta({ description: 'sha256:… of the weights' }),
  quantization: z.string().max(16),
  contextMax: zCount,
  outputMax: z.int().positive().max(limits.outputTokensMax),
  price: z.strictObject({ inputPerMTok: zAmount, outputPerMTok: zAmount, perRequest: zAmount }),
  windowTokens: z.int().positive().max(limits.windowTokensMax),
  serves: z.array(z.enum(jobKinds)).min(1).max(jobKinds.length),
  canResume: z.boolean().meta({ description: 'continues an answer exactly where it broke off' }),
  verifiable: z
    .literal(true)
    .optional()
    .meta({ description: 'chats at temperature 0 are decoded greedily by exactly these weights' }),
  firstTokenMs: z.int().positive().meta({ description: 'bound of the first token, ms' }),
  withdrawDelayMsMin: zCount,
  validFromMs: zCount,
  validUntilMs: zCount,
});

export const zSignedOffer = z.strictObject({
  payload: zOfferPayload,
  signer: zKey,
  signature: zSignature,
});

/** Payload of an offer; amounts are decimal strings, as signed. */
export type OfferPayload = z.infer<typeof zOfferPayload>;

/** A signed offer. */
export type SignedOffer = z.infer<typeof zSignedOffer>;

/** Id of an offer: tagged hash of its canonical payload. */
export function offerIdOf(network: Network, payload: OfferPayload): Hex {
  return taggedHash('offer', network, utf8(canonicalJson(payload as JsonValue)));
}

/** Prices of an offer as amounts. */
export function priceOf(payload: OfferPayload): Price {
  return {
    inputPerMTok: amountOf(payload.price.inputPerMTok),
    outputPerMTok: amountOf(payload.price.outputPerMTok),
    perRequest: amountOf(payload.price.perRequest),
  };
}

/** What an offer must fit. */
export interface OfferCheck {
  readonly nowMs: number;
  /** Key that the chain has registered for the provider, hex. */
  readonly registeredAuthorizer: Hex;
}

/** Checks network, time, signer and signature of an offer. Refusal: OFFER_INVALID. */
export function verifyOffer(
  network: Network,
  offer: SignedOffer,
  { nowMs, registeredAuthorizer }: OfferCheck,
): Verdict<Hex> {
  const { payload } = offer;
  const fault = (reason: string) => refuse('OFFER_INVALID', { reason });
  if (payload.network !== network.caip2) return fault('it is for another network');
  if (payload.authorizer !== registeredAuthorizer || offer.signer !== registeredAuthorizer) {
    return fault('its key is not the one registered on chain');
  }
  if (nowMs > payload.validUntilMs + limits.clockSkewMs) return fault('it has run out');
  if (nowMs < payload.validFromMs - limits.clockSkewMs) return fault('it is not valid yet');
  if (!verifyDocument('offer', network, offer as Signed<unknown>))
    return fault('its signature is wrong');
  return accept(offerIdOf(network, payload));
}
