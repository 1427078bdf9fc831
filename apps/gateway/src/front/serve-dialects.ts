/**
 * The calls that are bought, in every dialect: body → job → purchase → answer. What is bought is always a stream, so
 * that it is paid by windows; a client that wants one JSON value gets it when the stream has ended. When the
 * client leaves, its signal ends the purchase at once.
 */
import type { Clock } from '@aitbc/primitives';
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
import type { Log } from '@aitbc/service';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Access } from '../access/access.ts';
import { errorHandlerOf } from './front-errors.ts';
import type { Purchases } from './purchases.ts';
import { writeStream } from './write-stream.ts';

export interface ServeDeps {
  readonly purchases: Purchases;
  readonly access: Pick<Access, 'callerOf'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Mounts the paid calls of all dialects. */
export function mountDialects(app: FastifyInstance, deps: ServeDeps): void {
  for (const dialect of Object.keys(dialectForms) as Dialect[]) {
    const { path, errorBody } = dialectForms[dialect];
    app.post(path, {
      handler: (request, reply) => serveAnswer(dialect, { request, reply }, deps),
      errorHandler: errorHandlerOf(errorBody, deps.log),
    });
  }
  for (const dialect of Object.keys(embedForms) as EmbedDialect[]) {
    const { path, errorBody } = embedForms[dialect];
    app.post(path, {
      handler: (request, reply) => serveVectors(dialect, { request, reply }, deps),
      errorHandler: errorHandlerOf(errorBody, deps.log),
    });
  }
}

interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

async function serveAnswer(
  dialect: Dialect,
  { request, reply }: Exchange,
  { purchases, access, clock }: ServeDeps,
): Promise<FastifyReply> {
  const caller = access.callerOf(request.headers);
  const buy = buyRequestOf(dialect, request.body);
  const { signal, marks } = { signal: leavingOf(reply), marks: marksOf(request) };
  const job = await purchases.answer({ request: buy.request, caller, dialect, marks, signal });
  const writer = writerOf(buy, job, clock.nowMs());
  const headers = {
    [gatewayHeaders.jobId]: job.jobId,
    [gatewayHeaders.provider]: job.offer.provider,
  };
  if (buy.isStream) {
    void reply.hijack();
    await writeStream(reply.raw, job, { writer, headers });
    return reply;
  }
  const { text, end } = await collect(job.events);
  const finish = finishOf(job, end);
  void reply.headers({ ...headers, ...billHeaders(finish.bill) });
  return reply.send(writer.whole(text, finish));
}

async function serveVectors(
  dialect: EmbedDialect,
  { request, reply }: Exchange,
  { purchases, access, clock }: ServeDeps,
): Promise<FastifyReply> {
  const caller = access.callerOf(request.headers);
  const form = embedForms[dialect];
  const body = readBody(form.body, request.body);
  const job = form.read(body);
  const beganMs = clock.nowMs();
  const { signal, marks } = { signal: leavingOf(reply), marks: marksOf(request) };
  const bought = await purchases.vectors({ request: job, caller, dialect, marks, signal });
  const { jobId, vectors, promptTokens, charged, provider } = bought;
  const bill = { charged: charged.toString(), jobId, provider, providers: [provider] };
  void reply.headers({ [gatewayHeaders.jobId]: jobId, ...billHeaders(bill) });
  const durationMs = clock.nowMs() - beganMs;
  return reply.send(
    form.whole({ model: job.model, vectors, promptTokens, durationMs, bill }, body),
  );
}

function billHeaders(bill: AnswerBill | undefined): Record<string, string> {
  if (!bill) return {};
  return { [gatewayHeaders.cost]: bill.charged, [gatewayHeaders.provider]: bill.provider };
}

function marksOf({ headers }: FastifyRequest): RetryMarks {
  return {
    key: textOf(headers['idempotency-key']),
    retryCount: textOf(headers['x-stainless-retry-count']),
  };
}

function textOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

/** Aborts when the client goes away before its answer has ended. */
export function leavingOf({ raw }: FastifyReply): AbortSignal {
  const leaving = new AbortController();
  const gone = (): void => {
    if (!raw.writableFinished) leaving.abort(new AppError('CANCELLED'));
  };
  if (raw.destroyed) gone();
  else raw.once('close', gone);
  return leaving.signal;
}
