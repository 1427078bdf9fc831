import { setMaxListeners } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '@aitbc/protocol';
import { createLog } from '@aitbc/service';
import { describe, expect, it } from 'vitest';
import type { EngineModel } from '../engines/engine.ts';
import { type Gpu, gpuOf } from '../inventory/gpu.ts';
import {
  type CountingEngine,
  createCountingEngine,
  type EngineScript,
} from '../testing/counting-engine.ts';
import { createBenchmark } from './benchmark.ts';
import { readBenchmarks, writeBenchmarks } from './benchmark-file.ts';
import { bandwidthOf, judgeSpeed } from './bound-speed.ts';
import { type Rung, slotsOfLadder } from './count-slots.ts';
import { type ModelBenchmark, measureModel } from './measure-model.ts';

const card = (name: string): Gpu => gpuOf({ vendor: 'nvidia', index: 0, name });
const rung = (atOnce: number, tokensPerSecond: number, more: Partial<Rung> = {}): Rung => ({
  ...{ atOnce, tokensPerSecond, firstTokenMsP95: 30, gapMsP95: 10, ...more },
});

describe('the ladder', () => {
  it.each([
    [
      'an engine that batches to the top',
      [rung(1, 100), rung(2, 180), rung(4, 300), rung(8, 500)],
      8,
    ],
    ['an engine of one slot that lets others wait', [rung(1, 100), rung(2, 101)], 1],
    ['an engine of four slots', [rung(1, 73), rung(2, 87), rung(4, 145), rung(8, 96)], 4],
    [
      'an engine that makes all streams slow',
      [rung(1, 100), rung(2, 190, { gapMsP95: 11 }), rung(4, 300, { gapMsP95: 20 })],
      2,
    ],
    ['a step that gains less than a twentieth', [rung(1, 100), rung(2, 104.9)], 1],
    [
      'an engine that lets one wait on a noisy machine',
      [rung(1, 100), rung(2, 130, { firstTokenMsP95: 500 })],
      1,
    ],
    ['an engine that never answered', [], 1],
  ])('gives %s its slots', (_name, rungs, slots) => {
    expect(slotsOfLadder(rungs)).toBe(slots);
  });
});

describe('the bound of the memory', () => {
  const eight = { model: 'qwen3:8b', parameters: 8.2e9, quantization: 'Q4_K_M' };
  const judge = (
    tokensPerSecond: number,
    changes: Partial<Parameters<typeof judgeSpeed>[0]> = {},
  ) =>
    judgeSpeed({ ...eight, tokensPerSecond, gpus: [card('NVIDIA GeForce RTX 4090')], ...changes });

  it('flags a speed that the card cannot have, and lets pass what it can', () => {
    // 1008 GB/s with a tenth on top, by 8.2e9 weights of half a byte: 270 tokens/s.
    expect(judge(150)).toMatchObject({ verdict: 'plausible' });
    expect(judge(150).tokensPerSecondMax).toBeCloseTo((1008e9 * 1.1) / 4.1e9, 6);
    expect(judge(600)).toMatchObject({ verdict: 'impossible' });
    expect(judge(600, { gpus: [1, 2, 3].map(() => card('RTX 4090')) }).verdict).toBe('plausible');
  });

  it('does not judge what it does not know', () => {
    const verdicts = [
      judge(1e6, { gpus: [] }),
      judge(1e6, { gpus: [card('NVIDIA Something 1')] }),
      judge(1e6, { parameters: undefined }),
      judge(1e6, { quantization: '' }),
      judge(1e6, { model: 'gpt-oss:20b' }),
      judge(1e6, { parameters: 5e8 }),
    ].map(({ verdict }) => verdict);
    expect(new Set(verdicts)).toEqual(new Set(['unknown']));
  });

  it('reads the active size of a mixture of experts out of its name', () => {
    const mixture = { model: 'qwen3:30b-a3b', parameters: 30.5e9 };
    expect(judge(300, mixture).verdict).toBe('plausible');
    expect(judge(300, { parameters: 30.5e9 }).verdict).toBe('impossible');
    expect(judge(900, mixture).verdict).toBe('impossible');
  });

  it('takes the longest name that fits, and the word of the tool before the table', () => {
    expect(bandwidthOf(card('NVIDIA GeForce RTX 4070 Ti SUPER'))).toBe(672e9);
    expect(bandwidthOf(card('NVIDIA H100 80GB HBM3'))).toBe(3352e9);
    expect(bandwidthOf(card('NVIDIA L40000'))).toBe(null);
    expect(bandwidthOf(card('Apple M4 Pro, 20 cores'))).toBe(273e9);
    expect(bandwidthOf({ ...card('RTX 4090'), bandwidthBytesPerSecond: 7 })).toBe(7);
  });
});

const model: EngineModel = {
  ...{ name: 'test-model', digest: `sha256:${'ab'.repeat(32)}`, contextMax: 4_096 },
  resume: 'none',
};
const unending = Array.from({ length: 400 }, (_, at) => `w${at} `);

/** An engine of so many slots, each giving a piece every few ms; requests beyond them wait. */
function slowEngine(slots: number, script: EngineScript = {}) {
  const waiting: (() => void)[] = [];
  let running = 0;
  const pieceMs = 4;
  const made = createCountingEngine({
    words: unending,
    ...script,
    before: () => new Promise((resolve) => setTimeout(resolve, pieceMs)),
  });
  const { engine } = made;
  const generate: typeof engine.generate = async function* (request, options) {
    if (running >= slots) await new Promise<void>((resolve) => waiting.push(resolve));
    running += 1;
    try {
      yield* engine.generate(request, options);
    } finally {
      running -= 1;
      waiting.shift()?.();
    }
  };
  const gauges = () => ({ ...engine.gauges(), slots: undefined });
  return { ...made, engine: { ...engine, generate, gauges } };
}

