/** Errors over HTTP: `application/problem+json` (RFC 9457) with our code and facts. */
import { STATUS_CODES } from 'node:http';
import { AppError, asAppError, errorBodyOf, limits } from '@aitbc/protocol';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from '../log.ts';
import type { JsonAnswer } from './direct.ts';

/** The answer to a refused or failed request. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly facts: Record<string, string | number | boolean | null>;
  readonly requestId: string;
}

export const problemType = 'application/problem+json; charset=utf-8';

/** The problem document of an error; what is unknown becomes INTERNAL without its text. */
export function problemOf(error: unknown, requestId: string): Problem {
  const known = asAppError(error);
  const { code, message, facts } = errorBodyOf(known);
  return {
    type: `urn:aitbc:error:${code}`,
    title: STATUS_CODES[known.row.httpStatus] ?? code,
    status: known.row.httpStatus,
    detail: message,
    code,
    facts,
    requestId,
  };
}

interface FrameworkError {
  readonly code?: unknown;
  readonly statusCode?: unknown;
  readonly message?: unknown;
}

/** Our error for one of the framework's own: too large, malformed, wrong type. */
export function fromFramework(
  error: unknown,
  request: Pick<FastifyRequest, 'headers'> & Partial<Pick<FastifyRequest, 'routeOptions'>>,
): unknown {
  const { code, statusCode, message } = (error ?? {}) as FrameworkError;
  if (error instanceof AppError) return error;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    const sizeBytes = Number(request.headers['content-length'] ?? 0);
    const limitBytes = request.routeOptions?.bodyLimit ?? limits.bodyBytes;
    return new AppError(
      'PAYLOAD_TOO_LARGE',
      { sizeBytes: sizeBytes || 'more', limitBytes },
      { cause: error },
    );
  }
  if (statusCode === 429) {
    return new AppError('RATE_LIMITED', { retryAfterSeconds: 60 }, { cause: error });
  }
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    return new AppError('BAD_REQUEST', { reason: String(message) }, { cause: error });
  }
  return error;
}

interface Refused {
  readonly requestId: string;
  readonly log: Log;
}

/** The problem document of an error as an answer. A bug is logged as error; a refusal, however frequent, as debug. */
export function problemAnswer(error: unknown, { requestId, log }: Refused): JsonAnswer {
  const problem = problemOf(error, requestId);
  const { status, code, detail, facts } = problem;
  const fields = { code, requestId };
  if (code === 'INTERNAL') log.error({ ...fields, err: error }, 'request failed');
  else if (log.isLevelEnabled('debug')) log.debug({ ...fields, detail }, 'refused');
  const { retryAfterSeconds: wait } = facts;
  const retry = typeof wait === 'number' ? { 'retry-after': String(wait) } : {};
  const headers = { ...retry, 'content-type': problemType };
  return { status, headers, text: JSON.stringify(problem) };
}

/** Sends the problem document of an error. */
export function sendProblem(
  error: unknown,
  { request, reply, log }: { request: FastifyRequest; reply: FastifyReply; log: Log },
): void {
  const known = fromFramework(error, request);
  const { status, headers, text } = problemAnswer(known, { requestId: request.id, log });
  void reply
    .status(status)
    .headers({ ...headers })
    .send(text);
}
