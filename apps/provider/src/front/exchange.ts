/** One paid call on its way: request, answer, and how its errors look. */
import type { AppError } from '@aitbc/protocol';
import { type DirectExchange, type Log, sendJson } from '@aitbc/service';
import { errorHeaders } from './front-errors.ts';

export interface Exchange extends DirectExchange {
  readonly log: Log;
  errorBody(error: AppError): Record<string, unknown>;
}

/** What stands in an error besides itself. */
export interface ErrorExtras {
  /** Beside the error in the body: payment terms of a 402, receipts. */
  readonly body?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Sends an error, unless something has left already. */
export function sendError(exchange: Exchange, error: AppError, extras: ErrorExtras = {}): void {
  const { response, log, requestId } = exchange;
  if (error.row.httpStatus >= 500 && error.code !== 'QUEUE_FULL') {
    log.warn({ err: error, code: error.code, requestId }, 'a paid call failed');
  }
  if (response.headersSent || response.destroyed) return;
  const text = JSON.stringify({ ...exchange.errorBody(error), ...extras.body });
  const headers = { ...errorHeaders(error), ...extras.headers };
  sendJson(exchange, { status: error.row.httpStatus, headers, text });
}
