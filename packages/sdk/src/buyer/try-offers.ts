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
import type { CallRow } from '../books/store.ts';
import type { Candidate, Discovery } from '../offers/discover-offers.ts';
import { candidateOf, findFormerCalls } from './former-call.ts';
import type { Settler } from './settle-calls.ts';
import type { BuyCall, BuyerParts } from './types.ts';

/** Errors that another provider would answer with as well, or that are the caller's own. */
const finalCodes: readonly ErrorCode[] = [
  'BAD_REQUEST',
  'BUDGET_EXCEEDED',
  'CANCELLED',
  'ENGINE_BAD_REQUEST',
  'FIELD_UNSUPPORTED',
  'INTERNAL',
  'JOB_STATE_WRONG',
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
  readonly parts: BuyerParts;
  readonly settler: Settler;
  readonly discovery: Discovery;
  readonly call: BuyCall;
  readonly jobId: Hex;
}

/** Runs the call at a provider; with `former` it goes on with what was promised before. */
export type Attempt<T> = (candidate: Candidate, former?: CallRow) => Promise<T>;

/**
 * The first attempt that succeeds: where the job was asked for before, then in the offers' rank, each
 * provider once. Throws NO_OFFER, JOB_ENDED or the last failure.
 */
export async function tryOffers<T>(trying: Trying, attempt: Attempt<T>): Promise<T> {
  const { parts, settler, jobId } = trying;
  const { best, failure, providers } = await findFormerCalls(parts, settler, jobId);
  if (!best) return tryRanked(trying, attempt, { failure, providers });
  try {
    return await attempt(candidateOf(parts, best), best);
  } catch (error) {
    const known = asAppError(error);
    if (best.status === 'settled' || isFinal(known)) throw error;
    return tryRanked(trying, attempt, { failure: known, providers });
  }
}

interface Before {
  readonly failure: AppError | undefined;
  /** Providers that had the job: none gets it twice. */
  readonly providers: ReadonlySet<string>;
}

async function tryRanked<T>(
  { parts, discovery, call }: Trying,
  attempt: Attempt<T>,
  before: Before,
): Promise<T> {
  const { model } = call.request;
  const candidates = await discovery.find(model, call.signal);
  const fresh = candidates.filter(({ provider }) => !before.providers.has(provider));
  if (fresh.length === 0) discovery.forget(model);
  let failure =
    before.failure ?? new AppError('NO_OFFER', { model, reason: 'no provider took the job' });
  for (const candidate of fresh.slice(0, limits.jobAttempts)) {
    try {
      return await attempt(candidate);
    } catch (error) {
      failure = asAppError(error);
      if (isFinal(failure)) throw error;
      const { code, facts } = failure;
      parts.log.info({ ...facts, code, provider: candidate.provider }, 'an offer failed');
      discovery.forget(model);
    }
  }
  throw failure;
}

/** Also: a job that ended and was paid in full is not bought a second time from somebody else. */
function isFinal({ code, facts }: AppError): boolean {
  if (code === 'JOB_ENDED') return facts.outcome !== 'provider_error';
  return finalCodes.includes(code);
}
