import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundledModelPath } from '../bundled-model.ts';
import { complianceCases } from '../compliance.ts';
import type { EngineRequest } from '../engine.ts';
import { assertContinues, collect, failureOf, greedyRequest } from '../testing/ask-engine.ts';
import { until } from '../testing/until.ts';
import { createEmbeddedEngine, type EmbeddedEngine } from './embedded-engine.ts';
import { INSTALL_COMMAND } from './worker-process.ts';

const modelPath = bundledModelPath();
const model = 'tiny-sqlite-docs';
const signal = () => AbortSignal.timeout(20_000);

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch {
    return false;
  }
}

describe('embedded engine', () => {
  let engine: EmbeddedEngine;
  beforeAll(async () => {
    engine = createEmbeddedEngine({ modelPath, restartDelayMs: 20 });
    await engine.start();
  });
  afterAll(() => engine.stop());

  for (const { name, run } of complianceCases) it(name, () => run({ engine, model }));

  it('tells the digest of the file, the quantisation and the number of weights', async () => {
    const { models } = await engine.probe(signal());
    const digest = `sha256:${createHash('sha256').update(readFileSync(modelPath)).digest('hex')}`;
    expect(models).toEqual([
      {
        name: model,
        digest,
        quantization: 'F16',
        contextMax: 2048,
        parameters: 1312384,
        serves: ['chat', 'embed'],
        resume: 'exact',
        verifiable: true,
      },
    ]);
  });

  it('counts the prompt of the chat template exactly', async () => {
    const request = greedyRequest(model, { messages: [{ role: 'user', content: '' }] });
    // <|user|> \n <|end|> \n <|assistant|> \n
    expect(await engine.countPromptTokens(request, signal())).toBe(6);
  });

  it('adds the tokens of the prefix to the prompt', async () => {
    const bare = await engine.countPromptTokens(greedyRequest(model), signal());
    const more = await engine.countPromptTokens(
      greedyRequest(model, { prefixText: 'a' }),
      signal(),
    );
    expect(more! - bare!).toBe(1);
  });

  it('does not take an end token written out in a prefix for a real one', async () => {
    const bare = await engine.countPromptTokens(greedyRequest(model), signal());
    const request = greedyRequest(model, { prefixText: '<|end|>' });
    expect((await engine.countPromptTokens(request, signal()))! - bare!).toBeGreaterThan(1);
  });

  const ask = (content: string, more: Partial<EngineRequest> = {}) =>
    greedyRequest(model, { messages: [{ role: 'user', content }], ...more });

  it.each(['Explain the WAL mode.', 'rowid', 'é ü 漢字 🙂', 'Write café — “quoted”'])(
    'continues its answer to %s after every token',
    async (content) => {
      await assertContinues({ engine, model }, ask(content, { maxTokens: 40 }));
    },
  );

  it('continues text that it did not write, characters of several tokens included, like itself', async () => {
    const prefixText = 'Das Café „Zur schönen Aussicht“ — 漢字 🙂 — ';
    const whole = await collect(engine, ask('names', { prefixText, maxTokens: 30 }));
    for (let cut = 1; cut < whole.events.length; cut += 1) {
      const before = whole.events.slice(0, cut);
      const text = prefixText + before.map((event) => event.text).join('');
      const rest = await collect(engine, ask('names', { prefixText: text, maxTokens: 30 - cut }));
      expect(text + rest.text).toBe(prefixText + whole.text);
    }
  });

  it('is not misled where its tokens are not those that the text has', async () => {
    // Its greedy answer writes `_T` `EN` where the tokenizer has `_` `TE` `N`, and goes on with other words then.
    const request = ask('analyze analyze analyze', { maxTokens: 80 });
    const whole = await collect(engine, request);
    const tokensOf = (text: string) =>
      engine.countPromptTokens({ ...request, prefixText: text }, signal());
    const empty = await engine.countPromptTokens(request, signal());
    const parts = whole.events.map(({ text }) => text);
    const at = parts.findIndex((part, index) => part === 'EN' && parts[index - 1]?.endsWith('T'));
    expect(at).toBeGreaterThan(0);
    expect((await tokensOf(parts.slice(0, at + 1).join('')))! - empty!).toBe(at + 1);
    for (let cut = at - 1; cut < whole.events.length; cut += 1) {
      const prefixText = parts.slice(0, cut).join('');
      const rest = await collect(engine, { ...request, prefixText, maxTokens: 80 - cut });
      expect(prefixText + rest.text, `cut ${cut}`).toBe(whole.text);
    }
  });

  it('sends whole characters only, and counts the tokens of each', async () => {
    const hot = { temperature: 2, topK: 0, topP: 1, maxTokens: 300 };
    const messages = [{ role: 'user' as const, content: 'é ü 漢字 🙂' }];
    let tokensOfSeveral = 0;
    for (let seed = 1; seed <= 5; seed += 1) {
      const { events, tokens, end } = await collect(
        engine,
        greedyRequest(model, { ...hot, messages, seed }),
      );
      tokensOfSeveral += events.filter((event) => event.tokens > 1).length;
      expect(tokens).toBe(end.completionTokens);
      for (const { text } of events.slice(0, -1)) expect(text).not.toMatch(/^\uFFFD$/);
    }
    expect(tokensOfSeveral).toBeGreaterThan(0);
  });

  it('keeps greedy answers the same with all slots at work on different prompts', async () => {
    const topics = ['pragma', 'triggers', 'a long list of words '.repeat(20), 'FTS5'];
    const answer = (content: string) => collect(engine, ask(content));
    const alone: string[] = [];
    for (const topic of topics) alone.push((await answer(topic)).text);
    const together = await Promise.all(topics.map(answer));
    expect(together.map(({ text }) => text)).toEqual(alone);
  });

  it('names the model it does not have', async () => {
    const error = await failureOf(engine, greedyRequest('other'));
    const facts = { engine: 'embedded', model: 'other' };
    expect(error).toMatchObject({ code: 'ENGINE_MODEL_UNKNOWN', facts });
    expect(engine.classify(error)).toBe('bad');
  });

  it('says busy when every slot works, and starts at once when one is left', async () => {
    const aborts = Array.from({ length: 4 }, () => new AbortController());
    const held = aborts.map((abort) =>
      engine.generate(greedyRequest(model), { signal: abort.signal })[Symbol.asyncIterator](),
    );
    await Promise.all(held.map((events) => events.next()));
    const error = await failureOf(engine, greedyRequest(model));
    expect(error).toMatchObject({ code: 'ENGINE_BUSY' });
    expect(engine.classify(error)).toBe('busy');
    aborts[0]?.abort();
    await collect(engine, greedyRequest(model, { maxTokens: 2 }));
    await Promise.all(held.map((events) => events.return?.().catch(() => undefined)));
    expect(engine.gauges().running).toBe(0);
  });

  it('holds back what may be the start of a stop string, and releases it when it is not', async () => {
    const { text } = await collect(engine, greedyRequest(model));
    const almost = `${text.slice(4, 9)}#`;
    expect((await collect(engine, greedyRequest(model, { stop: [almost] }))).text).toBe(text);
  });

  it('does not lock up on a stop string longer than its credit', async () => {
    const { text, tokens } = await collect(engine, greedyRequest(model));
    const result = await collect(engine, greedyRequest(model, { stop: [`${text}#`] }));
    expect(result.text).toBe(text);
    expect(result.tokens).toBe(tokens);
  });

  it('turns a dead worker into ENGINE_CRASHED and starts another', async () => {
    const first = engine.processId()!;
    const events = engine
      .generate(greedyRequest(model), { signal: signal() })
      [Symbol.asyncIterator]();
    await events.next();
    process.kill(first, 'SIGKILL');
    const drained = (async () => {
      while (!(await events.next()).done);
    })();
    const error = await drained.catch((failure: unknown) => failure);
    expect(error).toMatchObject({ code: 'ENGINE_CRASHED' });
    expect(engine.classify(error)).toBe('crash');
    expect(engine.gauges().state).toBe('restarting');
    const refused = await failureOf(engine, greedyRequest(model));
    expect(refused).toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
    expect(engine.classify(refused)).toBe('gone');
    await until(() => engine.gauges().state === 'ready');
    expect(engine.processId()).not.toBe(first);
    expect((await collect(engine, greedyRequest(model))).tokens).toBeGreaterThan(0);
  });
});

