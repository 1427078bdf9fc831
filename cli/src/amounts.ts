/** Amounts as people write and read them: AIT by default, whole nait with `--nait`. */
import { aitFromNait, amountFromText, naitFromAit } from '@aitbc/primitives';
import { AppError } from '@aitbc/protocol/errors';

/** Nait of what the user typed. Throws CLI_USAGE, or AMOUNT_INVALID with `isNait`. */
export function amountFromInput(text: string, isNait: boolean): bigint {
  if (isNait) return naitOf(text);
  const amount = naitFromAit(text);
  if (amount !== undefined) return amount;
  const reason = `"${text.slice(0, 40)}" is not an amount of AIT. Write it like 1.5, with at most 9 digits behind the point, or give whole nait with --nait.`;
  throw new AppError('CLI_USAGE', { reason });
}

function naitOf(text: string): bigint {
  const amount = amountFromText(text);
  if (amount === undefined) throw new AppError('AMOUNT_INVALID', { got: text.slice(0, 40) });
  return amount;
}

/** `1.5 AIT` of an amount in nait, bigint or decimal string. */
export function aitText(amountNait: bigint | string): string {
  return `${aitFromNait(typeof amountNait === 'string' ? naitOf(amountNait) : amountNait)} AIT`;
}
