/**
 * Asynchronous jobs: one voucher for the whole job, handed to the coordinator with the body. The coordinator
 * passes it on and never holds money; the reservation stays in the books until the job has ended there and
 * its provider has told what is due.
 */
import { textFromUtf8 } from '@aitbc/primitives';
import {
  asAppError,
  type coordinatorEndpoints,
  type ErrorCode,
  type Hex,
  type OutputOf,
  promptTokensBound,
} from '@aitbc/protocol';
import { callKey } from '../books/store.ts';
import type { CoordinatorClient } from '../http/clients.ts';
import type { Discovery } from '../offers/discover-offers.ts';
import { isDefiniteRefusal } from './ask-provider.ts';
import { type AttemptPlan, type PaidStart, payFirst, startHeader } from './pay-job.ts';
import type { Settler } from './settle-calls.ts';
import { jobOf, tryOffers } from './try-offers.ts';
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

/** Answers after which the coordinator may hold the job all the same. */
const unclearCodes: readonly ErrorCode[] = ['UNAVAILABLE', 'TIMEOUT', 'CANCELLED', 'INTERNAL'];

/** Submits jobs. Throws NO_OFFER, BUDGET_EXCEEDED, or the coordinator's refusal. */
export function createSubmitter(deps: SubmitDeps): (call: BuyCall) => Promise<SubmittedJob> {
  const { parts, settler, coordinator, discovery, payer } = deps;
  return (call) => {
    const job = jobOf(parts.network, payer.accountId, call);
    const promptBound = promptTokensBound(call.request.messages);
    const { jobId } = job;
    return tryOffers({ parts, settler, discovery, call, jobId }, async (candidate, former) => {
      if (former?.status === 'settled')
        return coordinator.getJob({ jobId }, { signal: call.signal });
      if (former) settler.hold(callKey(former));
      const plan = { call, candidate, ...job, promptBound, mode: 'reserve' as const, former };
      return submit(deps, plan, await payFirst(parts, plan));
    });
  };
}

async function submit(
  { parts, settler, coordinator, payer }: SubmitDeps,
  plan: AttemptPlan,
  start: PaidStart,
): Promise<SubmittedJob> {
  const { book, store } = parts;
  const { call, candidate } = plan;
  const key = callKey(start.row);
  const submission = {
    offerId: candidate.offerId,
    payer: payer.address,
    body: textFromUtf8(call.body),
    payment: await startHeader(parts, plan, start),
  };
  await store.save(book.suspend(key, 'submitted'));
  try {
    const submitted = await coordinator.submitJob(submission, { signal: call.signal });
    await settler.later(key, 'submitted');
    return submitted;
  } catch (error) {
    const known = asAppError(error);
    const isClear = isDefiniteRefusal(known) || !unclearCodes.includes(known.code);
    if (isClear && !start.isRepeat) await store.save(book.release(key));
    else await settler.later(key, 'submitted');
    throw error;
  }
}
