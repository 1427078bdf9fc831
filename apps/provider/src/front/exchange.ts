/** One paid call on its way: request, reply, and how its errors look. */
import type { AppError } from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { errorHeaders } from './front-errors.ts';

export interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly log: Log;
  errorBody(error: AppError): Record<string, unknown>;
}

/** Sends an error; `extra` stands beside it in the body: payment terms of a 402, receipts. */
export function sendError(
  { request, reply, log, errorBody }: Exchange,
  error: AppError,
  extra: Readonly<Record<string, unknown>> = {},
): FastifyReply {
  if (error.row.httpStatus >= 500 && error.code !== 'QUEUE_FULL') {
    log.warn({ err: error, code: error.code, requestId: request.id }, 'a paid call failed');
  }
  void reply.status(error.row.httpStatus).headers(errorHeaders(error));
  return reply.send(JSON.stringify({ ...errorBody(error), ...extra }));
}
