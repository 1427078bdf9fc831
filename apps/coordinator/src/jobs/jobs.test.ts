import { limits } from '@aitbc/protocol';
import { until } from '@aitbc/service';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Bench, identityOf, startBench } from '../testing/harness.ts';
import {
  answer,
  flipped,
  sellingProvider,
  signedReceipt,
  submissionFor,
  type TestProvider,
} from '../testing/provider.ts';

const seller = identityOf('seller');
let bench: Bench;

beforeEach(async () => {
  bench = await startBench();
  bench.chain.register(seller);
});
afterEach(() => bench.stop());

const stateOf = async (jobId: string) => (await bench.client.getJob({ jobId })).state;
const reaches = (jobId: string, state: string) =>
  until(async () => (await stateOf(jobId)) === state, { what: `state ${state}` });

/** A seller and one submitted job. */
async function submitted(key = 'key') {
  const market = await sellingProvider(bench);
  const { jobId, submission } = submissionFor(market.offer, { key });
  const job = await bench.client.submitJob(submission);
  return { ...market, jobId, submission, job };
}

function resultFor(jobId: string, offerId: string, changes = {}) {
  const receipt = signedReceipt(seller, { jobId, offerId }, changes);
  return { type: 'jobResult' as const, jobId, answer, receipt, firstTokenMs: 5, durationMs: 9 };
}

function failureFor(jobId: string, retryable: boolean) {
  const error = { code: 'QUEUE_FULL', message: 'all slots are busy' };
  return { type: 'jobFailed' as const, jobId, error, retryable };
}

async function complete(provider: TestProvider, jobId: string, offerId: string): Promise<void> {
  await provider.next('job');
  provider.send({ type: 'jobAccepted', jobId });
  provider.send(resultFor(jobId, offerId));
  await provider.next('jobAck');
}

describe('the good way', () => {
  test('a job goes out with its payment untouched, runs, and ends with answer, receipt and offer', async () => {
    const { provider, offer, offerId, jobId, submission, job } = await submitted();
    expect(job).toMatchObject({ jobId, state: 'queued', attempts: 0, error: null, offerId });
    const frame = await provider.next('job');
    expect(frame).toEqual({
      type: 'job',
      jobId,
      offerId,
      body: submission.body,
      payment: submission.payment,
      deadlineMs: bench.clock.nowMs() + limits.jobLifetimeMs,
    });
    await reaches(jobId, 'dispatched');
    await expect(bench.client.jobResult({ jobId })).rejects.toMatchObject({
      code: 'JOB_STATE_WRONG',
    });
    provider.send({ type: 'jobAccepted', jobId });
    await reaches(jobId, 'running');
    const result = resultFor(jobId, offerId);
    provider.send(result);
    await provider.next('jobAck');
    expect(await bench.client.getJob({ jobId })).toMatchObject({
      state: 'completed',
      attempts: 1,
      startedAtMs: bench.clock.nowMs(),
    });
    expect(await bench.client.jobResult({ jobId })).toEqual({
      jobId,
      answer,
      receipt: result.receipt,
      offer,
    });
    expect((await bench.client.about({})).jobs).toMatchObject({ completed: 1, running: 0 });
  });

  test('the same submission is the same job, before and after its end and without the offer', async () => {
    const { provider, offerId, jobId, submission, job } = await submitted();
    const twins = [bench.client.submitJob(submission), bench.client.submitJob(submission)];
    for (const twin of await Promise.all(twins)) expect(twin.jobId).toBe(job.jobId);
    await complete(provider, jobId, offerId);
    provider.close();
    await until(async () => (await bench.client.listOffers({})).offers.length === 0);
    expect(await bench.client.submitJob(submission)).toMatchObject({ jobId, state: 'completed' });
    expect(provider.waiting('job')).toBe(0);
  });

  test('a provider gets at most two jobs for a slot, and the next when one ends', async () => {
    const { provider, offer, offerId } = await sellingProvider(bench);
    const ids: string[] = [];
    for (const key of ['1', '2', '3']) {
      const { jobId, submission } = submissionFor(offer, { key });
      ids.push(jobId);
      await bench.client.submitJob(submission);
    }
    const first = await provider.next('job');
    const second = await provider.next('job');
    expect([first.jobId, second.jobId]).toEqual(ids.slice(0, 2));
    await bench.pass(0);
    expect(provider.waiting('job')).toBe(0);
    provider.send(resultFor(first.jobId, offerId));
    expect((await provider.next('job')).jobId).toBe(ids[2]);
  });
});

