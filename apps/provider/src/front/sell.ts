/**
 * The paid routes: body → terms → job → answer, in three dialects.
 *
 * A streamed answer is written straight to the socket. Its head leaves with the first token, so that what
 * fails before still gets an honest status. A client that goes away stops reading along, and the job of
 * the last reader ends.
 */
import type { ServerResponse } from 'node:http';
import {
  AppError,
  addressOf,
  type Dialect,
  dialectPaths,
  type InferenceRequest,
  limits,
  paymentHeaders,
} from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AnswerEvent } from '../jobs/answer-log.ts';
import type { JobDesk, TakenJob } from '../jobs/take-job.ts';
import type { OfferBook, StandingOffer } from '../offers/offer-book.ts';
import type { AnswerForm, AnswerSubject } from './answer-form.ts';
import { createChunkWriter } from './chunk-writer.ts';
import { collectAnswer } from './collect-answer.ts';
import { type DialectBody, readDialectBody } from './dialect-body.ts';
import { dialectErrorBody, errorHeaders, fromFramework } from './dialect-error.ts';
import { ollamaChatForm, ollamaGenerateForm } from './ollama-form.ts';
import { openaiForm } from './openai-form.ts';
import { errorOfRefusal, mostOf, paymentTerms, type Unpaid } from './payment-terms.ts';

/** Header of x402 version 1: refused, so that no two payments can travel with one call. */
const oldPaymentHeader = 'x-payment';
const jobHeader = 'x-aitbc-job';

const forms: Readonly<Record<Dialect, AnswerForm>> = Object.freeze({
  openai: openaiForm,
  'ollama-chat': ollamaChatForm,
  'ollama-generate': ollamaGenerateForm,
});

export interface SellDeps {
  readonly desk: Pick<JobDesk, 'take'>;
  readonly offers: Pick<OfferBook, 'current'>;
  readonly log: Log;
  readonly nowMs: () => number;
}

/** Mounts the paid routes of all dialects. */
export function mountPaidRoutes(app: FastifyInstance, deps: SellDeps): void {
  for (const dialect of Object.keys(forms) as Dialect[]) {
    app.post(dialectPaths[dialect], {
      handler: (request, reply) => sell({ dialect, deps, request, reply }),
      errorHandler: (error, request, reply) => {
        sendError({ dialect, deps, request, reply }, fromFramework(error, limits.bodyBytes));
      },
    });
  }
}

