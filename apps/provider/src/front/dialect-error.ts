/** Errors in the shape that clients of a dialect read. Our code and facts travel along. */
import { AppError, asAppError, type Dialect, errorBodyOf } from '@aitbc/protocol';

/** Body of an error. `extra` stands beside it: payment terms of a 402. */
export function dialectErrorBody(
  dialect: Dialect,
  error: AppError,
  extra: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const { code, message, facts } = errorBodyOf(error);
  if (dialect !== 'openai') return { error: message, code, facts, ...extra };
  return { error: { message, type: typeOf(error), code, param: null, facts }, ...extra };
}

/** The kinds of errors that OpenAI's clients tell apart. */
function typeOf({ row }: AppError): string {
  if (row.httpStatus === 402) return 'payment_required';
  if (row.httpStatus === 429) return 'rate_limit_error';
  return row.httpStatus >= 500 ? 'server_error' : 'invalid_request_error';
}

/** Headers that go with an error. */
export function errorHeaders({ facts }: AppError): Record<string, string> {
  const { retryAfterSeconds } = facts;
  const common = {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
  };
  if (typeof retryAfterSeconds !== 'number') return common;
  return { ...common, 'retry-after': String(retryAfterSeconds) };
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
