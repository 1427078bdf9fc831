/** Errors of JSON-RPC answers. */
import { AppError, errorFromBody, isErrorCode } from '@aitbc/protocol';

/** The error inside a JSON-RPC answer: ours travels in `data`. */
export function errorOfRpc(error: unknown): AppError {
  const { data, message } = (error ?? {}) as { data?: { code?: unknown }; message?: unknown };
  if (isErrorCode(data?.code)) return errorFromBody(data);
  return new AppError('INTERNAL', { reason: String(message ?? 'unreadable JSON-RPC error') });
}
