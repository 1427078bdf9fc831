import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OutputOf, providerEndpoints } from '@aitbc/protocol';
import { createProviderClient, type ProviderClient } from '@aitbc/sdk';
import { afterEach, describe, expect, it } from 'vitest';
import type { RunTool } from './inventory/run-tool.ts';
import { nvidiaTwoCards } from './inventory/testing/tool-outputs.ts';
import { createCountingEngine } from './testing/counting-engine.ts';
import { startProvider, type TestProvider, type TestWishes } from './testing/start-provider.ts';

let test: TestProvider | undefined;
const dirs: string[] = [];
afterEach(async () => {
  await test?.stop();
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true });
});

const cards: RunTool = async (name) =>
  name === 'nvidia-smi' ? { kind: 'text', text: nvidiaTwoCards, exitCode: 0 } : { kind: 'absent' };

/** An engine that does not tell how many jobs it takes at once. */
function silentEngine() {
  const made = createCountingEngine();
  const gauges = () => ({ ...made.engine.gauges(), slots: undefined });
  return { ...made, engine: { ...made.engine, gauges } };
}

async function start(
  wishes: TestWishes = {},
): Promise<{ owner: ProviderClient; any: ProviderClient }> {
  test = await startProvider({ ...wishes, deps: { runTool: cards, ...wishes.deps } });
  const token = readFileSync(join(test.dataDir, 'admin.token'), 'utf8').trim();
  const baseUrl = test.url;
  return {
    owner: createProviderClient({ baseUrl, token }),
    any: createProviderClient({ baseUrl }),
  };
}

function newDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'aitbc-owner-'));
  dirs.push(dir);
  return dir;
}

describe("the owner's calls", () => {
  it('are closed to everybody else', async () => {
    const { any } = await start();
    await expect(any.bench({})).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    await expect(any.earnings({})).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    expect(test?.counts.calls).toBe(0);
  });

  it('measure the models, show the result as a claim, and keep it', async () => {
    const dataDir = newDir();
    const { owner, any } = await start({ dataDir });
    const { benchmarks } = await owner.bench({});
    expect(benchmarks).toMatchObject([{ model: 'test-model', engine: 'embedded' }]);
    const { claims } = await any.status({});
    expect(claims.benchmarks).toEqual(benchmarks);
    expect(claims.gpus).toMatchObject([
      { name: 'NVIDIA GeForce RTX 4090', memoryBytes: 24_564 * 1_048_576, slice: null },
      { name: 'NVIDIA GeForce RTX 3090' },
    ]);
    expect(claims.gpus[0]).not.toHaveProperty('temperatureC');
    await test?.stop();
    const later = await start({ dataDir });
    expect((await later.any.status({})).claims.benchmarks).toEqual(benchmarks);
    expect(test?.counts.calls).toBe(0);
    expect(await owner.bench({ model: 'unheard of' }).catch(({ code }) => code)).toBe(
      'UNAVAILABLE',
    );
    expect(await later.owner.bench({ model: 'unheard of' })).toEqual({ benchmarks: [] });
  });

  it('give the money of each day and model as the receipts have it', async () => {
    const { owner, any } = await start();
    const body =
      '{"model":"test-model","messages":[{"role":"user","content":"hi"}],"max_tokens":20}';
    const buyer = test!.buyer;
    for (const key of ['a', 'b']) {
      const answer = await fetch(`${test!.url}/v1/chat/completions`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'payment-signature': buyer.header(body, { key, tokens: 20 }),
        },
        body,
      });
      expect(answer.status).toBe(200);
      await answer.text();
    }
    const { charged, jobs } = await any.status({});
    const { rows, now, days } = await owner.earnings({ days: 2 });
    expect(jobs).toBe(2);
    expect(rows).toEqual([
      {
        day: new Date().toISOString().slice(0, 10),
        model: 'test-model',
        jobs: 2,
        failed: 0,
        promptTokens: 14,
        outputTokens: 40,
        charged,
      },
    ]);
    // Two times 7 a request, 7 prompt tokens and 20 output tokens at 1 nait each.
    expect([charged, now, days]).toEqual(['68', 'not_connected', 2]);
  });

  it('say why nothing is earned', async () => {
    const { owner } = await start({ config: { register: true } });
    const { rows, now } = await owner.earnings({});
    expect(rows).toEqual([]);
    expect(['not_registered', 'not_connected']).toContain(now);
  });
});

describe('the slots of a provider', () => {
  const statusOf = async (wishes: TestWishes): Promise<OutputOf<typeof providerEndpoints.status>> =>
    (await start(wishes)).any.status({});

  it('are measured before the first offer where the engine does not tell them', async () => {
    const { claims, slots } = await statusOf({ engine: silentEngine() });
    expect(claims.benchmarks).toMatchObject([{ slots }]);
    expect(slots).toBeGreaterThan(0);
  });

  it('are those of the owner when there is a setting, and then nothing is measured', async () => {
    const engine = silentEngine();
    const { claims, slots } = await statusOf({ engine, config: { slots: 3 } });
    expect([slots, claims.benchmarks, engine.counts.calls]).toEqual([3, [], 0]);
  });

  it('are those of the engine where it tells them, and nothing is measured', async () => {
    const { claims, slots } = await statusOf({});
    expect([slots, claims.benchmarks]).toEqual([4, []]);
  });
});