describe('submissions that are refused', () => {
  test('other terms under the same key', async () => {
    const { offer } = await sellingProvider(bench);
    const other = await sellingProvider(bench, 'seller', { windowTokens: 8 });
    await bench.client.submitJob(submissionFor(other.offer).submission);
    await expect(bench.client.submitJob(submissionFor(offer).submission)).rejects.toMatchObject({
      code: 'JOB_CONFLICT',
    });
  });

  test('an offer that nobody here makes, or whose provider has left', async () => {
    const { provider, offer } = await sellingProvider(bench);
    provider.close();
    await until(async () => (await bench.client.listOffers({})).offers.length === 0);
    await expect(bench.client.submitJob(submissionFor(offer).submission)).rejects.toMatchObject({
      code: 'OFFER_UNKNOWN',
    });
  });

  test('an offer that has run out', async () => {
    const { provider, offer } = await sellingProvider(bench);
    bench.clock.advance(24 * 3_600_000);
    provider.send({ type: 'heartbeat', gauges: { running: 0, waiting: 0, slots: 1 } });
    await expect(bench.client.submitJob(submissionFor(offer).submission)).rejects.toMatchObject({
      code: 'OFFER_UNKNOWN',
    });
  });

  test.each([
    ['a body that is no JSON', { body: '{{' }, 'BAD_REQUEST'],
    ['a body with an unknown field', { body: '{"model":"tiny","x":1}' }, 'BAD_REQUEST'],
    ['a payment for another offer', { offerId: '00'.repeat(32) }, 'PAYMENT_MALFORMED'],
    ['a payment on another network', { caip2: 'aitbc:other' }, 'PAYMENT_NETWORK_WRONG'],
    [
      'a body for another model',
      { body: '{"model":"other","messages":[{"role":"user","content":"x"}]}' },
      'BAD_REQUEST',
    ],
  ])('%s', async (_, changes, code) => {
    const { offer } = await sellingProvider(bench);
    const { submission } = submissionFor(offer, changes);
    await expect(bench.client.submitJob(submission)).rejects.toMatchObject({ code });
  });

  test('a payment that cannot be read', async () => {
    const { offer } = await sellingProvider(bench);
    const { submission } = submissionFor(offer);
    const broken = { ...submission, payment: 'bm8=' };
    await expect(bench.client.submitJob(broken)).rejects.toMatchObject({
      code: 'PAYMENT_MALFORMED',
    });
  });

  test('a body above the limit', async () => {
    const { offer } = await sellingProvider(bench);
    const { submission } = submissionFor(offer, { content: 'x'.repeat(limits.bodyBytes - 1_000) });
    await expect(bench.client.submitJob(submission)).rejects.toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
    });
  });

  test('jobs that are not there', async () => {
    const jobId = '00'.repeat(32);
    for (const call of ['getJob', 'cancelJob', 'jobResult'] as const) {
      await expect(bench.client[call]({ jobId })).rejects.toMatchObject({ code: 'JOB_UNKNOWN' });
    }
  });
});

describe('failures', () => {
  test('a provider that is busy is asked again after the wait, then the job fails', async () => {
    const { provider, jobId } = await submitted();
    for (let attempt = 1; attempt <= limits.jobAttempts; attempt += 1) {
      await provider.next('job');
      provider.send(failureFor(jobId, true));
      await provider.next('jobAck');
      if (attempt < limits.jobAttempts) {
        expect(await stateOf(jobId)).toBe('queued');
        await bench.pass(4_000);
      }
    }
    expect(await bench.client.getJob({ jobId })).toMatchObject({
      state: 'failed',
      attempts: limits.jobAttempts,
      error: { code: 'QUEUE_FULL', message: 'all slots are busy' },
    });
  });

  test('a failure that no retry can mend ends the job at once', async () => {
    const { provider, jobId } = await submitted();
    await provider.next('job');
    provider.send(failureFor(jobId, false));
    await provider.next('jobAck');
    expect(await bench.client.getJob({ jobId })).toMatchObject({ state: 'failed', attempts: 1 });
  });

  test('a failure after the acceptance ends the job', async () => {
    const { provider, jobId } = await submitted();
    await provider.next('job');
    provider.send({ type: 'jobAccepted', jobId });
    provider.send(failureFor(jobId, true));
    await provider.next('jobAck');
    expect(await stateOf(jobId)).toBe('failed');
  });

  test.each([
    ['is forged', forgedReceipt],
    ['is signed by another key', (ids: Ids) => signedReceipt(identityOf('thief'), ids)],
    ['is for another job', (ids: Ids) => signedReceipt(seller, { ...ids, jobId: '11'.repeat(32) })],
    ['is for another offer', (ids: Ids) => signedReceipt(seller, { ...ids, offerId: ids.jobId })],
    [
      'is of another provider',
      (ids: Ids) => signedReceipt(seller, ids, { provider: identityOf('x').address }),
    ],
    ['is for another model', (ids: Ids) => signedReceipt(seller, ids, { model: 'big' })],
    ['is not final', (ids: Ids) => signedReceipt(seller, ids, { outcome: 'running' })],
  ])('a result whose receipt %s is a failed job', async (_, make) => {
    const { provider, jobId, offerId } = await submitted();
    await provider.next('job');
    provider.send({ ...resultFor(jobId, offerId), receipt: make({ jobId, offerId }) });
    await provider.next('jobAck');
    expect(await bench.client.getJob({ jobId })).toMatchObject({
      state: 'failed',
      error: { code: 'RECEIPT_INVALID' },
    });
    await expect(bench.client.jobResult({ jobId })).rejects.toMatchObject({
      code: 'JOB_STATE_WRONG',
    });
  });

  test('a provider that speaks about the job of another one is sent away', async () => {
    const { provider, jobId, offerId } = await submitted();
    await provider.next('job');
    bench.chain.register(identityOf('rival'));
    const rival = await sellingProvider(bench, 'rival');
    rival.provider.send(resultFor(jobId, offerId));
    expect((await rival.provider.next('refused')).error.code).toBe('FORBIDDEN');
    await rival.provider.ended();
    expect(await stateOf(jobId)).toBe('dispatched');
  });

  test('a dispatch that is not answered goes out again when its lease ends', async () => {
    const { provider, jobId, offerId } = await submitted();
    await provider.next('job');
    for (let passed = 0; passed < limits.leaseMs + 2_000; passed += limits.heartbeatMs) {
      provider.send({ type: 'heartbeat', gauges: { running: 0, waiting: 0, slots: 1 } });
      await bench.client.about({});
      await bench.pass(limits.heartbeatMs);
    }
    await complete(provider, jobId, offerId);
    expect(await bench.client.getJob({ jobId })).toMatchObject({ state: 'completed', attempts: 2 });
  });

  test('a job whose provider never comes back expires at its deadline', async () => {
    const { provider, jobId } = await submitted();
    await provider.next('job');
    provider.send(failureFor(jobId, true));
    await provider.next('jobAck');
    provider.close();
    await until(async () => (await bench.client.listProviders({})).providers.length === 0);
    await bench.pass(limits.jobLifetimeMs);
    expect(await bench.client.getJob({ jobId })).toMatchObject({
      state: 'expired',
      error: { code: 'JOB_EXPIRED' },
    });
  });

  test('an answer for a job that is not known or has ended is acknowledged and changes nothing', async () => {
    const { provider, jobId, offerId } = await submitted();
    await complete(provider, jobId, offerId);
    provider.send(failureFor(jobId, false));
    await provider.next('jobAck');
    expect(await stateOf(jobId)).toBe('completed');
    provider.send(resultFor('00'.repeat(32), offerId));
    expect((await provider.next('jobAck')).jobId).toBe('00'.repeat(32));
  });
});

