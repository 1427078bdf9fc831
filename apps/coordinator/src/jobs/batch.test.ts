import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { verifyWebhook } from '@aitbc/market';
import { limits } from '@aitbc/protocol';
import { until } from '@aitbc/service';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Bench, identityOf, startBench } from '../testing/harness.ts';
import {
  answer,
  sellingProvider,
  signedReceipt,
  submissionFor,
  type TestProvider,
} from '../testing/provider.ts';

const seller = identityOf('seller');
const error = { code: 'ENGINE_CRASHED', message: 'gone' };
let bench: Bench;
let market: Awaited<ReturnType<typeof sellingProvider>>;

beforeEach(async () => {
  bench = await startBench();
  bench.chain.register(seller);
  market = await sellingProvider(bench);
});
afterEach(() => bench.stop());

/** Rows of a batch, one for each key. */
function rowsFor(...keys: string[]) {
  const all = keys.map((key) => submissionFor(market.offer, { key }));
  const rows = all.map(({ submission: { offerId, body, payment } }) => ({
    offerId,
    body,
    payment,
  }));
  const payer = String(all[0]?.submission.payer);
  return { jobIds: all.map(({ jobId }) => jobId), request: { payer, rows } };
}

function complete(jobId: string): void {
  const receipt = signedReceipt(seller, { jobId, offerId: market.offerId });
  const times = { firstTokenMs: 5, durationMs: 9 };
  market.provider.send({ type: 'jobResult', jobId, answer, receipt, ...times });
}

async function workOff(provider: TestProvider, count: number): Promise<void> {
  for (let done = 0; done < count; done += 1) complete((await provider.next('job')).jobId);
}

interface ServerEvent {
  readonly id: string | undefined;
  readonly name: string;
  readonly data: { [name: string]: unknown; state?: string; job?: { state: string } };
}

/** Reads server-sent events until the stream ends or `enough` says so. */
async function readEvents(
  path: string,
  {
    lastId,
    enough = () => false,
  }: { lastId?: string; enough?(events: ServerEvent[]): boolean } = {},
): Promise<ServerEvent[]> {
  const headers = lastId === undefined ? {} : { 'last-event-id': lastId };
  const ending = new AbortController();
  const response = await fetch(bench.url + path, { headers, signal: ending.signal });
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  const events: ServerEvent[] = [];
  let text = '';
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString('utf8');
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
      const data = field('data');
      if (data)
        events.push({ id: field('id'), name: String(field('event')), data: JSON.parse(data) });
    }
    if (enough(events)) break;
  }
  ending.abort();
  return events;
}

