/**
 * The payment of a job in the coat of x402 version 2: three headers, JSON in base64. The scheme is
 * `batch-settlement` (a capital-backed channel with cumulative vouchers) bound to our network.
 *
 *   402 answer   PAYMENT-REQUIRED   {x402Version, error, resource, accepts: [requirements]}
 *   request      PAYMENT-SIGNATURE  {x402Version, accepted: requirements, payload: voucher payment}
 *   answer       PAYMENT-RESPONSE   {success, transaction, network, payer, amount, extra}
 */
import { base64, bytesFromBase64, textFromUtf8, utf8 } from '@aitbc/primitives';
import { z } from 'zod';
import { accept, refuse, type Verdict } from '../errors.ts';
import type { Hex } from '../fields.ts';
import { limits } from '../limits.ts';
import { zAmount, zCount, zHash, zSignature, zText } from '../scalars.ts';
import type { OfferPayload } from './offer.ts';

export const paymentHeaders = Object.freeze({
  required: 'payment-required',
  signature: 'payment-signature',
  response: 'payment-response',
});

export const x402Version = 2;
export const x402Scheme = 'batch-settlement';
export const x402Asset = 'native';
const maxTimeoutSeconds = 300;

/** Terms under which a request is served. */
export interface PaymentRequirements {
  readonly scheme: string;
  readonly network: string;
  /** Most that the request can cost, nait. */
  readonly amount: string;
  readonly asset: string;
  /** Address of the provider. */
  readonly payTo: string;
  readonly maxTimeoutSeconds: number;
  readonly extra: Readonly<Record<string, unknown>>;
}

/** Requirements of an offer for a request that costs at most `amountNait`. */
export function requirementsOf(
  offerId: Hex,
  offer: OfferPayload,
  amountNait: bigint,
): PaymentRequirements {
  return {
    scheme: x402Scheme,
    network: offer.network,
    amount: amountNait.toString(),
    asset: x402Asset,
    payTo: offer.provider,
    maxTimeoutSeconds,
    extra: {
      name: 'AIT',
      version: '1',
      offerId,
      receiverAuthorizer: offer.authorizer,
      withdrawDelay: Math.ceil(offer.withdrawDelayMsMin / 1000),
      windowTokens: offer.windowTokens,
    },
  };
}

/** Body of the PAYMENT-REQUIRED header. */
export function paymentRequiredOf(
  error: string,
  resourceUrl: string,
  accepts: readonly PaymentRequirements[],
): Record<string, unknown> {
  const resource = {
    url: resourceUrl,
    description: 'Paid inference',
    mimeType: 'application/json',
  };
  return { x402Version, error, resource, accepts };
}

/** Our payload inside PAYMENT-SIGNATURE. */
export const zVoucherPayment = z.strictObject({
  type: z.literal('voucher'),
  offerId: zHash,
  channelId: zHash,
  idempotencyKey: zText(limits.idempotencyKeyBytes),
  tokens: zCount.meta({ description: 'output tokens the voucher covers' }),
  maxClaimable: zAmount,
  signature: zSignature,
  again: zCount
    .meta({
      description: 'the fact `again` of JOB_EXPIRED: the buyer asks anew for what it gave up',
    })
    .exactOptional(),
});

/** A voucher that starts a job, as it travels. The context is recomputed by the receiver. */
export type VoucherPayment = z.infer<typeof zVoucherPayment>;

const zPaymentPayload = z.object({
  x402Version: z.literal(x402Version),
  accepted: z.object({ scheme: z.literal(x402Scheme), network: z.string() }),
  payload: zVoucherPayment,
});

/** Base64 of a JSON value: how x402 headers travel. */
export function encodePaymentHeader(value: unknown): string {
  return base64(utf8(JSON.stringify(value)));
}

/** JSON value of a base64 header. Refusal: PAYMENT_MALFORMED. */
export function decodePaymentHeader(header: string): Verdict<unknown> {
  const fault = (reason: string) => refuse('PAYMENT_MALFORMED', { reason });
  if (header.length > limits.headerBytes) return fault(`it is above ${limits.headerBytes} bytes`);
  const decoded = bytesFromBase64(header);
  if (!decoded) return fault('it is not base64');
  try {
    return accept(JSON.parse(textFromUtf8(decoded)));
  } catch {
    return fault('it is not JSON');
  }
}

/** The voucher payment of a PAYMENT-SIGNATURE header. Refusals: PAYMENT_MALFORMED, PAYMENT_NETWORK_WRONG. */
export function decodePayment(header: string, network: string): Verdict<VoucherPayment> {
  const decoded = decodePaymentHeader(header);
  return decoded.ok ? voucherPaymentOf(decoded.value, network) : decoded;
}

/** The voucher payment of a header that was decoded. Refusals: PAYMENT_MALFORMED, PAYMENT_NETWORK_WRONG. */
export function voucherPaymentOf(value: unknown, network: string): Verdict<VoucherPayment> {
  const parsed = zPaymentPayload.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const reason = `${issue?.path.join('.') || 'payload'}: ${issue?.message}`;
    return refuse('PAYMENT_MALFORMED', { reason });
  }
  const got = parsed.data.accepted.network;
  if (got !== network) return refuse('PAYMENT_NETWORK_WRONG', { got, expected: network });
  return accept(parsed.data.payload);
}

/** The PAYMENT-SIGNATURE header of a voucher payment. */
export function encodePayment(accepted: PaymentRequirements, payload: VoucherPayment): string {
  return encodePaymentHeader({ x402Version, accepted, payload });
}
