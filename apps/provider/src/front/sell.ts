/**
 * The paid routes: body → terms → job → answer, in every dialect that is sold, and for answers that another provider
 * began. What is sold is decided by the strict schemas of the dialects; nothing of a body is forwarded.
 */
import { utf8 } from '@aitbc/primitives';
import {
  type AnswerWriter,
  AppError,
  accept,
  addressOf,
  dialectForms,
  limits,
  paymentHeaders,
  providerEndpoints,
  type Resume,
  readBody,
} from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { JobDesk, TakenJob, TakeVerdict } from '../jobs/take-job.ts';
import type { OfferBook, StandingOffer } from '../offers/offer-book.ts';
import { oneShotCallOf } from '../oneshot/one-shot-call.ts';
import type { OneShots } from '../oneshot/one-shots.ts';
import {
  type Asking,
  chatDoor,
  type Door,
  embedDoor,
  kindOf,
  mostOf,
  requestOf,
  soldDialects,
  soldEmbedDialects,
} from './asking.ts';
import { collectAnswer } from './collect-answer.ts';
import { type Exchange, sendError } from './exchange.ts';
import { fromFramework } from './front-errors.ts';
import { errorOfRefusal, paymentTerms, type Unpaid } from './payment-terms.ts';
import { finishOf, streamAnswer } from './stream-answer.ts';

/** Header of x402 version 1: refused, so that no two payments can travel with one call. */
const oldPaymentHeader = 'x-payment';
const jobHeader = 'x-aitbc-job';

export interface SellDeps {
  readonly desk: Pick<JobDesk, 'take'>;
  readonly offers: Pick<OfferBook, 'current'>;
  readonly oneShots: Pick<OneShots, 'exchange' | 'terms'>;
  readonly log: Log;
  readonly nowMs: () => number;
}

/** Mounts all paid routes. */
export function mountPaidRoutes(app: FastifyInstance, deps: SellDeps): void {
  const doors = [...soldDialects.map(chatDoor), ...soldEmbedDialects.map(embedDoor)];
  for (const door of doors) {
    mountDoor(app, deps, {
      ...door,
      saleOf: ({ body, rawBody }) => ({
        asking: door.read(body),
        body: rawBody ?? new Uint8Array(0),
      }),
    });
  }
  const openai = chatDoor('openai');
  const { path, input } = providerEndpoints.resume;
  mountDoor(app, deps, {
    ...openai,
    path,
    saleOf(request) {
      const { body, resume } = readBody(input, request.body);
      return { asking: openai.read(jsonOf(body)), body: utf8(body), resume };
    },
  });
}

/** What is bought: a call that was understood, and the bytes that its payment signs. */
interface Sale {
  readonly asking: Asking;
  readonly body: Uint8Array;
  readonly resume?: Resume;
}

interface PaidDoor extends Pick<Door, 'path' | 'errorBody'> {
  saleOf(request: FastifyRequest): Sale;
}

