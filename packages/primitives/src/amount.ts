/**
 * Amounts of coin. One AIT is 1 000 000 000 nait. In code an amount is a `bigint` of nait between 0 and
 * 2^64-1, in JSON its plain decimal string, on the wire eight bytes. A `number` is never money.
 */
export const naitPerAit = 1_000_000_000n;
export const amountMax = 2n ** 64n - 1n;

const digits = /^(?:0|[1-9][0-9]{0,19})$/;

/** The amount in a decimal string of nait, or undefined: no sign, exponent, point, blank or leading zero. */
export function amountFromText(text: unknown): bigint | undefined {
  if (typeof text !== 'string' || !digits.test(text)) return undefined;
  const amount = BigInt(text);
  return amount <= amountMax ? amount : undefined;
}

/** True for a bigint that fits an amount. */
export function isAmount(value: unknown): value is bigint {
  return typeof value === 'bigint' && value >= 0n && value <= amountMax;
}

const aitText = /^(0|[1-9][0-9]{0,10})(?:\.([0-9]{1,9}))?$/;

/** Nait of a human amount in AIT such as `1.5`, or undefined. For input of people only. */
export function naitFromAit(text: string): bigint | undefined {
  const match = aitText.exec(text);
  if (!match) return undefined;
  const amount = BigInt(match[1] ?? '0') * naitPerAit + BigInt((match[2] ?? '').padEnd(9, '0'));
  return amount <= amountMax ? amount : undefined;
}

/** Human form of an amount in AIT without trailing zeros: `1.5`, `0.000000042`. */
export function aitFromNait(amountNait: bigint): string {
  const sign = amountNait < 0n ? '-' : '';
  const size = amountNait < 0n ? -amountNait : amountNait;
  const fraction = (size % naitPerAit).toString().padStart(9, '0').replace(/0+$/, '');
  return `${sign}${size / naitPerAit}${fraction ? `.${fraction}` : ''}`;
}
