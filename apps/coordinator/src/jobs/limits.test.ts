import { createOfferIndex, offerEntryOf, queuedJob } from '@aitbc/market';
import { createManualClock } from '@aitbc/primitives';
import { limits, offerIdOf } from '@aitbc/protocol';
import { expect, test } from 'vitest';
import type { Session, Sessions } from '../providers/sessions.ts';
import type { OfferRows } from '../store/market-rows.ts';
import { bondMinNait, identityOf, network, startMs } from '../testing/harness.ts';
import { signedOffer, submissionFor } from '../testing/provider.ts';
import type { JobBook } from './job-book.ts';
import { type ShowDeps, showResult } from './show-jobs.ts';
import { type SubmitDeps, submitJob } from './submit-job.ts';

const seller = identityOf('seller');
const offer = signedOffer(seller);
const clock = createManualClock(startMs);

/** A book with so many jobs, all waiting for one provider. */
function bookWith(size: number, waiting: number): JobBook {
  const book = {
    size,
    get: async () => undefined,
    waitingOf: async (_provider: string, limit: number) => Math.min(waiting, limit),
  };
  return book as unknown as JobBook;
}

function submitDeps(book: JobBook): SubmitDeps {
  const index = createOfferIndex();
  index.put(seller.address, [offerEntryOf(offerIdOf(network, offer.payload), offer)]);
  const session = { provider: seller.address, gauges: { running: 0, waiting: 0, slots: 3 } };
  const facts = { network, providerBondMinNait: bondMinNait };
  return {
    book,
    index,
    clock,
    chain: { facts: () => facts, network: () => network } as unknown as SubmitDeps['chain'],
    sessions: { get: () => session as unknown as Session } as unknown as Sessions,
    dispatcher: {
      offerWork: () => {},
      pump: () => {},
      pumpAll: async () => {},
      takeBack: () => {},
    },
  };
}

test('one provider has room for a quarter of a million waiting jobs', async () => {
  const deps = submitDeps(bookWith(300_000, 250_000));
  await expect(submitJob(deps, submissionFor(offer).submission)).rejects.toMatchObject({
    code: 'QUEUE_FULL',
    facts: { slots: 3, waiting: 250_000, retryAfterSeconds: 30 },
  });
});

test('the queue of all providers has a limit too', async () => {
  const deps = submitDeps(bookWith(limits.queuedJobs, 0));
  await expect(submitJob(deps, submissionFor(offer).submission)).rejects.toMatchObject({
    code: 'QUEUE_FULL',
  });
});

test.each([
  ['in the past', startMs],
  ['later than a day from now', startMs + limits.jobDeadlineMsMax + 1],
])('a deadline %s is refused', async (_, deadlineMs) => {
  const submission = { ...submissionFor(offer).submission, deadlineMs };
  await expect(submitJob(submitDeps(bookWith(0, 0)), submission)).rejects.toMatchObject({
    code: 'BAD_REQUEST',
  });
});

test('a completed job without its answer is a damaged database', async () => {
  const job = { ...queuedJob('job', seller.address, startMs), state: 'completed' as const };
  const record = { job, payer: '', offerId: '', model: 'tiny' };
  const deps = {
    book: { get: async () => record } as unknown as JobBook,
    jobs: { output: async () => undefined } satisfies ShowDeps['jobs'],
    offers: { get: async () => undefined } as unknown as OfferRows,
  };
  await expect(showResult(deps, 'job')).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
});
