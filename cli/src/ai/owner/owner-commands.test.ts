import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError, providerEndpoints } from '@aitbc/protocol';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { createOut } from '../../context/out.ts';
import { createTestHome } from '../../testing/run-words.ts';
import { gpuOf } from '../../testing/sample-gpu.ts';
import { serveTable, type TestServer } from '../../testing/table-server.ts';
import { gpuRows } from './gpu-rows.ts';
import { noteServed } from './served.ts';

const home = createTestHome();
const servers: TestServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));
afterAll(() => home.remove());

const benchmark = {
  ...{ model: 'qwen3:8b', digest: '', engine: 'ollama', engineVersion: '0.32.15' },
  ...{ measuredAtMs: 1, slots: 4, firstCallMs: 900, decodeTokensPerSecond: 120.4 },
  prefill: [{ promptTokens: 512, firstTokenMs: 90, tokensPerSecond: 5_689 }],
  ladder: [1, 2].map((atOnce) => ({
    ...{ atOnce, tokensPerSecond: 118 * atOnce, firstTokenMsP50: 30, firstTokenMsP95: 40 },
    ...{ gapMsP50: 8, gapMsP95: 9 },
  })),
  plausibility: {
    ...{ verdict: 'plausible' as const, tokensPerSecondMax: 270.4 },
    reason: '1008 GB/s ÷ 4.1 GB of weights',
  },
};
const row = { day: '2026-11-23', model: 'qwen3:8b', jobs: 3, failed: 1 };
const statement = {
  ...{ days: 7, now: 'not_registered' as const, audits: { accused: 1, lost: 2 } },
  rows: [{ ...row, promptTokens: 30, outputTokens: 90, charged: '1500000000' }],
  use: [
    { day: '2026-11-23', reason: 'not_asked' as const, ms: 5_400_000 },
    { day: '2026-11-23', reason: 'busy' as const, ms: 1_800_000 },
  ],
};

/** A provider that `ai serve` runs in the home of the test. */
async function servedProvider(busy = false) {
  const dataDir = join(home.dir, '.aitbc', 'serve');
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(join(dataDir, 'admin.token'), 'secret\n');
  const server = await serveTable(providerEndpoints, {
    bench({ model }) {
      if (busy) throw new AppError('ENGINE_BUSY', { engine: 'ollama', reason: 'paid jobs run' });
      return { benchmarks: model === 'nothing' ? [] : [benchmark] };
    },
    earnings: () => statement,
  });
  servers.push(server);
  return { server, forget: noteServed(dataDir, server.url) };
}

describe('the commands of an owner', () => {
  it('find the provider that ai serve runs, and show its token to nobody else', async () => {
    const { server, forget } = await servedProvider();
    const { exitCode, stdout } = await home.run(['ai', 'bench']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('120.4 tokens/s, one stream');
    expect(stdout).toContain('plausible (at most 270 tokens/s: 1008 GB/s ÷ 4.1 GB of weights)');
    expect(stdout).toMatch(/^ +2 +236\.0 /m);
    expect(server.calls[0]?.authorization).toBe('Bearer secret');
    forget();
    const url = { AITBC_PROVIDER_URL: 'http://127.0.0.1:9' };
    const gone = await home.run(['ai', 'bench'], { env: url });
    expect([gone.exitCode, gone.stdout]).toEqual([7, '']);
  });

  it('tell of a model that is none, and of jobs that go first', async () => {
    const { forget } = await servedProvider();
    const none = await home.run(['ai', 'bench', 'nothing']);
    expect(none.stdout).toBe('The provider has no model that answers chats.\n');
    forget();
    await servedProvider(true);
    const busy = await home.run(['ai', 'bench', '--json']);
    expect(busy.exitCode).toBe(7);
    expect(busy.stdout + busy.stderr).toContain('ENGINE_BUSY');
  });

  it('give the statement with its sum, shares of the day and the reason of now', async () => {
    const { server } = await servedProvider();
    const { stdout } = await home.run(['ai', 'earnings', '--days', '7']);
    expect(server.calls[0]?.input).toEqual({ days: 7 });
    expect(stdout).toMatch(/^2026-11-23 +qwen3:8b +3 +1 +30 +90 +1\.5 AIT$/m);
    expect(stdout).toContain('1.5 AIT in 7 days');
    expect(stdout).toMatch(/^2026-11-23 +90 minutes +75 % +on the market/m);
    expect(stdout).toContain('Now: not registered');
    expect(stdout).toContain('1 dispute against you on chain; 2 audits lost');
    const json = await home.run(['ai', 'earnings', '--json']);
    expect(JSON.parse(json.stdout)).toEqual(statement);
  });

  it('say where the token is missing', async () => {
    await servedProvider();
    const words = ['ai', 'earnings', '--data-dir', join(home.dir, 'elsewhere')];
    const { exitCode, stderr } = await home.run(words);
    expect(exitCode).toBe(5);
    expect(stderr).toContain(join('elsewhere', 'admin.token'));
  });
});

describe('ai gpus', () => {
  const streams = { stdout: { write() {} }, stderr: { write() {} } };
  const out = createOut({ json: false, colors: false, ...streams });

  it('answers one JSON value on any machine', async () => {
    const { exitCode, stdout } = await home.run(['ai', 'gpus', '--json']);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      gpus: expect.any(Array),
      troubles: expect.any(Array),
    });
  });

  it('shows a dash for what a tool does not tell', () => {
    const gpus = [gpuOf({ name: 'RTX 4090', memoryBytes: 24 * 2 ** 30 }), gpuOf({ slice: 1 })];
    const text = gpuRows(out, { source: 'nvidia-smi', gpus, troubles: [] });
    expect(text).toMatch(/^0 +RTX 4090 +24\.0 GiB +– +– +– +– +–$/m);
    expect(text).toMatch(/^0\.1 +a card/m);
    expect(gpuRows(out, { source: null, gpus: [], troubles: [] })).toContain('No graphics card');
  });
});
