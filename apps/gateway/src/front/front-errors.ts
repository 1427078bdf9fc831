/** Errors in the shape that the clients of a dialect read. */
import { AppError, asAppError, limits } from '@aitbc/protocol';
import type { JsonAnswer, Log } from '@aitbc/service';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Turns an error into the body of a dialect. */
export type ErrorBody = (error: AppError) => Record<string, unknown>;

interface FrameworkError {
  readonly code?: unknown;
  readonly statusCode?: unknown;
  readonly message?: unknown;
}

/** Our error for what the HTTP framework refuses before a handler runs. */
export function fromFramework(error: unknown): AppError {
  const { code, statusCode, message } = error as FrameworkError;
  const known = asAppError(error);
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    const { bodyBytes: limitBytes } = limits;
    return new AppError('PAYLOAD_TOO_LARGE', { sizeBytes: 'more', limitBytes }, { cause: error });
  }
  const isRefusal = typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500;
  if (known.code !== 'INTERNAL' || !isRefusal) return known;
  return new AppError('BAD_REQUEST', { reason: String(message) }, { cause: error });
}

/**
 * An error in one dialect. Stock clients repeat a call when `x-should-retry` says so, and only then: their own guess by
 * status would repeat what can never succeed.
 */
export function answerOfError(error: unknown, bodyOf: ErrorBody, log: Log): Required<JsonAnswer> {
  const known = fromFramework(error);
  if (known.code === 'INTERNAL') log.error({ err: error }, 'a call failed');
  const { retryAfterSeconds } = known.facts;
  const retry =
    typeof retryAfterSeconds === 'number' ? { 'retry-after': String(retryAfterSeconds) } : {};
  return {
    status: known.row.httpStatus,
    headers: { ...retry, 'x-should-retry': String(known.row.retryable) },
    text: JSON.stringify(bodyOf(known)),
  };
}

/** An error handler of the framework's routes in one dialect. */
export function errorHandlerOf(bodyOf: ErrorBody, log: Log) {
  return (error: unknown, _request: FastifyRequest, reply: FastifyReply): void => {
    const { status, headers, text } = answerOfError(error, bodyOf, log);
    void reply
      .status(status)
      .headers({ ...headers })
      .type('application/json')
      .send(text);
  };
}

/** An answer for unknown paths in the words of a dialect. */
export function notFoundHandlerOf(bodyOf: ErrorBody) {
  return ({ method, url }: FastifyRequest, reply: FastifyReply): void => {
    const what = `path ${method} ${url.split('?')[0]?.slice(0, 200)}`;
    const error = new AppError('NOT_FOUND', { what });
    void reply.status(error.row.httpStatus).send(bodyOf(error));
  };
}