interface Call {
  readonly dialect: Dialect;
  readonly deps: SellDeps;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

async function sell(call: Call): Promise<FastifyReply> {
  const { dialect, deps, request, reply } = call;
  const body = readDialectBody(dialect, request.body);
  const { inference } = body;
  const offer = deps.offers.current(inference.model);
  if (!offer) throw new AppError('MODEL_UNKNOWN', { model: inference.model });
  const payment = paymentOf(request);
  if (payment === undefined) return sendUnpaid(call, unpaidOf(call, offer, inference));
  const taken = await deps.desk.take({
    request: inference,
    body: request.rawBody ?? new Uint8Array(0),
    payment,
  });
  if (!taken.ok) {
    const { corrective } = taken;
    const error = errorOfRefusal(taken);
    const unpaid = { ...unpaidOf(call, offer, inference), error, corrective };
    return error.row.httpStatus === 402 ? sendUnpaid(call, unpaid) : sendError(call, error);
  }
  const subject = subjectOf(body, taken.value, deps.nowMs());
  void reply.headers(paidHeaders(taken.value));
  if (inference.stream) return streamAnswer(call, taken.value, subject);
  return wholeAnswer(call, taken.value, subject);
}

/** Value of the payment header, undefined without one. Throws PAYMENT_MALFORMED for more than one. */
function paymentOf({ headers }: FastifyRequest): string | undefined {
  const value = headers[paymentHeaders.signature];
  const isDouble = Array.isArray(value) || value?.includes(',') || headers[oldPaymentHeader];
  if (isDouble) throw new AppError('PAYMENT_MALFORMED', { reason: 'there must be exactly one' });
  return value as string | undefined;
}

function unpaidOf({ dialect }: Call, offer: StandingOffer, request: InferenceRequest): Unpaid {
  const error = new AppError('PAYMENT_REQUIRED', { amount: mostOf(offer, request) });
  return { error, offer, request, path: dialectPaths[dialect] };
}

function sendUnpaid(call: Call, unpaid: Unpaid): FastifyReply {
  const { headers, x402 } = paymentTerms(unpaid);
  void call.reply.headers(headers);
  return sendError(call, unpaid.error, { x402 });
}

function sendError(
  { dialect, deps, request, reply }: Call,
  error: AppError,
  extra: Readonly<Record<string, unknown>> = {},
): FastifyReply {
  if (error.row.httpStatus >= 500 && error.code !== 'QUEUE_FULL') {
    deps.log.warn({ err: error, code: error.code, requestId: request.id }, 'a paid call failed');
  }
  void reply.status(error.row.httpStatus).headers(errorHeaders(error));
  return reply.send(JSON.stringify(dialectErrorBody(dialect, error, extra)));
}

function subjectOf(body: DialectBody, { jobId }: TakenJob, createdMs: number): AnswerSubject {
  const { inference, includeUsage } = body;
  return { jobId, model: inference.model, createdMs, includeUsage };
}

/** The bill is not known yet: the header names what is reserved, receipts tell the rest. */
function paidHeaders({ jobId, offer, payer, reserved }: TakenJob): Record<string, string> {
  const response = {
    success: true,
    transaction: '',
    network: offer.payload.network,
    payer: addressOf(payer),
    amount: reserved.toString(),
    extra: { jobId, offerId: offer.offerId, chargedAmount: reserved.toString() },
  };
  return {
    [paymentHeaders.response]: Buffer.from(JSON.stringify(response)).toString('base64'),
    [jobHeader]: jobId,
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  };
}

async function wholeAnswer(
  call: Call,
  taken: TakenJob,
  subject: AnswerSubject,
): Promise<FastifyReply> {
  const { dialect, reply } = call;
  const { whole, leave } = collectAnswer(taken.answer);
  reply.raw.once('close', leave);
  if (reply.raw.destroyed) leave();
  const answer = await whole;
  if (!answer) return reply.hijack();
  if (answer.error) return sendError(call, answer.error, { x_aitbc_receipts: answer.receipts });
  return reply.send(forms[dialect].whole(subject, answer));
}

function streamAnswer(call: Call, taken: TakenJob, subject: AnswerSubject): FastifyReply {
  const { dialect, reply } = call;
  const { raw } = reply;
  const form = forms[dialect];
  const encode = form.stream(subject);
  const writer = createChunkWriter(raw, taken.answer.drained);
  const head = { ...reply.getHeaders(), 'content-type': form.contentType };
  void reply.hijack();
  let early: string[] | undefined = [];
  const begin = (): void => {
    if (!early || raw.destroyed) return;
    raw.writeHead(200, head as Record<string, string>);
    for (const text of early) writer.push(text);
    early = undefined;
  };
  const onEvent = (event: AnswerEvent): void => {
    if (early && event.type === 'error') {
      endWithError(call, raw, event.error);
      return;
    }
    if (event.type !== 'receipt') begin();
    const text = encode(event);
    if (early) early.push(text);
    else writer.push(text);
    if (event.type === 'end' || event.type === 'error') writer.end();
  };
  const unfollow = taken.answer.follow({ onEvent, isFull: writer.isFull });
  raw.once('close', unfollow);
  if (raw.destroyed) unfollow();
  return reply;
}

/** Nothing has left yet: the error gets its own status. */
function endWithError({ dialect, reply }: Call, raw: ServerResponse, error: AppError): void {
  if (raw.destroyed) return;
  const headers = { ...reply.getHeaders(), ...errorHeaders(error) } as Record<string, string>;
  raw.writeHead(error.row.httpStatus, headers);
  raw.end(JSON.stringify(dialectErrorBody(dialect, error)));
}