describe('a batch', () => {
  test('goes through, with progress, pages of results in the order of their end, and a second answer', async () => {
    const { jobIds, request } = rowsFor('1', '2', '3');
    const { batch, refused } = await bench.client.submitBatch(request);
    expect(batch).toMatchObject({ total: 3, done: 0, isDone: false });
    expect(refused).toEqual([]);
    const { batchId } = batch;
    const [first, second] = [await market.provider.next('job'), await market.provider.next('job')];
    expect([first.jobId, second.jobId]).toEqual(jobIds.slice(0, 2));
    complete(second.jobId);
    await until(async () => (await bench.client.getBatch({ batchId })).done === 1);
    const failed = { type: 'jobFailed', jobId: first.jobId, error, retryable: false } as const;
    market.provider.send(failed);
    complete((await market.provider.next('job')).jobId);
    await until(async () => (await bench.client.getBatch({ batchId })).isDone);
    const page = await bench.client.batchResults({ batchId, limit: 2 });
    expect(page.results.map(({ row, number }) => [row, number])).toEqual([
      [1, 1],
      [0, 2],
    ]);
    expect(page.results[0]).toMatchObject({ answer, job: { state: 'completed' } });
    expect(page.results[1]).toMatchObject({ answer: null, receipt: null, job: { error } });
    expect(page.isDone).toBe(false);
    const rest = await bench.client.batchResults({ batchId, after: page.next });
    expect(rest).toMatchObject({ results: [{ row: 2, number: 3 }], next: 3, isDone: true });
    expect((await bench.client.submitBatch(request)).batch).toMatchObject({
      ...{ batchId, total: 3, completed: 2, failed: 1 },
    });
    expect(market.provider.waiting('job')).toBe(0);
  });

  test('names the rows that it cannot take and queues the others', async () => {
    const alone = submissionFor(market.offer, { key: 'alone' });
    await bench.client.submitJob(alone.submission);
    const { request } = rowsFor('1', '1', 'alone', '2');
    const broken = [
      { ...request.rows[0], body: '{{' },
      { ...request.rows[0], payment: 'bm8=' },
      { body: '{"model":"tiny","messages":[]}', payment: 'x' },
    ];
    const other = rowsFor('other').request.rows.map((row) => ({
      ...row,
      offerId: '00'.repeat(32),
    }));
    const rows = [...request.rows, ...broken, ...other] as typeof request.rows;
    const { batch, refused } = await bench.client.submitBatch({ ...request, rows });
    expect(batch.total).toBe(2);
    expect(refused.map(({ row, code }) => [row, code])).toEqual([
      [1, 'JOB_CONFLICT'],
      [2, 'JOB_CONFLICT'],
      [4, 'BAD_REQUEST'],
      [5, 'PAYMENT_MALFORMED'],
      [6, 'BAD_REQUEST'],
      [7, 'PAYMENT_MALFORMED'],
    ]);
  });

  test('of ten thousand rows is taken in one request, and one more row is refused', async () => {
    const keys = Array.from({ length: limits.batchJobs }, (_, key) => `${key}`);
    const { request } = rowsFor(...keys);
    const { batch, refused } = await bench.client.submitBatch(request);
    expect(refused).toEqual([]);
    expect(batch.total).toBe(limits.batchJobs);
    expect((await bench.client.about({})).jobs.queued).toBeGreaterThan(limits.batchJobs - 10);
    const rows = [...request.rows, ...rowsFor('more').request.rows];
    await expect(bench.client.submitBatch({ ...request, rows })).rejects.toMatchObject({
      code: 'BAD_REQUEST',
    });
    const cancelled = await bench.client.cancelBatch({ batchId: batch.batchId });
    expect(cancelled.cancelled).toBeGreaterThan(limits.batchJobs - 10);
    expect(cancelled.isDone).toBe(false);
  });

  test('is the same after a crash', async () => {
    const { request } = rowsFor('1', '2', '3');
    const { batch } = await bench.client.submitBatch(request);
    await workOff(market.provider, 1);
    await market.provider.next('jobAck');
    bench = await bench.crash();
    const { batchId } = batch;
    expect(await bench.client.getBatch({ batchId })).toMatchObject({ total: 3, completed: 1 });
    const back = await sellingProvider(bench);
    market = { ...market, provider: back.provider };
    await bench.pass(1_000);
    await workOff(back.provider, 2);
    await until(async () => (await bench.client.getBatch({ batchId })).isDone);
    expect(await bench.client.getBatch({ batchId })).toMatchObject({ completed: 3, done: 3 });
  });

  test('that nobody knows is not found', async () => {
    const batchId = '00'.repeat(32);
    for (const call of ['getBatch', 'cancelBatch', 'batchResults', 'batchEvents'] as const) {
      await expect(bench.client[call]({ batchId })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    }
    await expect(bench.client.jobEvents({ jobId: batchId })).rejects.toMatchObject({
      code: 'JOB_UNKNOWN',
    });
  });
});

describe('events', () => {
  test('of a job say how it is now and how it ends', async () => {
    const { jobId, submission } = submissionFor(market.offer);
    await bench.client.submitJob(submission);
    await market.provider.next('job');
    const reading = readEvents(`/v1/jobs/${jobId}/events`);
    await until(async () => (await bench.client.getJob({ jobId })).state === 'dispatched');
    complete(jobId);
    const events = await reading;
    expect(events.every(({ name }) => name === 'job')).toBe(true);
    expect(events.at(-1)?.data.state).toBe('completed');
    expect(await readEvents(`/v1/jobs/${jobId}/events`)).toHaveLength(1);
  });

  test('of a batch come once for each job, also for a reader that comes back', async () => {
    const { request } = rowsFor('1', '2', '3', '4');
    const { batch } = await bench.client.submitBatch(request);
    const path = `/v1/batches/${batch.batchId}/events`;
    const first = readEvents(path, { enough: (events) => events.length >= 2 });
    await workOff(market.provider, 2);
    expect((await first).map(({ id }) => id)).toEqual(['1', '2']);
    const rest = readEvents(path, { lastId: '2' });
    await workOff(market.provider, 2);
    const events = await rest;
    expect(events.map(({ id, name }) => [id, name])).toEqual([
      ['3', 'job'],
      ['4', 'job'],
      ['4', 'done'],
    ]);
    expect(events.at(-1)?.data).toMatchObject({ completed: 4, isDone: true });
  });

  test('are limited in number, and end when the coordinator stops', async () => {
    const { jobId, submission } = submissionFor(market.offer);
    await bench.client.submitJob(submission);
    await market.provider.next('job');
    const path = `${bench.url}/v1/jobs/${jobId}/events`;
    const open = await Promise.all(Array.from({ length: limits.jobWatchers }, () => fetch(path)));
    expect(open.every(({ status }) => status === 200)).toBe(true);
    const refused = await fetch(path);
    expect(refused.status).toBe(429);
    expect(await refused.json()).toMatchObject({ code: 'RATE_LIMITED' });
    await bench.coordinator.stop();
    for (const response of open) expect(await response.text()).toContain('dispatched');
  });
});

describe('notices', () => {
  interface Notice {
    readonly request: IncomingMessage;
    readonly body: string;
  }
  let server: Server;
  let notices: Notice[];
  let statuses: number[];
  const urlOf = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;

  beforeEach(async () => {
    notices = [];
    statuses = [];
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += String(chunk);
      });
      request.on('end', () => {
        notices.push({ request, body });
        response.statusCode = statuses.shift() ?? 204;
        response.end('x'.repeat(100_000));
      });
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  });
  afterEach(() => {
    server.closeAllConnections();
    return new Promise((done) => server.close(done));
  });

  const headerOf =
    ({ request }: Notice) =>
    (name: string) =>
      String(request.headers[name]);
  const until1 = async (count: number) =>
    until(async () => {
      await bench.pass(0);
      return notices.length >= count;
    });

  test('of a job and of a batch are signed with the key that the coordinator shows', async () => {
    const { jobId, submission } = submissionFor(market.offer, { key: 'alone' });
    await bench.client.submitJob({ ...submission, webhook: urlOf() });
    const { request } = rowsFor('1', '2');
    const { batch } = await bench.client.submitBatch({ ...request, webhook: urlOf() });
    await workOff(market.provider, 3);
    await until1(2);
    const { webhookKey } = await bench.client.about({});
    for (const notice of notices) {
      const { body } = notice;
      const nowMs = bench.clock.nowMs();
      expect(verifyWebhook(webhookKey, { header: headerOf(notice), body }, nowMs)).toBe(true);
      const changed = { header: headerOf(notice), body: `${body} ` };
      expect(verifyWebhook(webhookKey, changed, nowMs)).toBe(false);
    }
    const bodies = notices.map(({ body }) => JSON.parse(body));
    expect(bodies).toContainEqual(
      expect.objectContaining({ type: 'job.ended', data: await bench.client.getJob({ jobId }) }),
    );
    expect(bodies).toContainEqual(
      expect.objectContaining({
        type: 'batch.ended',
        data: await bench.client.getBatch({ batchId: batch.batchId }),
      }),
    );
    await bench.pass(60_000);
    expect(notices).toHaveLength(2);
  });

  test('are sent again with longer waits until they are taken, over a crash too', async () => {
    statuses = [500, 302];
    const { jobId, submission } = submissionFor(market.offer);
    await bench.client.submitJob({ ...submission, webhook: urlOf() });
    await workOff(market.provider, 1);
    await market.provider.next('jobAck');
    await until1(1);
    await bench.pass(1_999);
    expect(notices).toHaveLength(1);
    await until(async () => {
      await bench.pass(100);
      return notices.length === 2;
    });
    bench = await bench.crash();
    await bench.pass(60_000);
    await until1(3);
    expect(new Set(notices.map((notice) => headerOf(notice)('webhook-id')))).toEqual(
      new Set([jobId]),
    );
  });

  test('are given up after so many tries, and at once when the receiver is gone for good', async () => {
    statuses = Array.from({ length: limits.webhookTries + 5 }, () => 503);
    const { submission } = submissionFor(market.offer);
    await bench.client.submitJob({ ...submission, webhook: urlOf() });
    await workOff(market.provider, 1);
    await market.provider.next('jobAck');
    for (let tries = 1; tries <= limits.webhookTries; tries += 1) {
      await until1(tries);
      await bench.pass(3_600_000);
    }
    for (let round = 0; round < 5; round += 1) await bench.pass(3_600_000);
    expect(notices).toHaveLength(limits.webhookTries);
  });

  test('do not go to our own network unless the operator wants it', async () => {
    await bench.stop();
    bench = await startBench({ config: { webhooksToPrivate: false } });
    bench.chain.register(seller);
    market = await sellingProvider(bench);
    const { submission } = submissionFor(market.offer);
    await bench.client.submitJob({ ...submission, webhook: urlOf() });
    await workOff(market.provider, 1);
    await market.provider.next('jobAck');
    for (let round = 0; round < 5; round += 1) await bench.pass(60_000);
    expect(notices).toEqual([]);
  });
});
