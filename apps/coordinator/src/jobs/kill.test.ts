/**
 * Kill -9 at any moment under load: real processes on a real SQLite file and a real PostgreSQL server.
 *
 * The test is buyer and provider. The provider knows jobs by their id, as the real one does: it runs each once, keeps its
 * results until they are acknowledged and sends them again after a reconnect. What is checked in the end: every
 * job that was acknowledged has completed, with the answer of its own run; no job was handed out again after
 * its result was acknowledged; and with two coordinators, none was handed out by both while both lived.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SignedReceipt } from '@aitbc/protocol';
import { createCoordinatorClient } from '@aitbc/sdk';
import { until } from '@aitbc/service';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type StoreServer, storeKinds } from '../store/testing/stores.ts';
import {
  type CoordinatorProcess,
  startCoordinatorProcess,
} from '../testing/coordinator-process.ts';
import { identityOf } from '../testing/harness.ts';
import {
  connectProvider,
  offerPayload,
  signedOffer,
  signedReceipt,
  submissionFor,
  type TestProvider,
} from '../testing/provider.ts';

const seller = identityOf('seller');
const killsMax = Number(process.env.AITBC_KILLS ?? 4);
const jobsPerWave = 40;
const minuteMs = 60_000;

const nowMs = Date.now();
const offer = signedOffer(seller, {
  validFromMs: nowMs - minuteMs,
  validUntilMs: nowMs + 600 * minuteMs,
});
const { model } = offerPayload(seller);

/** A provider that outlives the coordinators it is connected to. */
interface Seller {
  /** Runs by job. */
  readonly runs: ReadonlyMap<string, number>;
  /** Frames by job. */
  readonly handed: ReadonlyMap<string, number>;
  /** Jobs that came again after their result was acknowledged. */
  readonly late: readonly string[];
  connect(url: string): Promise<TestProvider>;
  stop(): void;
}

function createSeller(): Seller {
  const runs = new Map<string, number>();
  const handed = new Map<string, number>();
  const results = new Map<string, SignedReceipt>();
  const acknowledged = new Set<string>();
  const late: string[] = [];
  const lines = new Set<TestProvider>();
  let isStopped = false;

  const answer = (line: TestProvider, jobId: string, receipt: SignedReceipt): void => {
    const result = { answer: { jobId }, firstTokenMs: 1, durationMs: 2 };
    line.send({ type: 'jobResult', jobId, receipt, ...result });
  };
  const take = (line: TestProvider, jobId: string, offerId: string): void => {
    handed.set(jobId, (handed.get(jobId) ?? 0) + 1);
    if (acknowledged.has(jobId)) late.push(jobId);
    const kept = results.get(jobId);
    const receipt = kept ?? signedReceipt(seller, { jobId, offerId }, { atMs: Date.now(), model });
    if (!kept) {
      runs.set(jobId, (runs.get(jobId) ?? 0) + 1);
      line.send({ type: 'jobAccepted', jobId });
      results.set(jobId, receipt);
    }
    answer(line, jobId, receipt);
  };
  const serve = async (line: TestProvider): Promise<void> => {
    let read = 0;
    while (!line.isClosed && !isStopped) {
      for (const frame of line.frames.slice(read)) {
        read += 1;
        if (frame.type === 'job') take(line, frame.jobId, frame.offerId);
        if (frame.type === 'jobAck') acknowledged.add(frame.jobId);
      }
      await new Promise((done) => setTimeout(done, 2));
    }
    lines.delete(line);
  };
  return {
    runs,
    handed,
    late,
    async connect(url) {
      const line = connectProvider(url, seller);
      await line.logIn();
      await line.next('welcome');
      line.send({ type: 'heartbeat', gauges: { running: 0, waiting: 0, slots: 32 } });
      line.send({ type: 'offers', offers: [offer] });
      for (const [jobId, receipt] of results) {
        if (!acknowledged.has(jobId)) answer(line, jobId, receipt);
      }
      lines.add(line);
      void serve(line);
      return line;
    },
    stop() {
      isStopped = true;
      for (const line of lines) line.close();
    },
  };
}

/** Submits jobs until the coordinator dies; ids of those that were acknowledged. */
async function submitWave(url: string, wave: string, taken: Set<string>): Promise<void> {
  const client = createCoordinatorClient({ baseUrl: url });
  await Promise.all(
    Array.from({ length: jobsPerWave }, async (_, at) => {
      const { jobId, submission } = submissionFor(offer, { key: `${wave}-${at}` });
      // The process is killed in the middle of this: no answer is no promise.
      const job = await client.submitJob(submission).catch(() => undefined);
      if (job) taken.add(jobId);
    }),
  );
}

