/** Errors of the paid routes: headers, and our error for what the HTTP framework refuses. */
import { AppError, asAppError } from '@aitbc/protocol';

/** Headers that go with an error. Stock clients repeat a call when `x-should-retry` says so, and only then. */
export function errorHeaders({ facts, row }: AppError): Record<string, string> {
  const { retryAfterSeconds, retryAfterMs } = facts;
  const common = {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
    'x-should-retry': String(row.retryable),
  };
  if (typeof retryAfterSeconds !== 'number') return common;
  // Stock clients of OpenAI take the finer one where there is one.
  const finer = typeof retryAfterMs === 'number' ? { 'retry-after-ms': String(retryAfterMs) } : {};
  return { ...common, ...finer, 'retry-after': String(retryAfterSeconds) };
}

interface FrameworkError {
  readonly code?: unknown;
  readonly statusCode?: unknown;
  readonly message?: unknown;
}

/** Our error for what the HTTP framework refuses before a handler runs. */
export function fromFramework(error: unknown, limitBytes: number): AppError {
  const { code, statusCode, message } = (error ?? {}) as FrameworkError;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new AppError('PAYLOAD_TOO_LARGE', { sizeBytes: 'more', limitBytes }, { cause: error });
  }
  const isRefusal = typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500;
  if (isRefusal && !(error instanceof AppError)) {
    return new AppError('BAD_REQUEST', { reason: String(message) }, { cause: error });
  }
  return asAppError(error);
}
