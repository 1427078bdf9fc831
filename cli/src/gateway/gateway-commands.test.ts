import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { addressOf, gatewayEndpoints } from '@aitbc/protocol';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestHome, type RunOptions } from '../testing/run-words.ts';
import { serveTable, type TestServer } from '../testing/table-server.ts';
import type { LoggedJob } from './job-rows.ts';

const home = createTestHome();
afterAll(() => home.remove());

const key = {
  ...{ name: 'agent', dayMax: '1000000000', jobMax: null, models: ['tiny'] },
  ...{ createdAtMs: 1, spentToday: '42' },
};
const part = (provider: string) => ({
  ...{ provider, from: 0, outputTokens: 3, charged: '21', outcome: 'complete', isSettled: true },
});
const jobOf = (digit: string, state: LoggedJob['state'] = 'ended'): LoggedJob => ({
  ...{
    jobId: digit.repeat(64),
    atMs: 1_000,
    model: 'tiny',
    dialect: 'openai',
    key: 'agent',
    state,
  },
  ...{ outcome: 'complete', promptTokens: 5, outputTokens: 6, charged: '42', firstTokenMs: 80 },
  durationMs: 200,
  parts: [part(addressOf('11'.repeat(32))), part(addressOf('22'.repeat(32)))],
});

let jobs: LoggedJob[];
let gateway: TestServer;
beforeEach(async () => {
  jobs = [jobOf('b'), jobOf('a')];
  gateway = await serveTable(gatewayEndpoints, {
    createKey: () => ({ ...key, secret: 'aitbc-secret' }),
    listKeys: () => ({ keys: [key] }),
    deleteKey: ({ name }) => ({ name }),
    log: ({ limit }) => ({ jobs: jobs.slice(0, limit) }),
  });
});
afterEach(() => gateway.close());

const withToken = { env: { AITBC_GATEWAY_TOKEN: 'owner' } };
const run = (words: readonly string[], options: RunOptions = withToken) =>
  home.run(['--gateway-url', gateway.url, 'gateway', ...words], options);

describe('aitbc gateway key', () => {
  it('makes a key and shows its secret once, with its limits', async () => {
    const words = ['key', 'create', 'agent', '--day-max', '1', '--models', 'tiny, big'];
    const { stdout, exitCode } = await run(words);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('aitbc-secret');
    expect(stdout).toContain('agent: at most 1 AIT a day, only tiny.');
    expect(gateway.calls).toEqual([
      {
        what: 'createKey',
        authorization: 'Bearer owner',
        input: { name: 'agent', dayMax: '1000000000', jobMax: null, models: ['tiny', 'big'] },
      },
    ]);
    const json = await run(['key', 'create', 'agent', '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ key: { secret: 'aitbc-secret' } });
  });

  it('lists and removes', async () => {
    const { stdout } = await run(['key', 'list']);
    expect(stdout).toMatch(/agent.*tiny.*–.*1 AIT.*0\.000000042 AIT/);
    expect((await run(['key', 'remove', 'agent'])).stdout).toContain('Removed: agent');
  });

  it('finds the owner’s token in the folder of the gateway, and says where it looked', async () => {
    const lost = await run(['key', 'list'], {});
    expect(lost.exitCode).toBe(5);
    expect(lost.stderr).toContain(join('gateway', 'admin.token'));
    const folder = join(home.dir, '.aitbc', 'gateway');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'admin.token'), 'from-file\n');
    expect((await run(['key', 'list'], {})).exitCode).toBe(0);
    expect(gateway.calls[0]?.authorization).toBe('Bearer from-file');
  });
});

describe('aitbc gateway log', () => {
  it('shows requests with their cost and their providers', async () => {
    const { stdout } = await run(['log']);
    expect(stdout).toMatch(/agent +tiny +complete +5 \+ 6 +80 ms +0\.000000042 AIT +ait1.+ → ait1/);
    const json = await run(['log', '--limit', '1', '--json']);
    expect(JSON.parse(json.stdout)).toEqual({ jobs: [jobOf('b')] });
  });

  it('goes on with what ends, each once, oldest first', async () => {
    jobs.unshift(jobOf('c', 'running'));
    const stop = new AbortController();
    const seen: string[] = [];
    const onStdout = (text: string) => {
      for (const line of text.split('\n').filter(Boolean)) {
        const { jobId } = JSON.parse(line) as LoggedJob;
        seen.push(jobId.slice(0, 1));
        if (jobId.startsWith('b')) jobs = [jobOf('d'), jobOf('c'), ...jobs.slice(1)];
        if (jobId.startsWith('d')) stop.abort();
      }
    };
    await run(['log', '--follow', '--json'], { ...withToken, signal: stop.signal, onStdout });
    expect(seen).toEqual(['a', 'b', 'c', 'd']);
  });

  it('refuses a count that is none', async () => {
    expect((await run(['log', '--limit', 'x'])).exitCode).toBe(2);
  });
});
