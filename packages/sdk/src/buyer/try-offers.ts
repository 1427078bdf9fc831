/** Where a call is bought: where it was asked for before, else in the offers' rank, each provider once. */
import { AppError, asAppError, type ErrorCode, limits } from '@aitbc/protocol';
import type { CallRow } from '../books/store.ts';
import type { Candidate, Discovery } from '../offers/discover-offers.ts';
import { candidateOf, findFormerCalls } from './former-call.ts';
import { inBackground, type Purchase } from './purchase.ts';
import { raceOffers } from './race-offers.ts';
import type { Settler } from './settle/settle-calls.ts';
import type { BuyerParts } from './types.ts';

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

/** Whom to try. */
export interface Trying {
  readonly parts: BuyerParts;
  readonly settler: Settler;
  readonly discovery: Discovery;
  readonly purchase: Purchase;
  /** See raceOffers. */
  readonly hedgeMs?: number | undefined;
}

/** Runs the call at providers. */
export interface Attempting<T> {
  /** With `former` it goes on with what was promised before. */
  attempt(candidate: Candidate, signal: AbortSignal, former?: CallRow): Promise<T>;
  /** What was begun is not wanted any more. */
  discard?(value: T): Promise<unknown>;
}

/**
 * The first attempt that succeeds. Throws NO_OFFER, JOB_ENDED or the last failure.
 */
export async function tryOffers<T>(trying: Trying, attempting: Attempting<T>): Promise<T> {
  const { parts, settler, purchase } = trying;
  if (purchase.isFreshKey) return tryRanked(trying, attempting, undefined);
  const { best, failure, providers } = await findFormerCalls(parts, settler, purchase.jobId);
  for (const provider of providers) purchase.tried.add(provider);
  if (!best) return tryRanked(trying, attempting, failure);
  try {
    return await attempting.attempt(candidateOf(parts, best), purchase.signal, best);
  } catch (error) {
    const known = asAppError(error);
    if (best.status === 'settled' || isFinal(known)) throw error;
    return tryRanked(trying, attempting, known);
  }
}

async function tryRanked<T>(
  trying: Trying,
  { attempt, discard }: Attempting<T>,
  before: AppError | undefined,
): Promise<T> {
  const { parts, discovery, purchase, hedgeMs } = trying;
  const { model, tried, signal } = purchase;
  const [first, ...others] = await untriedOffers(trying);
  if (!first) {
    discovery.forget(model);
    throw before ?? new AppError('NO_OFFER', { model, reason: 'no provider took the job' });
  }
  return raceOffers([first, ...others.slice(0, limits.jobAttempts - 1)], {
    signal,
    hedgeMs,
    attempt(candidate, mine) {
      tried.add(candidate.provider);
      return attempt(candidate, mine);
    },
    onFailure(failure, { provider }) {
      if (isFinal(failure)) throw failure;
      const { code, facts } = failure;
      parts.log.info({ ...facts, code, provider }, 'an offer failed');
      discovery.forget(model);
    },
    onLost(loser) {
      const end = async (value: T | undefined) => value !== undefined && discard?.(value);
      inBackground(
        purchase,
        loser.then(end).then(() => {}),
      );
    },
  });
}

/** Offers of providers that did not have the job; a ranking that is used up is asked for once more. */
async function untriedOffers(trying: Trying): Promise<readonly Candidate[]> {
  const { discovery, purchase } = trying;
  const untried = ({ provider }: Candidate) => !purchase.tried.has(provider);
  const known = (await rankedFor(trying)).filter(untried);
  if (known.length > 0) return known;
  discovery.forget(purchase.model);
  return (await rankedFor(trying)).filter(untried);
}

/** The ranking that the purchase keeps, of offers that serve it. Throws NO_OFFER, UNAVAILABLE. */
export async function rankedFor({
  discovery,
  purchase,
}: Pick<Trying, 'discovery' | 'purchase'>): Promise<readonly Candidate[]> {
  const { model, kind, signal } = purchase;
  const all = await discovery.find(model, signal);
  const serving = all.filter(({ offer }) => offer.payload.serves.includes(kind));
  if (serving.length === 0) {
    throw new AppError('NO_OFFER', { model, reason: `no provider sells it for ${kind}` });
  }
  purchase.ranked = serving;
  return serving;
}

/** Also: a job that ended and was paid in full is not bought a second time from somebody else. */
function isFinal({ code, facts }: AppError): boolean {
  if (code === 'JOB_ENDED') return facts.outcome !== 'provider_error';
  return finalCodes.includes(code);
}
