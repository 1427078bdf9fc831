/** Schemas of the scalars that appear in JSON: amounts, addresses, hashes, keys, signatures. */
import { amountFromText, hex, idFromAddress, utf8 } from '@aitbc/primitives';
import { z } from 'zod';
import { AppError, accept, refuse, type Verdict } from './errors.ts';
import type { Hex } from './fields.ts';

const hexOf = (digits: number, what: string) =>
  z
    .string()
    .regex(
      new RegExp(`^[0-9a-f]{${digits}}$`),
      `expected ${what}: ${digits} lower-case hex digits`,
    );

/** Decimal string of nait, 0 to 2^64-1. */
export const zAmount = z
  .string()
  .refine((text) => amountFromText(text) !== undefined, 'expected a decimal string of nait')
  .meta({ description: 'nait, decimal string', examples: ['1000000000'] });

/** Address `ait1…` with a correct checksum. */
export const zAddress = z
  .string()
  .max(90)
  .refine((text) => idFromAddress(text).ok, 'expected an address ait1…')
  .meta({ description: 'address, bech32m' });

export const zHash = hexOf(64, 'a hash');
export const zKey = hexOf(64, 'a public key');
export const zSignature = hexOf(128, 'a signature');

/** Canonical base64. */
export const zBase64 = z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/, 'expected base64');

/** Whole number from 0 to 2^53-1. */
export const zCount = z.int().nonnegative();

/** Text of 1 to `maxBytes` bytes in UTF-8; a limit of bytes is not one of characters. */
export const zText = (maxBytes: number) =>
  z
    .string()
    .min(1)
    .max(maxBytes)
    .refine((text) => utf8(text).length <= maxBytes, `expected at most ${maxBytes} bytes`);

/** Account id of an address. Refusal: ADDRESS_INVALID. */
export function accountIdOf(address: string): Verdict<Hex> {
  const decoded = idFromAddress(address);
  if (decoded.ok) return accept(hex(decoded.accountId));
  return refuse('ADDRESS_INVALID', { got: address.slice(0, 90), reason: decoded.reason });
}

/** Amount of a decimal string. Throws AppError AMOUNT_INVALID. */
export function amountOf(text: string): bigint {
  const amount = amountFromText(text);
  if (amount === undefined)
    throw new AppError('AMOUNT_INVALID', { got: String(text).slice(0, 40) });
  return amount;
}
