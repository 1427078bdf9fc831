/** What stands in `extra` of our two schemes, and the reasons that our refusals give. */
import {
  accept,
  type ErrorCode,
  type Hex,
  type Network,
  refuse,
  type Verdict,
  x402Asset,
  zCount,
  zHash,
  zKey,
} from '@aitbc/protocol';
import { z } from 'zod';
import type { Deep, Requirements } from './shapes.ts';

/** CAIP-2 pattern of all networks of this kind of chain. */
export const caipFamily = 'aitbc:*';

/** SHA-256 of no bytes: the digest of a request without a body. */
export const noBodyDigest: Hex = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

const zChannelExtra = z.object({
  offerId: zHash,
  receiverAuthorizer: zKey,
  withdrawDelay: zCount.meta({ description: 'seconds' }),
  tokens: zCount.min(1).default(1),
  bodyDigest: zHash.default(noBodyDigest),
});

const zTransferExtra = z.object({
  offerId: zHash.optional(),
  paymentRef: zHash.optional(),
  bodyDigest: zHash.default(noBodyDigest),
  validUntil: zCount.optional().meta({ description: 'last height the transfer may enter' }),
  fee: z
    .string()
    .regex(/^\d{1,20}$/)
    .optional(),
});

/** Terms of a payment by voucher. */
export type ChannelTerms = z.output<typeof zChannelExtra>;

/** Terms of a payment by one transfer. */
export type TransferTerms = z.output<typeof zTransferExtra>;

/** Terms in the requirements of `batch-settlement`. Refusals: PAYMENT_MALFORMED, PAYMENT_NETWORK_WRONG. */
export function channelTermsOf(
  network: Network,
  requirements: Deep<Requirements>,
): Verdict<ChannelTerms> {
  return termsOf(network, requirements, zChannelExtra);
}

/** Terms in the requirements of `exact`. Refusals: PAYMENT_MALFORMED, PAYMENT_NETWORK_WRONG. */
export function transferTermsOf(
  network: Network,
  requirements: Deep<Requirements>,
): Verdict<TransferTerms> {
  return termsOf(network, requirements, zTransferExtra);
}

function termsOf<T extends z.ZodType>(
  network: Network,
  requirements: Deep<Requirements>,
  schema: T,
): Verdict<z.output<T>> {
  const { network: got, asset, extra } = requirements;
  if (got !== network.caip2) {
    return refuse('PAYMENT_NETWORK_WRONG', { got, expected: network.caip2 });
  }
  if (asset !== x402Asset)
    return refuse('PAYMENT_MALFORMED', { reason: `asset: not ${x402Asset}` });
  return parsed(schema, extra, 'extra');
}

/** A value of the schema. Refusal: PAYMENT_MALFORMED with the first fault. */
export function parsed<T extends z.ZodType>(
  schema: T,
  value: unknown,
  what: string,
): Verdict<z.output<T>> {
  const result = schema.safeParse(value);
  if (result.success) return accept(result.data);
  const issue = result.error.issues[0];
  const path = [what, ...(issue?.path ?? [])].map(String).join('.');
  return refuse('PAYMENT_MALFORMED', { reason: `${path}: ${issue?.message}`.slice(0, 300) });
}

/** Reason of a refusal as x402 names them: `invalid_exact_aitbc_tx_expired`. */
export function reasonOf(scheme: string, code: ErrorCode): string {
  return `invalid_${scheme.replaceAll('-', '_')}_aitbc_${code.toLowerCase()}`;
}