describe('embedded engine, start and end', () => {
  it('says which command installs llama.cpp when it is missing', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'engine-'));
    const engineFolder = pathToFileURL(`${folder}/`);
    const engine = createEmbeddedEngine({ modelPath, engineFolder });
    await expect(engine.start()).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
      message: expect.stringContaining(INSTALL_COMMAND),
    });
    rmSync(folder, { recursive: true });
  });

  it('refuses a file that is no model', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'engine-'));
    const path = join(folder, 'not-a-model.gguf');
    writeFileSync(path, 'hello');
    const engine = createEmbeddedEngine({ modelPath: path });
    await expect(engine.start()).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
    expect(engine.gauges().state).toBe('stopped');
    rmSync(folder, { recursive: true });
  });

  it('ends running generations when it is stopped, and its worker', async () => {
    const engine = createEmbeddedEngine({ modelPath, slots: 1 });
    await engine.start();
    const worker = engine.processId()!;
    const events = engine
      .generate(greedyRequest(model), { signal: signal() })
      [Symbol.asyncIterator]();
    await events.next();
    await engine.stop();
    await expect(events.next()).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
    expect(isAlive(worker)).toBe(false);
  });

  it('frees its only slot within 250 ms, while it writes and while it reads a long prompt', async () => {
    const engine = createEmbeddedEngine({ modelPath, slots: 1 });
    await engine.start();
    const long = [{ role: 'user' as const, content: 'one two three '.repeat(300) }];
    const promptTokens = await engine.countPromptTokens(
      greedyRequest(model, { messages: long }),
      signal(),
    );
    expect(promptTokens).toBeGreaterThan(1_000);
    for (const more of [{ maxTokens: 1_500 }, { messages: long }]) {
      const abort = new AbortController();
      const events = engine.generate(greedyRequest(model, more), abort)[Symbol.asyncIterator]();
      const first = events.next();
      if (!('messages' in more)) await first;
      abort.abort();
      const fromMs = performance.now();
      await expect(first.then(() => events.next())).rejects.toMatchObject({ name: 'AbortError' });
      expect((await collect(engine, greedyRequest(model, { maxTokens: 1 }))).tokens).toBe(1);
      expect(performance.now() - fromMs).toBeLessThan(250);
    }
    await engine.stop();
  });

  it('leaves no worker behind when the parent is killed', async () => {
    const script = `
      import { fork } from 'node:child_process';
      const child = fork(${JSON.stringify(new URL('../../../engine-llama/worker.mjs', import.meta.url).pathname)}, [], { execArgv: [] });
      child.on('message', ({ t }) => process.stdout.write(t + ' ' + child.pid + '\\n'));
      child.send({ t: 'load', modelPath: ${JSON.stringify(modelPath)}, slots: 1, threads: 1 });`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script]);
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const [word, processId] = line.toString().trim().split(' ');
    expect(word).toBe('ready');
    parent.kill('SIGKILL');
    await until(() => !isAlive(Number(processId)));
  });
});