async function expectAllCompleted(url: string, taken: ReadonlySet<string>, market: Seller) {
  const client = createCoordinatorClient({ baseUrl: url });
  for (const jobId of taken) {
    const isDone = async () => (await client.getJob({ jobId })).state === 'completed';
    await until(isDone, { what: `the end of ${jobId}`, timeoutMs: minuteMs, intervalMs: 50 });
    expect(await client.jobResult({ jobId })).toMatchObject({ answer: { jobId } });
  }
  expect([...market.runs.values()].filter((runs) => runs !== 1)).toEqual([]);
  expect(market.late).toEqual([]);
  const { jobs } = await client.about({});
  expect(jobs).toMatchObject({ failed: 0, expired: 0, cancelled: 0 });
  expect(jobs.completed).toBeGreaterThanOrEqual(taken.size);
}

describe.each(storeKinds)('kill -9 with jobs on $name', ({ canRun, start, name }) => {
  if (!canRun) {
    test.skip('this database is not installed here', () => {});
    return;
  }
  let server: StoreServer;
  let folder: string;
  beforeAll(async () => {
    server = await start();
    folder = mkdtempSync(join(tmpdir(), 'aitbc-kill-'));
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await server.close();
  });
  const urlOf = async (): Promise<string> => {
    const url = await server.createDatabase();
    return name === 'SQLite' ? `sqlite:${url}` : url;
  };

  test(`loses no job and runs none twice, ${killsMax} times`, {
    timeout: 10 * minuteMs,
  }, async () => {
    const url = await urlOf();
    const market = createSeller();
    const taken = new Set<string>();
    for (let kill = 0; kill < killsMax; kill += 1) {
      const coordinator = await startCoordinatorProcess(url, folder, ['seller']);
      await market.connect(coordinator.url);
      await until(async () => (await offersAt(coordinator.url)) === 1, { timeoutMs: minuteMs });
      const submitting = submitWave(coordinator.url, `${kill}`, taken);
      // From before the first answer to after the last one, and a little later: jobs are handed out and end.
      const before = taken.size;
      const wanted = before + ((kill * 17) % (jobsPerWave + 1));
      await Promise.race([
        until(() => taken.size >= wanted, { intervalMs: 1, timeoutMs: minuteMs }),
        submitting,
      ]);
      await new Promise((done) => setTimeout(done, (kill * 7) % 60));
      await coordinator.kill();
      await submitting;
    }
    const last = await startCoordinatorProcess(url, folder, ['seller']);
    await market.connect(last.url);
    expect(taken.size).toBeGreaterThan((killsMax * jobsPerWave) / 4);
    await expectAllCompleted(last.url, taken, market);
    market.stop();
    await last.kill();
  });

  if (name === 'SQLite') return;

  test('two coordinators hand out each job once, and one goes on alone', {
    timeout: 5 * minuteMs,
  }, async () => {
    const url = await urlOf();
    const market = createSeller();
    const taken = new Set<string>();
    const pair = await Promise.all([
      startCoordinatorProcess(url, join(folder, 'a'), ['seller']),
      startCoordinatorProcess(url, join(folder, 'b'), ['seller']),
    ]);
    const [first, second] = pair as [CoordinatorProcess, CoordinatorProcess];
    for (const { url: at } of pair) {
      await market.connect(at);
      await until(async () => (await offersAt(at)) === 1, { timeoutMs: minuteMs });
    }
    await Promise.all([
      ...Array.from({ length: 5 }, (_, wave) => submitWave(first.url, `a${wave}`, taken)),
      ...Array.from({ length: 5 }, (_, wave) => submitWave(second.url, `b${wave}`, taken)),
    ]);
    expect(taken.size).toBe(10 * jobsPerWave);
    await expectAllCompleted(second.url, taken, market);
    expect([...market.handed.values()].filter((times) => times !== 1)).toEqual([]);

    const submitting = submitWave(first.url, 'last', taken);
    await until(() => taken.size > 10 * jobsPerWave, { intervalMs: 1 });
    await first.kill();
    await submitting;
    await expectAllCompleted(second.url, taken, market);
    market.stop();
    await second.kill();
  });
});

async function offersAt(url: string): Promise<number> {
  return (await createCoordinatorClient({ baseUrl: url }).listOffers({})).offers.length;
}