const never = new AbortController().signal;
setMaxListeners(0, never); // the counting engine leaves a listener for each call

describe('measuring a model', () => {
  it('finds the slots of an engine that does not tell them', async () => {
    let nonce = 0;
    const { engine, requests } = slowEngine(2);
    const deps = { engine, nonce: () => (nonce += 1) };
    const measured = await measureModel(model, deps, never);
    expect(measured.ladder.map(({ atOnce }) => atOnce)).toEqual([1, 2, 4]);
    expect(slotsOfLadder(measured.ladder)).toBe(2);
    expect(measured.prefill.map(({ promptTokens }) => promptTokens)).toEqual([7]);
    expect(measured.decodeTokensPerSecond).toBeGreaterThan(20);
    expect(measured.decodeTokensPerSecond).toBeLessThan(1_000 / 4);
    const prompts = requests.map(({ messages }) => messages[0]?.content);
    expect(new Set(prompts).size).toBe(requests.length);
    expect(prompts.some((text) => (text ?? '').split(' ').length > 512)).toBe(true);
    expect(
      requests.every(({ maxTokens, temperature }) => maxTokens <= 128 && temperature === 0),
    ).toBe(true);
  });

  it('asks no engine for more at once than it says it takes', async () => {
    const { engine } = createCountingEngine({ words: unending, slots: 2 });
    const measured = await measureModel(model, { engine, nonce: () => 1 }, never);
    expect(measured.ladder.every(({ atOnce }) => atOnce <= 2)).toBe(true);
  });

  it('says no speed of an answer that ended at once', async () => {
    const { engine } = createCountingEngine({ words: ['one'] });
    const measured = await measureModel(model, { engine, nonce: () => 1 }, never);
    expect(measured.decodeTokensPerSecond).toBe(0);
  });
});

function benchmarkWith(
  made: CountingEngine = slowEngine(4),
  saved: readonly ModelBenchmark[] = [],
) {
  const state = { jobs: 0, saved: [] as ModelBenchmark[], version: 'test' };
  const benchmark = createBenchmark({
    engine: made.engine,
    probe: () => ({ ...made.probe, version: state.version }),
    gpus: () => [],
    paidJobs: () => state.jobs,
    nowMs: () => 1_000,
    nonce: () => Math.trunc(Math.random() * 2 ** 32),
    log: createLog({ name: 'test', level: 'silent' }),
    saved,
    save: (results) => {
      state.saved = [...results];
    },
  });
  return { benchmark, state, made };
}

describe('the benchmark of a provider', () => {
  it('keeps a result for the same weights and engine, and measures anew for others', async () => {
    const first = benchmarkWith(slowEngine(1));
    await first.benchmark.runMissing([], never);
    expect(first.benchmark.slots('test-model')).toBe(1);
    expect(first.state.saved).toMatchObject([
      { model: 'test-model', engineVersion: 'test', plausibility: { verdict: 'unknown' } },
    ]);
    const later = benchmarkWith(slowEngine(1), first.state.saved);
    await later.benchmark.runMissing([], never);
    expect(later.made.counts.calls).toBe(0);
    later.state.version = 'newer';
    expect(later.benchmark.slots('test-model')).toBe(undefined);
  });

  it('gives way to a paid job, and does not begin beside one', async () => {
    const { benchmark, state, made } = benchmarkWith();
    const running = benchmark.run([], never);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(benchmark.isRunning()).toBe(true);
    await expect(benchmark.run([], never)).rejects.toMatchObject({ code: 'ENGINE_BUSY' });
    state.jobs = 1;
    await expect(running).rejects.toMatchObject({ code: 'ENGINE_BUSY' });
    const { calls } = made.counts;
    await expect(benchmark.run([], never)).rejects.toMatchObject({ code: 'ENGINE_BUSY' });
    expect(made.counts.calls - calls).toBeLessThanOrEqual(1);
    expect(benchmark.isRunning()).toBe(false);
    expect(benchmark.results()).toEqual([]);
  });

  it('tells the owner why an engine could not be measured, and lets the daemon start', async () => {
    const crash = () =>
      Promise.reject(new AppError('ENGINE_CRASHED', { engine: 'e', reason: 'x' }));
    const { benchmark, made, state } = benchmarkWith(createCountingEngine({ before: crash }));
    await benchmark.runMissing([], never);
    expect([made.counts.calls, state.saved, benchmark.results()]).toEqual([1, [], []]);
    await expect(benchmark.run([], never)).rejects.toMatchObject({ code: 'ENGINE_CRASHED' });
    expect(await benchmark.run(['no such model'], never)).toEqual([]);
  });

  it('survives a file that nobody can read', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'aitbc-bench-'));
    const path = join(dir, 'benchmark.json');
    expect(readBenchmarks(path)).toEqual([]);
    const { benchmark } = benchmarkWith(slowEngine(1));
    const results = await benchmark.run([], never);
    writeBenchmarks(path, results);
    expect(readBenchmarks(path)).toEqual(results);
    writeFileSync(path, readFileSync(path, 'utf8').slice(0, -9));
    expect(readBenchmarks(path)).toEqual([]);
    rmSync(dir, { recursive: true });
  });
});
