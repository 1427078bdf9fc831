/**
 * Asynchronous jobs: one voucher for the whole job, handed to the coordinator with the body. The coordinator
 * passes it on and never holds money; the reservation stays in the books until the job has ended there and
 * its provider has told what is due.
 */
import {
  asAppError,
  type coordinatorEndpoints,
  type ErrorCode,
  type Hex,
  type InputOf,
  type OutputOf,
} from '@aitbc/protocol';
import { type CallRow, callKey } from '../books/store.ts';
import { pause } from '../chain/pause.ts';
import type { CoordinatorClient } from '../http/clients.ts';
import type { Candidate, Discovery } from '../offers/discover-offers.ts';
import { isDefiniteRefusal } from './pay/ask-provider.ts';
import { type AttemptPlan, type PaidStart, payFirst, startHeader } from './pay/pay-job.ts';
import { createPurchase, jobIdFor, wantedSubmission } from './purchase.ts';
import type { Settler } from './settle/settle-calls.ts';
import { createProgress } from './survive/job-progress.ts';
import { tryOffers } from './try-offers.ts';
import type { BuyCall, BuyerParts } from './types.ts';

/** A job as the coordinator shows it. */
export type SubmittedJob = OutputOf<typeof coordinatorEndpoints.submitJob>;

/** What submitting needs. */
export interface SubmitDeps {
  readonly parts: BuyerParts;
  readonly settler: Settler;
  readonly coordinator: Pick<CoordinatorClient, 'submitJob' | 'getJob'>;
  readonly discovery: Discovery;
  readonly payer: { readonly accountId: Hex; readonly address: string };
}

/**
 * A coordinator that has just started, or taken over from another one, hears of its providers within seconds. The same
 * submission is the same job there, so it is handed in again until then.
 */
const handInTriesMax = 5;
const handInPauseMs = 400;
const awayCodes: readonly ErrorCode[] = ['UNAVAILABLE', 'OFFER_UNKNOWN'];

/** Answers after which the coordinator may hold the job all the same. */
const unclearCodes: readonly ErrorCode[] = ['UNAVAILABLE', 'TIMEOUT', 'CANCELLED', 'INTERNAL'];

/** Submits jobs. Throws NO_OFFER, BUDGET_EXCEEDED, or the coordinator's refusal. */
export function createSubmitter(deps: SubmitDeps): (call: BuyCall) => Promise<SubmittedJob> {
  const { parts, settler, coordinator, discovery, payer } = deps;
  return async (call) => {
    const wanted = wantedSubmission(call);
    const jobId = jobIdFor(parts.network, payer.accountId, wanted);
    const signal = call.signal ?? new AbortController().signal;
    const purchase = createPurchase(wanted, jobId, signal);
    const attempt = async (candidate: Candidate, mine: AbortSignal, former?: CallRow) => {
      if (former?.status === 'settled') return coordinator.getJob({ jobId }, { signal: mine });
      if (former) settler.hold(callKey(former));
      const progress = createProgress(parts.network, wanted.bodyDigest);
      const plan = { purchase, candidate, progress, signal: mine, former };
      return submit(deps, plan, await payFirst(parts, plan));
    };
    return tryOffers({ parts, settler, discovery, purchase }, { attempt });
  };
}

async function submit(
  { parts, settler, coordinator, payer }: SubmitDeps,
  plan: AttemptPlan,
  start: PaidStart,
): Promise<SubmittedJob> {
  const { book, store } = parts;
  const { purchase, candidate, signal } = plan;
  const key = callKey(start.row);
  const submission = {
    offerId: candidate.offerId,
    payer: payer.address,
    body: purchase.body,
    payment: await startHeader(parts, plan, start),
  };
  await store.save(book.suspend(key, { status: 'submitted' }));
  try {
    const submitted = await handIn(coordinator, submission, signal);
    await settler.later(key, { status: 'submitted' });
    return submitted;
  } catch (error) {
    const known = asAppError(error);
    const isClear = isDefiniteRefusal(known) || !unclearCodes.includes(known.code);
    if (isClear && !start.isRepeat) await store.save(book.release(key));
    else await settler.later(key, { status: 'submitted' });
    throw error;
  }
}

async function handIn(
  coordinator: SubmitDeps['coordinator'],
  submission: InputOf<typeof coordinatorEndpoints.submitJob>,
  signal: AbortSignal,
): Promise<SubmittedJob> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await coordinator.submitJob(submission, { signal });
    } catch (error) {
      if (tries === handInTriesMax || !awayCodes.includes(asAppError(error).code)) throw error;
      await pause(handInPauseMs, signal);
    }
  }
}