function mountDoor(
  app: FastifyInstance,
  deps: SellDeps,
  { path, errorBody, saleOf }: PaidDoor,
): void {
  const exchangeOf = (request: FastifyRequest, reply: FastifyReply): Exchange => {
    return { request, reply, log: deps.log, errorBody };
  };
  app.post(path, {
    handler: (request, reply) => sell(exchangeOf(request, reply), saleOf(request), deps),
    errorHandler: (error, request, reply) => {
      sendError(exchangeOf(request, reply), fromFramework(error, limits.bodyBytes));
    },
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AppError('BAD_REQUEST', { reason: 'body: it is not JSON' }, { cause: error });
  }
}

async function sell(exchange: Exchange, sale: Sale, deps: SellDeps): Promise<FastifyReply> {
  const { request, reply } = exchange;
  const { model } = requestOf(sale.asking);
  const offer = deps.offers.current(model);
  if (!offer?.payload.serves.includes(kindOf(sale.asking))) {
    throw new AppError('MODEL_UNKNOWN', { model });
  }
  const payment = paymentOf(request);
  const unpaid = (): Unpaid => unpaidOf(exchange, { offer, sale, deps });
  if (payment === undefined) return sendUnpaid(exchange, unpaid());
  const taken = await take(sale, payment, deps);
  if (!taken.ok) {
    const { corrective } = taken;
    const error = errorOfRefusal(taken);
    if (error.row.httpStatus !== 402) return sendError(exchange, error);
    return sendUnpaid(exchange, { ...unpaid(), error, corrective });
  }
  void reply.headers(paidHeaders(taken.value));
  return deliver(exchange, sale, { taken: taken.value, nowMs: deps.nowMs() });
}

/** A payment by one transfer is changed into a voucher first; it buys whole answers, not the rest of one. */
async function take(
  { asking, body, resume }: Sale,
  header: string,
  { desk, oneShots }: SellDeps,
): Promise<TakeVerdict> {
  const call = oneShotCallOf(asking, body);
  const exchanged = resume ? accept(header) : await oneShots.exchange(header, call);
  if (!exchanged.ok) return exchanged;
  const payment = exchanged.value;
  if (asking.kind === 'embed') return desk.take({ embed: asking.request, body, payment });
  return desk.take({ request: asking.asked.request, body, payment, resume });
}

/** Value of the payment header, undefined without one. Throws PAYMENT_MALFORMED for more than one. */
function paymentOf({ headers }: FastifyRequest): string | undefined {
  const value = headers[paymentHeaders.signature];
  const isDouble = Array.isArray(value) || value?.includes(',') || headers[oldPaymentHeader];
  if (isDouble) throw new AppError('PAYMENT_MALFORMED', { reason: 'there must be exactly one' });
  return value as string | undefined;
}

interface Wanted {
  readonly offer: StandingOffer;
  readonly sale: Sale;
  readonly deps: SellDeps;
}

function unpaidOf({ request }: Exchange, { offer, sale, deps }: Wanted): Unpaid {
  const { asking, body, resume } = sale;
  const most = mostOf(offer, asking);
  const error = new AppError('PAYMENT_REQUIRED', { amount: most });
  const { callExtra, others } = deps.oneShots.terms(offer, oneShotCallOf(asking, body));
  const path = request.routeOptions.url ?? '';
  return { error, offer, most, path, callExtra, others: resume ? [] : others };
}

function sendUnpaid(exchange: Exchange, unpaid: Unpaid): FastifyReply {
  const { headers, x402 } = paymentTerms(unpaid);
  void exchange.reply.headers(headers);
  return sendError(exchange, unpaid.error, { x402 });
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

interface Delivery {
  readonly taken: TakenJob;
  readonly nowMs: number;
}

async function deliver(
  exchange: Exchange,
  { asking, resume }: Sale,
  { taken, nowMs }: Delivery,
): Promise<FastifyReply> {
  if (asking.kind === 'embed') return sendVectors(exchange, asking, taken);
  const { dialect, asked } = asking;
  const { jobId } = taken;
  const { model, stream } = asked.request;
  const subject = { jobId, model, createdMs: nowMs, includeUsage: asked.includeUsage };
  const words = dialectForms[dialect].writer(subject);
  if (stream || resume) return streamAnswer(exchange, taken.answer, words);
  return sendWhole(exchange, taken, words);
}

async function sendWhole(
  exchange: Exchange,
  taken: TakenJob,
  words: AnswerWriter,
): Promise<FastifyReply> {
  const answer = await readWhole(exchange, taken);
  if (!answer) return exchange.reply;
  const { text, end, receipts } = answer;
  return exchange.reply.send(words.whole(text, { ...finishOf(end), receipts }));
}

async function sendVectors(
  exchange: Exchange,
  { form, parsed, request }: Extract<Asking, { kind: 'embed' }>,
  taken: TakenJob,
): Promise<FastifyReply> {
  const answer = await readWhole(exchange, taken);
  if (!answer) return exchange.reply;
  const { text, end, receipts } = answer;
  const { promptTokens, durationMs } = end;
  const vectors = JSON.parse(text) as number[][];
  const { model } = request;
  return exchange.reply.send(
    form.whole({ model, vectors, promptTokens, durationMs, receipts }, parsed),
  );
}

/** The answer when it ended well; otherwise the reply has been sent, or its reader is gone. */
async function readWhole(exchange: Exchange, { answer: log }: TakenJob) {
  const { reply } = exchange;
  const { whole, leave } = collectAnswer(log);
  reply.raw.once('close', leave);
  if (reply.raw.destroyed) leave();
  const answer = await whole;
  if (!answer) {
    void reply.hijack();
    return undefined;
  }
  if (!answer.error) return answer;
  sendError(exchange, answer.error, { x_aitbc_receipts: answer.receipts });
  return undefined;
}
