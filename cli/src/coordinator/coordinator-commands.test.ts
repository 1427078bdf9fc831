import { AppError, addressOf, coordinatorEndpoints, type MarketEvent } from '@aitbc/protocol';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { Job } from '../ai/job-text.ts';
import { createTestHome, type RunOptions } from '../testing/run-words.ts';
import { serveTable, type TableHandlers, type TestServer } from '../testing/table-server.ts';

const home = createTestHome();
afterAll(() => home.remove());
const provider = addressOf('22'.repeat(32));
const id = 'ab'.repeat(32);

let coordinator: TestServer | undefined;
afterEach(() => coordinator?.close());
async function run(
  words: readonly string[],
  handlers: TableHandlers<typeof coordinatorEndpoints>,
  options: RunOptions = {},
) {
  coordinator = await serveTable(coordinatorEndpoints, handlers);
  return home.run([...words, '--coordinator-url', coordinator.url], options);
}

describe('aitbc coordinator status', () => {
  it('shows network, queue and jobs, and does without numbers that are hidden', async () => {
    const jobs = {
      ...{ queued: 3, dispatched: 1, running: 2, completed: 5, failed: 1, expired: 0 },
      cancelled: 0,
    };
    const about = () => ({
      ...{ name: 'market-1', network: 'test', caip2: 'x', genesisHash: id, jobs },
      ...{ providers: 1, offers: 2, webhookKey: 'whpk_x' },
    });
    const { stdout } = await run(['coordinator', 'status'], { about });
    expect(stdout).toMatch(
      /queue +3 wait, 1 are given out\nrunning +2 jobs\nended +5 completed, 1 failed/,
    );
    await coordinator?.close();
    const json = await run(['coordinator', 'status', '--json'], { about });
    expect(JSON.parse(json.stdout)).toMatchObject({ name: 'market-1', jobs, load: null });
  });
});

describe('aitbc coordinator events', () => {
  const event = (seq: number, facts: MarketEvent['facts']): MarketEvent => ({
    ...{ seq, atMs: 1_000, provider, facts },
  });
  const came: MarketEvent['facts'] = { kind: 'provider_in', endpoint: 'http://127.0.0.1:9' };
  const sold: MarketEvent['facts'] = {
    ...{ kind: 'receipt', jobId: id, offerId: id, channelId: id, model: 'tiny', promptTokens: 5 },
    ...{ outputTokens: 6, charged: '42', outcome: 'complete', firstTokenMs: 80, durationMs: 200 },
  };
  const pages = (
    all: () => readonly MarketEvent[],
  ): TableHandlers<typeof coordinatorEndpoints> => ({
    events({ after = 0, limit = 100, kind }) {
      const wanted = all().filter(({ facts }) => kind === undefined || facts.kind === kind);
      const events = wanted.filter(({ seq }) => seq > after).slice(0, limit);
      return { events, next: events.at(-1)?.seq ?? after };
    },
  });

  it('shows the newest ones, of one kind when asked', async () => {
    const all = [event(1, came), event(2, sold), event(3, came)];
    const { stdout } = await run(
      ['coordinator', 'events', '-n', '2', '--json'],
      pages(() => all),
    );
    expect((JSON.parse(stdout) as { events: MarketEvent[] }).events).toEqual(all.slice(1));
    await coordinator?.close();
    const sales = await run(
      ['coordinator', 'events', '--kind', 'receipt'],
      pages(() => all),
    );
    expect(sales.stdout).toMatch(
      /receipt +tiny: 5 \+ 6 tokens, 0\.000000042 AIT, first after 80 ms/,
    );
    expect(sales.stdout).not.toContain('provider_in');
  });

  it('goes on with new ones until it is ended', async () => {
    const all = [event(1, came)];
    const stop = new AbortController();
    const seen: number[] = [];
    const onStdout = (text: string) => {
      for (const line of text.trim().split('\n')) {
        seen.push((JSON.parse(line) as MarketEvent).seq);
      }
      if (seen.length === 1) all.push(event(2, sold));
      else stop.abort();
    };
    const options = { signal: stop.signal, onStdout };
    const { exitCode } = await run(
      ['coordinator', 'events', '-f', '--json'],
      pages(() => all),
      options,
    );
    expect([exitCode, seen]).toEqual([0, [1, 2]]);
  });
});

describe('aitbc ai cancel', () => {
  const job: Job = {
    ...{ jobId: id, state: 'cancelled', kind: 'inference', model: 'tiny', payer: provider },
    ...{ provider, offerId: id, attempts: 0, createdAtMs: 1, deadlineMs: 2, startedAtMs: null },
    ...{ finishedAtMs: 3, error: null },
  };
  it('takes back a job, and says when it cannot', async () => {
    const done = await run(['ai', 'cancel', id, '--json'], { cancelJob: () => job });
    expect(JSON.parse(done.stdout)).toEqual(job);
    await coordinator?.close();
    const late = await run(['ai', 'cancel', id], {
      cancelJob() {
        throw new AppError('JOB_STATE_WRONG', { jobId: id, state: 'running' });
      },
    });
    expect([late.exitCode, late.stderr.includes('is running')]).toEqual([6, true]);
  });
});
