import { until } from '@aitbc/service';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Bench, identityOf, startBench } from '../testing/harness.ts';
import {
  answer,
  connectProvider,
  sellingProvider,
  signedReceipt,
  submissionFor,
  type TestProvider,
} from '../testing/provider.ts';

const seller = identityOf('seller');
const backOffMs = 1_000;
let bench: Bench;

beforeEach(async () => {
  bench = await startBench();
  bench.chain.register(seller);
});
afterEach(() => bench.stop());

const reaches = (jobId: string, state: string) =>
  until(async () => (await bench.client.getJob({ jobId })).state === state, { what: state });

function resultFor(jobId: string, offerId: string) {
  const receipt = signedReceipt(seller, { jobId, offerId });
  return { type: 'jobResult' as const, jobId, answer, receipt, firstTokenMs: 5, durationMs: 9 };
}

/** Kills the coordinator and goes on with a new one on what the disk holds. */
async function crash(): Promise<void> {
  bench = await bench.crash();
}

/** A login of the same provider at the new process. */
async function comeBack(): Promise<TestProvider> {
  const provider = connectProvider(bench.url, seller);
  await provider.logIn();
  await provider.next('welcome');
  return provider;
}

async function submit() {
  const market = await sellingProvider(bench);
  const { jobId, submission } = submissionFor(market.offer);
  return { ...market, jobId, submission };
}

async function expectCompleted(jobId: string, attempts: number): Promise<void> {
  expect(await bench.client.getJob({ jobId })).toMatchObject({ state: 'completed', attempts });
  expect(await bench.client.jobResult({ jobId })).toMatchObject({ jobId, answer });
  expect((await bench.client.about({})).jobs).toEqual({
    queued: 0,
    dispatched: 0,
    running: 0,
    completed: 1,
    failed: 0,
    expired: 0,
    cancelled: 0,
  });
}

describe('a crash loses no job and runs none twice', () => {
  test('when the job is queued', async () => {
    const { provider, offer, offerId } = await sellingProvider(bench);
    const filler = [submissionFor(offer, { key: '1' }), submissionFor(offer, { key: '2' })];
    for (const { submission } of filler) await bench.client.submitJob(submission);
    const { jobId, submission } = submissionFor(offer, { key: '3' });
    await bench.client.submitJob(submission);
    await provider.next('job');
    await provider.next('job');
    await crash();
    expect((await bench.client.getJob({ jobId })).state).toBe('queued');
    const back = await comeBack();
    expect((await back.next('job')).jobId).toBe(jobId);
    expect(back.waiting('job')).toBe(0);
    back.send(resultFor(jobId, offerId));
    await back.next('jobAck');
    expect((await bench.client.getJob({ jobId })).attempts).toBe(1);
  });

  test('when the job is dispatched and the provider never heard of it again', async () => {
    const { provider, offerId, jobId, submission } = await submit();
    await bench.client.submitJob(submission);
    await provider.next('job');
    await crash();
    const back = await comeBack();
    await bench.pass(backOffMs);
    await back.next('job');
    back.send(resultFor(jobId, offerId));
    await back.next('jobAck');
    await expectCompleted(jobId, 2);
  });

  test('when the job runs, and its provider kept the result', async () => {
    const { provider, offerId, jobId, submission } = await submit();
    await bench.client.submitJob(submission);
    await provider.next('job');
    provider.send({ type: 'jobAccepted', jobId });
    await reaches(jobId, 'running');
    await crash();
    const back = await comeBack();
    back.send(resultFor(jobId, offerId));
    await back.next('jobAck');
    await bench.pass(backOffMs);
    expect(back.waiting('job')).toBe(0);
    await expectCompleted(jobId, 1);
  });

  test('when the job is completed but the ack was lost', async () => {
    const { provider, offerId, jobId, submission } = await submit();
    await bench.client.submitJob(submission);
    await provider.next('job');
    provider.send(resultFor(jobId, offerId));
    await provider.next('jobAck');
    await crash();
    const back = await comeBack();
    back.send(resultFor(jobId, offerId));
    await back.next('jobAck');
    await bench.pass(backOffMs);
    expect(back.waiting('job')).toBe(0);
    await expectCompleted(jobId, 1);
  });

  test('when the job failed or was cancelled', async () => {
    const { provider, offer, jobId, submission } = await submit();
    await bench.client.submitJob(submission);
    await provider.next('job');
    const error = { code: 'ENGINE_CRASHED', message: 'gone' };
    provider.send({ type: 'jobFailed', jobId, error, retryable: false });
    await provider.next('jobAck');
    const held = submissionFor(offer, { key: '2' });
    await bench.client.submitJob(held.submission);
    await provider.next('job');
    provider.send({ type: 'jobFailed', jobId: held.jobId, error, retryable: true });
    await provider.next('jobAck');
    await bench.client.cancelJob({ jobId: held.jobId });
    await crash();
    expect(await bench.client.getJob({ jobId })).toMatchObject({ state: 'failed', error });
    expect((await bench.client.getJob({ jobId: held.jobId })).state).toBe('cancelled');
    const back = await comeBack();
    await bench.pass(60_000);
    expect(back.waiting('job')).toBe(0);
  });

  test('and a submission that is sent again after it is still the same job', async () => {
    const { jobId, submission } = await submit();
    const before = await bench.client.submitJob(submission);
    await crash();
    const after = await bench.client.submitJob(submission);
    expect(after).toMatchObject({ jobId, createdAtMs: before.createdAtMs });
  });
});

test('an ordinary stop and start keeps the jobs as well', async () => {
  const { provider, offerId, jobId, submission } = await submit();
  await bench.client.submitJob(submission);
  await provider.next('job');
  const { chain, clock, dataDir } = bench;
  await bench.coordinator.stop();
  expect(bench.fatal).toEqual([]);
  bench = await startBench({ chain, clock, dataDir });
  const back = await comeBack();
  back.send(resultFor(jobId, offerId));
  await back.next('jobAck');
  await expectCompleted(jobId, 1);
});
