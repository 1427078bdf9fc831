/** Values of options: `parse` functions for option tables. */
import { AppError } from '@aitbc/protocol/errors';

/** A whole number above zero. Throws CLI_USAGE. */
export function positiveInteger(text: string, flag: string): number {
  const value = Number(text);
  if (/^[0-9]+$/.test(text) && Number.isSafeInteger(value) && value > 0) return value;
  throw new AppError('CLI_USAGE', { reason: `${flag} ${text}: a whole number above 0 is needed.` });
}

/** A whole number from 0 on. Throws CLI_USAGE. */
export function wholeNumber(text: string, flag: string): number {
  const value = Number(text);
  if (/^[0-9]+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new AppError('CLI_USAGE', { reason: `${flag} ${text}: a whole number is needed.` });
}

/** A number from 0, such as 0.7. Throws CLI_USAGE. */
export function decimal(text: string, flag: string): number {
  if (/^[0-9]+(\.[0-9]+)?$/.test(text)) return Number(text);
  throw new AppError('CLI_USAGE', { reason: `${flag} ${text}: a number such as 0.7 is needed.` });
}
