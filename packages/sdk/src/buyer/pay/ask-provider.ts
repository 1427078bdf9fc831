/** Sends a paid request and waits for the head of its answer; mends what the provider's books can mend. */
import {
  AppError,
  asAppError,
  dialectPaths,
  type ErrorCode,
  type JobKind,
  paymentHeaders,
  providerEndpoints,
} from '@aitbc/protocol';
import { pause } from '../../chain/pause.ts';
import { baseOf, errorOfAnswer } from '../../http/client.ts';
import { type HttpAnswer, readText } from '../../http/transport.ts';
import type { BuyerParts } from '../types.ts';
import { adoptCorrective } from './adopt-corrective.ts';
import { type AskedStart, type AttemptPlan, type PaidStart, startHeader } from './pay-job.ts';

const silenceMs = 45_000; // longer than a provider waits for a voucher
const errorBytesMax = 65_536;
const mirrorRetries = 20;
const mirrorRetryMs = 100;

/** Refusals that prove that this request was not admitted; an earlier one of the same job may have been. */
const refusalCodes: readonly ErrorCode[] = [
  'BAD_REQUEST',
  'NOT_FOUND',
  'FORBIDDEN',
  'UNAUTHORIZED',
  'PAYLOAD_TOO_LARGE',
  'RATE_LIMITED',
  'PAYMENT_REQUIRED',
  'PAYMENT_MALFORMED',
  'PAYMENT_NETWORK_WRONG',
  'OFFER_UNKNOWN',
  'OFFER_INVALID',
  'VOUCHER_SIGNATURE_INVALID',
  'VOUCHER_CHANNEL_WRONG',
  'VOUCHER_CHANNEL_CLOSING',
  'VOUCHER_UNDERFUNDED',
  'VOUCHER_BEYOND_BALANCE',
  'VOUCHER_STALE_STATE',
  'VOUCHER_OPEN_CREDIT',
  'CHANNEL_UNKNOWN',
  'CHANNEL_CLOSED',
  'QUEUE_FULL',
  'MODEL_UNKNOWN',
  'FIELD_UNSUPPORTED',
  'RESUME_INVALID',
  'RESUME_UNSUPPORTED',
  'JOB_EXPIRED',
  'MANDATE_REVOKED',
  'MANDATE_EXPIRED',
  'MANDATE_FORBIDDEN',
  'MANDATE_EXCEEDED',
  'RELAY_OFFLINE',
  'RELAY_FULL',
];

/** What only this buyer can know of itself: a provider that says so has failed in some way of its own. */
const ownCodes: readonly ErrorCode[] = [
  'BUDGET_EXCEEDED',
  'CANCELLED',
  'INTERNAL',
  'JOB_STATE_WRONG',
  'STORE_CORRUPT',
];

const paths: Readonly<Record<JobKind, string>> = {
  chat: dialectPaths.openai,
  embed: '/v1/embeddings',
};

/** Failures to connect: the request never left. */
const connectReasons: readonly unknown[] = [
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
];

/** The provider may not have seen the newest block yet, or this book may not. */
const mirrorCodes: readonly ErrorCode[] = [
  'VOUCHER_BEYOND_BALANCE',
  'VOUCHER_CHANNEL_WRONG',
  'VOUCHER_CHANNEL_CLOSING',
  'CHANNEL_UNKNOWN',
  'CHANNEL_CLOSED',
];

/** True when the error proves that the provider did not take the job. */
export function isDefiniteRefusal({ code, facts }: AppError): boolean {
  return (
    refusalCodes.includes(code) || (code === 'UNAVAILABLE' && connectReasons.includes(facts.reason))
  );
}

/** The error of a provider's answer, never one that speaks for this buyer. */
export function errorOfProvider(what: string, error: AppError): AppError {
  if (!ownCodes.includes(error.code)) return error;
  return new AppError('UNAVAILABLE', { what, reason: `it answered ${error.code}` });
}

/** A request that is paid for. */
export interface Asking {
  readonly start: PaidStart;
  readonly signal: AbortSignal;
}

/** The answer with status 200. Throws the provider's refusal, or what kept it from answering. */
export async function askProvider(
  parts: BuyerParts,
  plan: AttemptPlan,
  asking: Asking,
): Promise<HttpAnswer> {
  let hasAdopted = false;
  let again: number | undefined;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await post(parts, plan, { again, start: asking.start, signal: asking.signal });
    } catch (error) {
      const known = asAppError(error);
      if (asking.start.isPaid) throw known;
      if (known.code === 'JOB_EXPIRED' && again === undefined) again = givingUpIn(known);
      else await mend(parts, asking, { error: known, attempt, hasAdopted });
      hasAdopted ||= known.code === 'VOUCHER_UNDERFUNDED';
    }
  }
}

interface Failed {
  readonly error: AppError;
  readonly attempt: number;
  /** The provider's books were taken over before. */
  readonly hasAdopted: boolean;
}

/** Brings the books of both sides together where that is possible. Throws the error where it is not. */
async function mend(
  parts: BuyerParts,
  asking: Asking,
  { error, attempt, hasAdopted }: Failed,
): Promise<void> {
  const { code } = error;
  if (code === 'VOUCHER_UNDERFUNDED' && !hasAdopted) return takeOver(parts, asking.start, error);
  if (!mirrorCodes.includes(code) || attempt >= mirrorRetries) throw error;
  await waitForMirror(parts, asking, error);
}

/** The giving up that a new call comes after. Throws the error itself when it names none. */
function givingUpIn(error: AppError): number {
  const { again } = error.facts;
  if (typeof again !== 'number' || !Number.isSafeInteger(again) || again < 0) throw error;
  return again;
}

async function takeOver(
  parts: BuyerParts,
  { row, need }: PaidStart,
  error: AppError,
): Promise<void> {
  await adoptCorrective(parts, row, error);
  const { channelId } = row;
  if (parts.book.room(channelId) === 0n) await parts.channels.fill(channelId, need);
}

async function post(
  parts: BuyerParts,
  plan: AttemptPlan,
  { start, signal, again }: Asking & Pick<AskedStart, 'again'>,
): Promise<HttpAnswer> {
  const { endpoint } = plan.candidate.offer.payload;
  const payment = await startHeader(parts, plan, { again, ...start });
  const answer = await parts.transport.request({
    method: 'POST',
    ...requestOf(plan, start),
    headers: {
      'content-type': 'application/json',
      [paymentHeaders.signature]: payment,
    },
    timeoutMs: silenceMs,
    signal,
  });
  if (answer.status === 200) return answer;
  const text = await readText(answer, endpoint, errorBytesMax);
  throw errorOfProvider(endpoint, errorOfAnswer(endpoint, answer.status, text));
}

/** The job's own body, or that and what there is of the answer. */
function requestOf(
  { purchase, candidate, progress }: AttemptPlan,
  { row }: PaidStart,
): { url: string; body: string } {
  const base = baseOf(candidate.offer.payload.endpoint);
  const { kind, body } = purchase;
  if (row.from === 0) return { url: base + paths[kind], body };
  const resume = progress.resume();
  return { url: base + providerEndpoints.resume.path, body: JSON.stringify({ body, resume }) };
}

/** Looks at the chain: a closed channel is over, an open one will reach the provider's mirror soon. */
async function waitForMirror(
  parts: BuyerParts,
  { start, signal }: Asking,
  error: AppError,
): Promise<void> {
  const row = await parts.channels.refresh(start.row.channelId);
  if (row.status !== 'open') throw error;
  await pause(mirrorRetryMs, signal);
}
