/** What running and submitting have in common: the job's identity, and one offer after the other. */
import {
  AppError,
  asAppError,
  bodyDigestOf,
  type ErrorCode,
  type Hex,
  isIdempotencyKey,
  jobIdOf,
  limits,
  type Network,
} from '@aitbc/protocol';
import type { BuyerLog } from '../books/log.ts';
import type { Candidate, Discovery } from '../offers/discover-offers.ts';
import type { BuyCall } from './types.ts';

/** Errors that another provider would answer with as well, or that are the caller's own. */
const finalCodes: readonly ErrorCode[] = [
  'BAD_REQUEST',
  'BUDGET_EXCEEDED',
  'CANCELLED',
  'ENGINE_BAD_REQUEST',
  'FIELD_UNSUPPORTED',
  'INTERNAL',
  'PAYLOAD_TOO_LARGE',
  'STORE_CORRUPT',
];

/** Id of the job that a call is. Throws BAD_REQUEST for a key that cannot name one. */
export function jobOf(
  network: Network,
  payer: Hex,
  { body, idempotencyKey }: BuyCall,
): { jobId: Hex; bodyDigest: Hex } {
  if (!isIdempotencyKey(idempotencyKey)) {
    const reason = `the idempotency key must be 1 to ${limits.idempotencyKeyBytes} bytes`;
    throw new AppError('BAD_REQUEST', { reason });
  }
  const bodyDigest = bodyDigestOf(body);
  return { bodyDigest, jobId: jobIdOf(network, { payer, idempotencyKey, bodyDigest }) };
}

/** Whom to try. */
export interface Trying {
  readonly discovery: Discovery;
  readonly log: BuyerLog;
  readonly call: BuyCall;
}

/** The first attempt that succeeds, in the offers' rank. Throws NO_OFFER or the last failure. */
export async function tryOffers<T>(
  { discovery, log, call }: Trying,
  attempt: (candidate: Candidate) => Promise<T>,
): Promise<T> {
  const { model } = call.request;
  const candidates = await discovery.find(model, call.signal);
  let failure = new AppError('NO_OFFER', { model, reason: 'no provider took the job' });
  for (const candidate of candidates.slice(0, limits.jobAttempts)) {
    try {
      return await attempt(candidate);
    } catch (error) {
      failure = asAppError(error);
      if (finalCodes.includes(failure.code) || isPaidEnd(failure)) throw error;
      const { code, facts } = failure;
      log.info({ ...facts, code, provider: candidate.provider }, 'an offer failed');
      discovery.forget(model);
    }
  }
  throw failure;
}

/** A job that ended and was paid in full is not bought a second time from somebody else. */
function isPaidEnd({ code, facts }: AppError): boolean {
  return code === 'JOB_ENDED' && facts.outcome !== 'provider_error';
}
