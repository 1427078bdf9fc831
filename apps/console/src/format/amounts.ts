/** Money as people read it. Amounts are nait (1 AIT is 10⁹ of them), as decimal strings or bigint, and never pass a float. */

const naitPerAit = 1_000_000_000n;
const decimalsOfAit = 9;
/** From here on thousandths of an AIT say more than nait do. */
const aitFrom = 100_000n;

/** A number with its unit. */
export interface Told {
  readonly value: string;
  readonly unit: 'AIT' | 'nait';
}

/** Whole digits in groups of three. */
export function grouped(digits: bigint | number | string): string {
  return String(digits).replace(/\B(?=(\d{3})+(?!\d))/g, ' ');
}

/** An amount in the unit that fits it; nothing is rounded below a nait, AIT show four significant decimals at most. */
export function toldAmount(amountNait: bigint | string): Told {
  const amount = BigInt(amountNait);
  const size = amount < 0n ? -amount : amount;
  const sign = amount < 0n ? '-' : '';
  if (size < aitFrom) return { value: sign + grouped(size), unit: 'nait' };
  return { value: sign + aitText(size), unit: 'AIT' };
}

/** The exact amount in AIT, for a title or a copy. */
export function exactAit(amountNait: bigint | string): string {
  const amount = BigInt(amountNait);
  const size = amount < 0n ? -amount : amount;
  const fraction = (size % naitPerAit).toString().padStart(decimalsOfAit, '0').replace(/0+$/, '');
  return `${amount < 0n ? '-' : ''}${size / naitPerAit}${fraction === '' ? '' : `.${fraction}`}`;
}

/** One line of text: `4 350 nait`, `1.25 AIT`. */
export function amountText(amountNait: bigint | string): string {
  const { value, unit } = toldAmount(amountNait);
  return `${value} ${unit}`;
}

/** A price per million tokens, given in nait per million. */
export function priceText(perMTokNait: bigint | string): string {
  return exactAit(perMTokNait);
}

/** Decimals of AIT: enough for four significant digits, cut and not rounded up. */
function aitText(size: bigint): string {
  const whole = size / naitPerAit;
  const fraction = (size % naitPerAit).toString().padStart(decimalsOfAit, '0');
  const zeros = fraction.length - fraction.replace(/^0+/, '').length;
  const kept = whole >= 1_000n ? 0 : whole > 0n ? 3 : zeros + 4;
  const shown = fraction.slice(0, kept).replace(/0+$/, '');
  return `${grouped(whole)}${shown === '' ? '' : `.${shown}`}`;
}
