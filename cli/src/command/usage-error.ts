/** The error of a wrong use. */
import { AppError } from '@aitbc/protocol/errors';

/** CLI_USAGE with the way to the help of the command. */
export function usageError(message: string, path: readonly string[], cause?: unknown): AppError {
  const text = message.replace(/^error: /, '').replaceAll('\n', ' ');
  const reason = `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.?)]$/.test(text) ? '' : '.'}`;
  const help = ['aitbc', ...path, '--help'].join(' ');
  return new AppError('CLI_USAGE', { reason: `${reason} See: ${help}` }, { cause });
}
