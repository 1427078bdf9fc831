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
  decodePaymentHeader,
  dialectForms,
  limits,
  paymentHeaders,
  providerEndpoints,
  type Resume,
  readBody,
} from '@aitbc/protocol';
import {
  type DirectCall,
  type DirectExchange,
  type Http,
  type Log,
  sendJson,
} from '@aitbc/service';
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
import { type Collected, collectAnswer } from './collect-answer.ts';
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
export function mountPaidRoutes(http: Pick<Http, 'direct'>, deps: SellDeps): void {
  const doors = [...soldDialects.map(chatDoor), ...soldEmbedDialects.map(embedDoor)];
  for (const door of doors) {
    mountDoor(http, deps, {
      ...door,
      saleOf: ({ body, rawBody }) => ({ asking: door.read(body), body: rawBody }),
    });
  }
  const openai = chatDoor('openai');
  const { path, input } = providerEndpoints.resume;
  mountDoor(http, deps, {
    ...openai,
    path,
    saleOf(call) {
      const { body, resume } = readBody(input, call.body);
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
  saleOf(call: DirectCall): Sale;
}

function mountDoor(
  http: Pick<Http, 'direct'>,
  deps: SellDeps,
  { path, errorBody, saleOf }: PaidDoor,
): void {
  const { log } = deps;
  const shop: Shop = { path, ...deps };
  const exchangeOf = ({ request, response, requestId, headers }: DirectExchange): Exchange => {
    return { request, response, requestId, headers, log, errorBody };
  };
  http.direct({
    path,
    handle: (call) => sell(exchangeOf(call), saleOf(call), shop),
    fail(exchange, error) {
      sendError(exchangeOf(exchange), fromFramework(error, limits.bodyBytes));
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

interface Shop extends SellDeps {
  /** Path of the call. */
  readonly path: string;
}

async function sell(exchange: Exchange, sale: Sale, shop: Shop): Promise<void> {
  const { model } = requestOf(sale.asking);
  const offer = shop.offers.current(model);
  if (!offer?.payload.serves.includes(kindOf(sale.asking))) {
    throw new AppError('MODEL_UNKNOWN', { model });
  }
  const payment = paymentOf(exchange);
  const unpaid = (): Unpaid => unpaidOf({ offer, sale, shop });
  if (payment === undefined) {
    sendUnpaid(exchange, unpaid());
    return;
  }
  const taken = await take(sale, payment, shop);
  if (taken.ok) {
    await deliver(exchange, sale, { taken: taken.value, nowMs: shop.nowMs() });
    return;
  }
  const { corrective } = taken;
  const error = errorOfRefusal(taken);
  if (error.row.httpStatus === 402) sendUnpaid(exchange, { ...unpaid(), error, corrective });
  else sendError(exchange, error);
}

/** A payment by one transfer is changed into a voucher first; it buys whole answers, not the rest of one. */
async function take(
  { asking, body, resume }: Sale,
  header: string,
  { desk, oneShots }: SellDeps,
): Promise<TakeVerdict> {
  const decoded = decodePaymentHeader(header);
  if (!decoded.ok) return decoded;
  const exchanged = resume
    ? accept(decoded.value)
    : await oneShots.exchange(decoded.value, () => oneShotCallOf(asking, body));
  if (!exchanged.ok) return exchanged;
  const payment = { decoded: exchanged.value };
  if (asking.kind === 'embed') return desk.take({ embed: asking.request, body, payment });
  return desk.take({ request: asking.asked.request, body, payment, resume });
}

/** Value of the payment header, undefined without one. Throws PAYMENT_MALFORMED for more than one. */
function paymentOf({ request: { headers } }: Exchange): string | undefined {
  const value = headers[paymentHeaders.signature];
  const isDouble = Array.isArray(value) || value?.includes(',') || headers[oldPaymentHeader];
  if (isDouble) throw new AppError('PAYMENT_MALFORMED', { reason: 'there must be exactly one' });
  return value as string | undefined;
}

interface Wanted {
  readonly offer: StandingOffer;
  readonly sale: Sale;
  readonly shop: Shop;
}

function unpaidOf({ offer, sale, shop }: Wanted): Unpaid {
  const { asking, body, resume } = sale;
  const most = mostOf(offer, asking);
  const error = new AppError('PAYMENT_REQUIRED', { amount: most });
  const { callExtra, others } = shop.oneShots.terms(offer, oneShotCallOf(asking, body));
  return { error, offer, most, path: shop.path, callExtra, others: resume ? [] : others };
}

function sendUnpaid(exchange: Exchange, unpaid: Unpaid): void {
  const { headers, x402 } = paymentTerms(unpaid);
  sendError(exchange, unpaid.error, { headers, body: { x402 } });
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

function deliver(
  exchange: Exchange,
  { asking, resume }: Sale,
  { taken, nowMs }: Delivery,
): Promise<void> | void {
  const { jobId, answer } = taken;
  if (asking.kind === 'embed') {
    return sendWhole(exchange, taken, ({ text, end, receipts }) => {
      const { form, parsed, request } = asking;
      const { promptTokens, durationMs } = end;
      const vectors = JSON.parse(text) as number[][];
      const { model } = request;
      return form.whole({ model, vectors, promptTokens, durationMs, receipts }, parsed);
    });
  }
  const { dialect, asked } = asking;
  const { model, stream } = asked.request;
  const subject = { jobId, model, createdMs: nowMs, includeUsage: asked.includeUsage };
  const words: AnswerWriter = dialectForms[dialect].writer(subject);
  if (stream || resume) {
    return streamAnswer(exchange, answer, { words, headers: paidHeaders(taken) });
  }
  return sendWhole(exchange, taken, ({ text, end, receipts }) =>
    words.whole(text, { ...finishOf(end), receipts }),
  );
}

/** Sends an answer that has ended, or its error; nothing to a reader that is gone. */
async function sendWhole(
  exchange: Exchange,
  taken: TakenJob,
  bodyOf: (answer: Collected) => Record<string, unknown>,
): Promise<void> {
  const { response } = exchange;
  const { whole, leave } = collectAnswer(taken.answer);
  response.once('close', leave);
  if (response.destroyed) leave();
  const answer = await whole;
  if (!answer) return;
  const headers = paidHeaders(taken);
  if (answer.error) {
    const body = { x_aitbc_receipts: answer.receipts };
    sendError(exchange, answer.error, { headers, body });
    return;
  }
  sendJson(exchange, { status: 200, headers, text: JSON.stringify(bodyOf(answer)) });
}
