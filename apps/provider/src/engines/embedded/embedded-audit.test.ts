import { readFileSync } from 'node:fs';
import { AppError } from '@aitbc/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundledModelPath } from '../bundled-model.ts';
import type { EngineRequest } from '../engine.ts';
import { collect, greedyRequest } from '../testing/ask-engine.ts';
import { createEmbeddedEngine, type EmbeddedEngine } from './embedded-engine.ts';

const model = 'sold';
const slots = 4;
const smallModelPath = bundledModelPath().replace('tiny-f16', 'tiny-small-f16');
const signal = () => AbortSignal.timeout(20_000);

describe('audits by the embedded engine', () => {
  let honest: EmbeddedEngine;
  let cheat: EmbeddedEngine;
  let auditor: EmbeddedEngine;
  let digest: string;
  beforeAll(async () => {
    honest = createEmbeddedEngine({ modelPath: bundledModelPath(), name: model, slots });
    cheat = createEmbeddedEngine({ modelPath: smallModelPath, name: model });
    auditor = createEmbeddedEngine({ modelPath: bundledModelPath(), slots });
    await Promise.all([honest.start(), cheat.start(), auditor.start()]);
    digest = (await auditor.probe(signal())).models[0]?.digest ?? '';
  });
  afterAll(() => Promise.all([honest.stop(), cheat.stop(), auditor.stop()]));

  const ask = (content: string, more: Partial<EngineRequest> = {}) =>
    greedyRequest(model, { messages: [{ role: 'user', content }], maxTokens: 120, ...more });

  const replay = (request: EngineRequest, text: string, formerText = '') =>
    auditor.audit?.({
      ...{ digest, formerText, text, signal: signal() },
      request: { messages: request.messages, stop: request.stop ?? [] },
    });

  const topics = [
    'pragma',
    'analyze analyze analyze',
    'é ü 漢字 🙂',
    'Write café — “quoted”',
    'WAL',
  ];

  it.each(topics)('finds an answer to %s exact, whatever its tokens are', async (topic) => {
    const { text, tokens } = await collect(honest, ask(topic));
    const exact = { tokens, exactTokens: tokens, gapMeanMicro: 0, gapMaxMicro: 0 };
    expect(await replay(ask(topic), text)).toEqual(exact);
  });

  it('finds an answer exact that broke off anywhere', async () => {
    // One of its tokens is not the one that the tokenizer has for that text.
    const request = ask('analyze analyze analyze', { maxTokens: 80 });
    for (let maxTokens = 1; maxTokens <= 80; maxTokens += 3) {
      const { text } = await collect(honest, { ...request, maxTokens });
      expect(await replay(request, text), `${maxTokens}`).toMatchObject({ gapMaxMicro: 0 });
    }
  });

  it('holds a provider to its own part where it went on with what another one had made up', async () => {
    const formerText = 'Das Café „Zur schönen Aussicht“ — 漢字 🙂 — is a TEN of';
    const request = ask('names', { prefixText: formerText });
    const { text, tokens } = await collect(honest, request);
    const measure = await replay(request, text, formerText);
    expect(measure).toMatchObject({ tokens, exactTokens: tokens, gapMaxMicro: 0 });
  });

  it.each(topics)('finds a smaller model out by its answer to %s', async (topic) => {
    const { text } = await collect(cheat, ask(topic));
    const measure = await replay(ask(topic), text);
    expect(measure?.gapMaxMicro).toBeGreaterThan(300_000);
    expect(measure?.exactTokens).toBeLessThan(measure?.tokens ?? 0);
  });

  it('tells a sampled answer from a greedy one', async () => {
    const warm = await collect(honest, ask('triggers', { temperature: 0.7, seed: 3 }));
    expect((await replay(ask('triggers'), warm.text))?.gapMaxMicro).toBeGreaterThan(300_000);
  });

  it('decodes greedily at temperature 0 whatever else is asked for', async () => {
    const plain = await collect(honest, ask('triggers'));
    const fields = { topP: 0.01, topK: 3, seed: 7 };
    expect((await collect(honest, ask('triggers', fields))).text).toBe(plain.text);
  });

  /** Generations that hold a slot each. */
  async function holdSlots(count: number) {
    const aborts = Array.from({ length: count }, () => new AbortController());
    const held = aborts.map((abort) =>
      auditor
        .generate(greedyRequest('tiny-sqlite-docs'), { signal: abort.signal })
        [Symbol.asyncIterator](),
    );
    await Promise.all(held.map((events) => events.next()));
    return async () => {
      for (const abort of aborts) abort.abort(new AppError('CANCELLED'));
      await Promise.all(held.map((events) => events.return?.().catch(() => undefined)));
    };
  }

  it('gives way to a paid job that needs its slot, which gets it at once', async () => {
    const release = await holdSlots(slots - 1);
    const audit = replay(ask('long'), 'one two three '.repeat(300));
    const paid = collect(auditor, greedyRequest('tiny-sqlite-docs', { maxTokens: 3 }));
    await expect(audit).rejects.toMatchObject({ code: 'ENGINE_BUSY' });
    expect((await paid).tokens).toBe(3);
    await release();
    expect(await replay(ask('long'), 'one')).toMatchObject({ tokens: 2 });
  });

  it('waits for a free slot and for another audit by refusing', async () => {
    const release = await holdSlots(slots);
    await expect(replay(ask('a'), 'one')).rejects.toMatchObject({ code: 'ENGINE_BUSY' });
    await release();
    const first = replay(ask('a'), 'one two three');
    await expect(replay(ask('a'), 'one')).rejects.toMatchObject({ code: 'ENGINE_BUSY' });
    expect(await first).toMatchObject({ tokens: expect.any(Number) });
  });

  it.runIf(process.platform === 'linux')(
    'runs one native call at a time: with more, answers got tokens of one another',
    () => {
      const environment = readFileSync(`/proc/${auditor.processId()}/environ`, 'utf8');
      expect(environment.split('\0')).toContain('UV_THREADPOOL_SIZE=1');
    },
  );

  it('measures the same beside paid jobs, and is no load in the gauges', async () => {
    const { text, tokens } = await collect(honest, ask('pragma'));
    const paid = ['a', 'b', 'c'].map((topic) =>
      collect(auditor, { ...ask(topic), model: 'tiny-sqlite-docs' }),
    );
    const audit = replay(ask('pragma'), text);
    expect(auditor.gauges().running).toBe(3);
    const measure = await audit;
    expect(measure?.tokens).toBe(tokens);
    expect(measure?.gapMaxMicro).toBeLessThan(5_000);
    await Promise.all(paid);
  });
});
