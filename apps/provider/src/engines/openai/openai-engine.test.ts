import OpenAI from 'openai';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { bundledModelPath } from '../bundled-model.ts';
import { complianceCases } from '../compliance.ts';
import { createEmbeddedEngine } from '../embedded/embedded-engine.ts';
import type { Engine } from '../engine.ts';
import { assertSame, collect, failureOf, greedyRequest } from '../testing/ask-engine.ts';
import { createEngineServer, type EngineServer } from '../testing/engine-server.ts';
import { findNonAsciiRequest } from '../testing/non-ascii-request.ts';
import { until } from '../testing/until.ts';
import { createOpenaiEngine } from './openai-engine.ts';

const model = 'tiny-sqlite-docs';
const signal = () => AbortSignal.timeout(20_000);
const behind = createEmbeddedEngine({ modelPath: bundledModelPath() });
const server: EngineServer = createEngineServer({ engine: behind });
let engine: Engine;
let plainEngine: Engine;

beforeAll(async () => {
  await behind.start();
  await server.start();
  engine = createOpenaiEngine({ baseUrl: `${server.url()}/`, resume: 'exact', embedModels: [] });
  plainEngine = createOpenaiEngine({ baseUrl: server.url(), logprobs: false, apiKey: 'secret' });
  await engine.start();
  await plainEngine.start();
});
afterAll(async () => {
  await engine.stop();
  await plainEngine.stop();
  await server.stop();
  await behind.stop();
});
afterEach(() => server.setFault(undefined));

describe('openai engine, llama-server style', () => {
  for (const { name, run } of complianceCases)
    it(name, () => run({ engine, model, judge: behind }));
});

describe('openai engine, any server', () => {
  for (const { name, run } of complianceCases) {
    it(name, () => run({ engine: plainEngine, model }));
  }
});