describe('lost connections', () => {
  test('a job goes back to the queue and out again to the same provider', async () => {
    const { provider, jobId } = await submitted();
    await provider.next('job');
    provider.send({ type: 'jobAccepted', jobId });
    await reaches(jobId, 'running');
    provider.close();
    await reaches(jobId, 'queued');
    const again = await sellingProvider(bench);
    expect(again.provider.waiting('job')).toBe(0);
    await bench.pass(1_000);
    await complete(again.provider, jobId, again.offerId);
    expect(await bench.client.getJob({ jobId })).toMatchObject({ state: 'completed', attempts: 2 });
  });

  test('a result that was kept over the break completes the job without a second dispatch', async () => {
    const { provider, jobId, offerId } = await submitted();
    await provider.next('job');
    provider.close();
    await reaches(jobId, 'queued');
    const again = await sellingProvider(bench);
    again.provider.send(resultFor(jobId, offerId));
    await again.provider.next('jobAck');
    await bench.pass(5_000);
    expect(again.provider.waiting('job')).toBe(0);
    expect(await bench.client.getJob({ jobId })).toMatchObject({ state: 'completed', attempts: 1 });
  });
});

describe('cancelling', () => {
  test('a job that was not handed out is cancelled, also twice', async () => {
    const { provider, offer } = await sellingProvider(bench);
    const ids = [];
    for (const key of ['1', '2', '3']) {
      const { jobId, submission } = submissionFor(offer, { key });
      await bench.client.submitJob(submission);
      ids.push(jobId);
    }
    const jobId = String(ids[2]);
    expect(await bench.client.cancelJob({ jobId })).toMatchObject({ state: 'cancelled' });
    expect(await bench.client.cancelJob({ jobId })).toMatchObject({ state: 'cancelled' });
    await provider.next('job');
    await provider.next('job');
    provider.send(failureFor(String(ids[0]), false));
    await provider.next('jobAck');
    await bench.pass(1_000);
    expect(provider.waiting('job')).toBe(0);
  });

  test('a job that its provider has in hand cannot be cancelled', async () => {
    const { provider, jobId } = await submitted();
    await provider.next('job');
    await expect(bench.client.cancelJob({ jobId })).rejects.toMatchObject({
      code: 'JOB_STATE_WRONG',
      facts: { state: 'dispatched' },
    });
  });
});

interface Ids {
  readonly jobId: string;
  readonly offerId: string;
}

function forgedReceipt(ids: Ids) {
  const receipt = signedReceipt(seller, ids);
  return { ...receipt, signature: flipped(receipt.signature) };
}
