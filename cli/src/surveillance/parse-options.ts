/** Values of options that several commands of the group have. */
import { AppError } from '@aitbc/protocol';

/** A number within bounds. Throws CLI_USAGE. */
export function countUpTo(max: number) {
  return (text: string, flag: string): number => {
    const count = Number(text);
    if (Number.isInteger(count) && count >= 1 && count <= max) return count;
    throw new AppError('CLI_USAGE', { reason: `${flag} must be a number from 1 to ${max}` });
  };
}