describe('openai engine', () => {
  it('takes context and size from the listing, and digests from the owner', async () => {
    const digest = `sha256:${'ab'.repeat(32)}`;
    const known = createOpenaiEngine({ baseUrl: server.url(), digests: { [model]: digest } });
    await known.start();
    expect(await known.probe(signal())).toEqual({
      engine: 'openai',
      version: 'unknown',
      models: [
        {
          name: model,
          contextMax: 2048,
          serves: ['chat'],
          resume: 'none',
          digest,
          parameters: 1_312_384,
        },
      ],
    });
    await known.stop();
  });

  it.each([
    { style: 'llama-server', resume: 'best effort', asked: true },
    { style: 'vllm', resume: 'best effort', asked: true },
    { style: 'plain', resume: 'none', asked: undefined },
  ] as const)('knows how a $style continues', async ({ style, resume, asked }) => {
    const other = createEngineServer({ engine: behind, server: style });
    await other.start();
    const known = createOpenaiEngine({ baseUrl: other.url() });
    await known.start();
    expect((await known.probe(signal())).models[0]?.resume).toBe(resume);
    if (resume === 'best effort') {
      const whole = await collect(known, greedyRequest(model));
      const { events } = await collect(behind, greedyRequest(model));
      const prefixText = events
        .slice(0, 7)
        .map(({ text }) => text)
        .join('');
      const rest = await collect(known, greedyRequest(model, { prefixText, maxTokens: 53 }));
      const target = { engine: known, model, judge: behind };
      const text = prefixText + rest.text;
      await assertSame(target, greedyRequest(model), { whole: whole.text, text });
      const sent = other.counts().lastBody as Record<string, unknown>;
      expect(sent.continue_final_message).toBe(asked);
    }
    await known.stop();
    await other.stop();
  });

  it('makes the vectors that the engine behind it makes, for models that are for that', async () => {
    const vectors = createOpenaiEngine({ baseUrl: server.url(), embedModels: [model] });
    await vectors.start();
    const found = (await vectors.probe(signal())).models[0];
    expect(found?.serves).toEqual(['embed']);
    const asked = { model, inputs: ['a table', 'another', 'a table'] };
    const options = { signal: signal() };
    expect(await vectors.embed(asked, options)).toEqual(await behind.embed(asked, options));
    for (const { name, run } of complianceCases) {
      if (name.startsWith('makes vectors')) await run({ engine: vectors, model });
    }
    await vectors.stop();
  });

  it('names the model it does not have', async () => {
    const error = await failureOf(engine, greedyRequest('other'));
    const facts = { engine: 'openai', model: 'other' };
    expect(error).toMatchObject({ code: 'ENGINE_MODEL_UNKNOWN', facts });
    expect(engine.classify(error)).toBe('bad');
  });

  it('sends validated fields only and asks for usage', async () => {
    const request = { ...greedyRequest(model), logit_bias: {}, n: 4 };
    await collect(plainEngine, request);
    expect(server.counts().lastBody).toEqual({
      model,
      messages: request.messages,
      stream: true,
      stream_options: { include_usage: true },
      max_tokens: 60,
      temperature: 0,
    });
  });

  it('gives the tokens and the text that the engine behind it gives', async () => {
    const direct = await collect(behind, greedyRequest(model));
    const adapted = await collect(engine, greedyRequest(model));
    expect(adapted.text).toBe(direct.text);
    expect(adapted.tokens).toBe(direct.tokens);
    expect(adapted.end.promptTokens).toBe(direct.end.promptTokens);
  });

  it('does not know the prompt tokens when usage is missing', async () => {
    server.setFault({ kind: 'no-counters' });
    const { end, tokens } = await collect(engine, greedyRequest(model));
    expect(end.promptTokens).toBeUndefined();
    expect(end.counterTokens).toBeUndefined();
    expect(end.completionTokens).toBe(tokens);
  });

  it('marks a stream without a finish reason as incomplete', async () => {
    server.setFault({ kind: 'no-done', afterTokens: 6 });
    const { end } = await collect(engine, greedyRequest(model));
    expect(end).toMatchObject({ completionTokens: 6, incomplete: true });
  });

  it('passes reasoning text on and counts it', async () => {
    const plain = await collect(engine, greedyRequest(model));
    server.setFault({ kind: 'thinking-twice' });
    const { events, tokens } = await collect(engine, greedyRequest(model));
    expect(events.map(({ thinking }) => thinking ?? '').join('')).toBe(plain.text);
    expect(tokens).toBe(2 * plain.tokens);
  });

  it('puts characters together that were split between packets', async () => {
    const { request, text } = await findNonAsciiRequest(behind, model);
    server.setFault({ kind: 'split-bytes' });
    expect((await collect(engine, request)).text).toBe(text);
  });

  it.each([
    {
      of: 'an error event',
      fault: { kind: 'error-line', afterTokens: 5 },
      code: 'ENGINE_CRASHED',
      trouble: 'crash',
    },
    {
      of: 'a connection closed in mid-stream',
      fault: { kind: 'close', afterTokens: 5 },
      code: 'ENGINE_CRASHED',
      trouble: 'crash',
    },
    {
      of: 'an endless line',
      fault: { kind: 'long-line', afterTokens: 5 },
      code: 'ENGINE_PROTOCOL',
      trouble: 'crash',
    },
    {
      of: 'an event that is not JSON',
      fault: { kind: 'not-json', afterTokens: 5 },
      code: 'ENGINE_PROTOCOL',
      trouble: 'crash',
    },
    { of: 'a full queue', fault: { kind: 'busy' }, code: 'ENGINE_BUSY', trouble: 'busy' },
    { of: 'a broken server', fault: { kind: 'broken' }, code: 'ENGINE_CRASHED', trouble: 'crash' },
  ] as const)('has a code for $of', async ({ fault, code, trouble }) => {
    server.setFault(fault);
    const error = await failureOf(engine, greedyRequest(model));
    expect(error).toMatchObject({ code });
    expect(engine.classify(error)).toBe(trouble);
  });
});

describe('the test engine as an OpenAI server', () => {
  it('serves the real client', async () => {
    const client = new OpenAI({ baseURL: `${server.url()}/v1`, apiKey: 'none' });
    expect((await client.models.list()).data[0]?.id).toBe(model);
    const body = {
      model,
      messages: [{ role: 'user' as const, content: 'What is a virtual table?' }],
      temperature: 0,
      max_tokens: 60,
    };
    const plain = await collect(engine, greedyRequest(model));
    const whole = await client.chat.completions.create(body);
    expect(whole.choices[0]?.message.content).toBe(plain.text);
    let text = '';
    for await (const part of await client.chat.completions.create({ ...body, stream: true })) {
      text += part.choices[0]?.delta.content ?? '';
    }
    expect(text).toBe(plain.text);
    await until(() => behind.gauges().running === 0);
  });
});
