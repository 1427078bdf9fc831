import { createOfferIndex, offerEntryOf, queuedJob } from '@aitbc/market';
import { createManualClock } from '@aitbc/primitives';
import { limits, offerIdOf } from '@aitbc/protocol';
import { expect, test } from 'vitest';
import type { Session, Sessions } from '../providers/sessions.ts';
import type { JobRows } from '../store/job-rows.ts';
import type { OfferRows } from '../store/market-rows.ts';
import { bondMinNait, identityOf, network, startMs } from '../testing/harness.ts';
import { signedOffer, submissionFor } from '../testing/provider.ts';
import { createJobBook, type JobBook } from './job-book.ts';
import { showResult } from './show-jobs.ts';
import { type SubmitDeps, submitJob } from './submit-job.ts';

const seller = identityOf('seller');
const offer = signedOffer(seller);
const clock = createManualClock(startMs);

/** Stored jobs that are nowhere. */
const noRows = {
  get: () => undefined,
  papers: () => undefined,
  output: () => undefined,
  insert: async () => {},
  update: async () => {},
} as unknown as JobRows;

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
    dispatcher: { pump: () => {}, pumpAll: () => {}, takeBack: () => {} },
  };
}

test('one provider has room for ten thousand waiting jobs', async () => {
  const book = createJobBook({ rows: noRows, clock });
  const deps = submitDeps(book);
  for (let number = 0; number < 10_000; number += 1) {
    const job = queuedJob(`job ${number}`, seller.address, startMs);
    book.add({ job, payer: '', offerId: '', model: 'tiny' }, { body: '', payment: '' });
  }
  await expect(submitJob(deps, submissionFor(offer).submission)).rejects.toMatchObject({
    code: 'QUEUE_FULL',
    facts: { slots: 3, waiting: 10_000, retryAfterSeconds: 30 },
  });
});

test('the queue of all providers has a limit too', async () => {
  const book = createJobBook({ rows: noRows, clock });
  const full: JobBook = { ...book, size: limits.queuedJobs };
  await expect(submitJob(submitDeps(full), submissionFor(offer).submission)).rejects.toMatchObject({
    code: 'QUEUE_FULL',
  });
});

test('a completed job without its answer is a damaged database', async () => {
  const book = createJobBook({ rows: noRows, clock });
  const job = { ...queuedJob('job', seller.address, startMs), state: 'completed' as const };
  const record = { job, payer: '', offerId: '', model: 'tiny' };
  const deps = {
    book: { ...book, get: () => record },
    rows: noRows,
    offers: { get: () => undefined } as unknown as OfferRows,
  };
  await expect(showResult(deps, 'job')).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
});
