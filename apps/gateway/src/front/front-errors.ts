/** Errors in the shape that the clients of a dialect read. */
import { AppError, asAppError, limits } from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
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
 * An error handler of routes in one dialect. Stock clients repeat a call when `x-should-retry` says so, and only then:
 * their own guess by status would repeat what can never succeed.
 */
export function errorHandlerOf(bodyOf: ErrorBody, log: Log) {
  return (error: unknown, _request: FastifyRequest, reply: FastifyReply): void => {
    const known = fromFramework(error);
    if (known.code === 'INTERNAL') log.error({ err: error }, 'a call failed');
    const { retryAfterSeconds } = known.facts;
    if (typeof retryAfterSeconds === 'number') void reply.header('retry-after', retryAfterSeconds);
    void reply.header('x-should-retry', String(known.row.retryable));
    void reply.status(known.row.httpStatus).send(bodyOf(known));
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
