/**
 * The calls that are bought, in every dialect: body → job → purchase → answer. What is bought is always a stream, so
 * that it is paid by windows; a client that wants one JSON value gets it when the stream has ended. When the
 * client leaves, its signal ends the purchase at once.
 *
 * These paths are direct (see the HTTP server), so hooks do not see all calls: the Host header is checked here.
 */

import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { type Clock, elapsedMs } from '@aitbc/primitives';
import {
  type AnswerBill,
  AppError,
  type Dialect,
  dialectForms,
  type EmbedDialect,
  embedForms,
  gatewayHeaders,
  readBody,
} from '@aitbc/protocol';
import { buyRequestOf, collect, finishOf, type RetryMarks, writerOf } from '@aitbc/sdk';
import { type DirectCall, type Http, type Log, sendJson } from '@aitbc/service';
import type { Access } from '../access/access.ts';
import { answerOfError, type ErrorBody } from './front-errors.ts';
import type { Purchases } from './purchases.ts';
import { writeStream } from './write-stream.ts';

export interface ServeDeps {
  readonly purchases: Purchases;
  readonly access: Pick<Access, 'callerOf'>;
  /** Throws FORBIDDEN for a foreign Host header. */
  readonly checkHost: (header: string | undefined) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** Mounts the paid calls of all dialects. */
export function mountDialects(http: Pick<Http, 'direct'>, deps: ServeDeps): void {
  for (const dialect of Object.keys(dialectForms) as Dialect[]) {
    const serve = (call: DirectCall) => serveAnswer(dialect, call, deps);
    mount(http, deps, { ...dialectForms[dialect], serve });
  }
  for (const dialect of Object.keys(embedForms) as EmbedDialect[]) {
    const serve = (call: DirectCall) => serveVectors(dialect, call, deps);
    mount(http, deps, { ...embedForms[dialect], serve });
  }
}

interface Door {
  readonly path: string;
  readonly errorBody: ErrorBody;
  serve(call: DirectCall): Promise<void>;
}

function mount(
  http: Pick<Http, 'direct'>,
  { checkHost, log }: ServeDeps,
  { path, errorBody, serve }: Door,
): void {
  http.direct({
    path,
    handle(call) {
      checkHost(call.request.headers.host);
      return serve(call);
    },
    fail: (exchange, error) => sendJson(exchange, answerOfError(error, errorBody, log)),
  });
}

async function serveAnswer(
  dialect: Dialect,
  call: DirectCall,
  { purchases, access, clock }: ServeDeps,
): Promise<void> {
  const { response } = call;
  const { headers: asked } = call.request;
  const caller = access.callerOf(asked);
  const buy = buyRequestOf(dialect, call.body);
  const { signal, marks } = { signal: leavingOf(response), marks: marksOf(asked) };
  const job = await purchases.answer({ request: buy.request, caller, dialect, marks, signal });
  const writer = writerOf(buy, job, clock.nowMs());
  const headersWith = (more: Readonly<Record<string, string>>) => ({
    [gatewayHeaders.jobId]: job.jobId,
    [gatewayHeaders.provider]: job.offer.provider,
    ...more,
  });
  if (buy.isStream) {
    await writeStream(response, job, { writer, headers: headersWith(call.headers) });
    return;
  }
  const { text, end } = await collect(job.events);
  const finish = finishOf(job, end);
  const body = JSON.stringify(writer.whole(text, finish));
  sendJson(call, { status: 200, text: body, headers: headersWith(billHeaders(finish.bill)) });
}

async function serveVectors(
  dialect: EmbedDialect,
  call: DirectCall,
  { purchases, access, clock }: ServeDeps,
): Promise<void> {
  const { headers: asked } = call.request;
  const caller = access.callerOf(asked);
  const form = embedForms[dialect];
  const body = readBody(form.body, call.body);
  const job = form.read(body);
  const beganMs = clock.nowMs();
  const { signal, marks } = { signal: leavingOf(call.response), marks: marksOf(asked) };
  const bought = await purchases.vectors({ request: job, caller, dialect, marks, signal });
  const { jobId, vectors, promptTokens, charged, provider } = bought;
  const bill = { charged: charged.toString(), jobId, provider, providers: [provider] };
  const headers = { [gatewayHeaders.jobId]: jobId, ...billHeaders(bill) };
  const durationMs = elapsedMs(beganMs, clock.nowMs());
  const whole = form.whole({ model: job.model, vectors, promptTokens, durationMs, bill }, body);
  sendJson(call, { status: 200, headers, text: JSON.stringify(whole) });
}

function billHeaders(bill: AnswerBill | undefined): Record<string, string> {
  if (!bill) return {};
  return { [gatewayHeaders.cost]: bill.charged, [gatewayHeaders.provider]: bill.provider };
}

function marksOf(headers: IncomingHttpHeaders): RetryMarks {
  return {
    key: textOf(headers['idempotency-key']),
    retryCount: textOf(headers['x-stainless-retry-count']),
  };
}

function textOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

/** Aborts when the client goes away before its answer has ended. */
function leavingOf(response: ServerResponse): AbortSignal {
  const leaving = new AbortController();
  const gone = (): void => {
    if (!response.writableFinished) leaving.abort(new AppError('CANCELLED'));
  };
  if (response.destroyed) gone();
  else response.once('close', gone);
  return leaving.signal;
}
