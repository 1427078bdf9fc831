import { Ollama } from 'ollama';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { bundledModelPath } from '../bundled-model.ts';
import { complianceCases } from '../compliance.ts';
import { createEmbeddedEngine } from '../embedded/embedded-engine.ts';
import type { Engine } from '../engine.ts';
import { collect, failureOf, greedyRequest } from '../testing/ask-engine.ts';
import { createEngineServer, type EngineServer } from '../testing/engine-server.ts';
import type { EngineFault } from '../testing/faults.ts';
import { findNonAsciiRequest } from '../testing/non-ascii-request.ts';
import { until } from '../testing/until.ts';
import { createOllamaEngine } from './ollama-engine.ts';
import { chatLineOf, isVersionAtLeast } from './ollama-wire.ts';

const model = 'tiny-sqlite-docs';
const signal = () => AbortSignal.timeout(20_000);
const behind = createEmbeddedEngine({ modelPath: bundledModelPath() });
const server: EngineServer = createEngineServer({ engine: behind });
let engine: Engine;

beforeAll(async () => {
  await behind.start();
  await server.start();
  engine = createOllamaEngine({ baseUrl: server.url(), resume: 'exact' });
  await engine.start();
});
afterAll(async () => {
  await engine.stop();
  await server.stop();
  await behind.stop();
});
afterEach(() => server.setFault(undefined));

async function withFault(fault: EngineFault) {
  server.setFault(fault);
  return collect(engine, greedyRequest(model));
}

async function failureWith(fault: EngineFault) {
  server.setFault(fault);
  return failureOf(engine, greedyRequest(model));
}

describe('ollama engine', () => {
  for (const { name, run } of complianceCases)
    it(name, () => run({ engine, model, judge: behind }));

  it('names the model it does not have', async () => {
    const error = await failureOf(engine, greedyRequest('other'));
    const facts = { engine: 'ollama', model: 'other' };
    expect(error).toMatchObject({ code: 'ENGINE_MODEL_UNKNOWN', facts });
    expect(engine.classify(error)).toBe('bad');
  });

  it('continues answers as a best effort, and makes vectors, unless the owner says otherwise', async () => {
    const plain = createOllamaEngine({ baseUrl: server.url() });
    await plain.start();
    const { models } = await plain.probe(signal());
    expect(models[0]).toMatchObject({ resume: 'best effort', serves: ['chat', 'embed'] });
    await plain.stop();
  });

  it('refuses a prefix when the owner says that the model does not continue it', async () => {
    const plain = createOllamaEngine({ baseUrl: server.url(), resume: 'none' });
    await plain.start();
    const before = server.counts().generations;
    const error = await failureOf(plain, greedyRequest(model, { prefixText: 'The' }));
    expect(error).toMatchObject({ code: 'ENGINE_BAD_REQUEST' });
    expect(server.counts().generations).toBe(before);
    await plain.stop();
  });

  it('sends validated fields only, with a bound of tokens and without truncation', async () => {
    const request = {
      ...greedyRequest(model, { stop: ['#'], seed: 3 }),
      keep_alive: -1,
      num_ctx: 9,
    };
    await collect(engine, request);
    expect(server.counts().lastBody).toEqual({
      model,
      messages: request.messages,
      stream: true,
      truncate: false,
      think: false,
      logprobs: true,
      options: { num_predict: 60, temperature: 0, stop: ['#'], seed: 3 },
    });
  });

  it('gives the tokens and the text that the engine behind it gives', async () => {
    const direct = await collect(behind, greedyRequest(model));
    const adapted = await collect(engine, greedyRequest(model));
    expect(adapted.text).toBe(direct.text);
    expect(adapted.tokens).toBe(direct.tokens);
    expect(adapted.end.promptTokens).toBe(direct.end.promptTokens);
  });

  it('refuses an Ollama with known holes', async () => {
    const old = createEngineServer({ engine: behind, version: '0.17.0' });
    await old.start();
    const adapter = createOllamaEngine({ baseUrl: old.url() });
    await adapter.start();
    const error = await adapter.probe(signal()).catch((failure: unknown) => failure);
    expect(error).toMatchObject({ code: 'ENGINE_TOO_OLD', facts: { expected: '0.17.1' } });
    expect(adapter.classify(error)).toBe('gone');
    await adapter.stop();
    await old.stop();
  });

  it('compares versions by number', () => {
    expect(isVersionAtLeast('0.17.1', '0.17.1')).toBe(true);
    expect(isVersionAtLeast('0.33.0-rc1', '0.17.1')).toBe(true);
    expect(isVersionAtLeast('1.0.0', '0.17.1')).toBe(true);
    expect(isVersionAtLeast('0.9.9', '0.17.1')).toBe(false);
    expect(isVersionAtLeast('newest', '0.17.1')).toBe(false);
  });

  it('says gone when nothing listens', async () => {
    const adapter = createOllamaEngine({ baseUrl: 'http://127.0.0.1:1' });
    await adapter.start();
    const error = await adapter.probe(signal()).catch((failure: unknown) => failure);
    expect(error).toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
    expect(adapter.classify(error)).toBe('gone');
    await adapter.stop();
  });
});

describe('when the counters of Ollama lie or are absent', () => {
  it('1: after an abort the streamed tokens are known, and the engine stops', async () => {
    const abort = new AbortController();
    const events = engine.generate(greedyRequest(model, { maxTokens: 1_500 }), abort);
    let tokens = 0;
    let tokensAtAbort = 0;
    const reading = (async () => {
      for await (const event of events) {
        tokens += event.type === 'tokens' ? event.tokens : 0;
        if (tokens < 10) continue;
        tokensAtAbort ||= tokens;
        abort.abort();
      }
    })();
    await expect(reading).rejects.toMatchObject({ name: 'AbortError' });
    expect(tokens).toBe(tokensAtAbort); // nothing after it, also of what one read had brought
    expect(tokens).toBeLessThan(10 + 4); // events of one read hold four at most
    await until(() => behind.gauges().running === 0, 250);
  });

  it('2: a stream that ends without its last line is incomplete and billed as streamed', async () => {
    const { tokens, end } = await withFault({ kind: 'repetition', afterTokens: 7 });
    expect(tokens).toBe(7 + 31);
    expect(end).toEqual({
      type: 'end',
      reason: 'stop',
      promptTokens: undefined,
      completionTokens: 7 + 31,
      incomplete: true,
    });
    expect((await withFault({ kind: 'no-done', afterTokens: 7 })).end).toMatchObject({
      completionTokens: 7,
      incomplete: true,
    });
  });

  it('3: tokens of a first, thinking run are counted though the counter leaves them out', async () => {
    const plain = await collect(engine, greedyRequest(model));
    const { text, tokens, end, events } = await withFault({ kind: 'thinking-twice' });
    expect(text).toBe(plain.text);
    expect(events.map(({ thinking }) => thinking ?? '').join('')).toBe(plain.text);
    expect(tokens).toBe(2 * plain.tokens);
    expect(end.completionTokens).toBe(2 * plain.tokens);
    expect(end.counterTokens).toBeLessThan(end.completionTokens);
  });

  it('4: an error line in the stream is a crash with its text', async () => {
    const error = await failureWith({ kind: 'error-line', afterTokens: 5 });
    expect(error).toMatchObject({
      code: 'ENGINE_CRASHED',
      facts: { reason: expect.stringContaining('runner process') },
    });
    expect(engine.classify(error)).toBe('crash');
  });

  it('takes missing counters on the last line as zero and bills what was streamed', async () => {
    const plain = await collect(engine, greedyRequest(model));
    const { end } = await withFault({ kind: 'no-counters' });
    expect(end).toMatchObject({
      promptTokens: 0,
      counterTokens: 0,
      completionTokens: plain.tokens,
    });
  });

  it('counts messages when the server gives no log-probabilities', async () => {
    const plain = await collect(behind, greedyRequest(model));
    const { text, tokens, end } = await withFault({ kind: 'no-logprobs' });
    expect(text).toBe(plain.text);
    expect(tokens).toBe(end.completionTokens);
    expect(tokens).toBe(plain.events.filter((event) => event.text !== '').length);
  });
});

describe('when the stream is damaged', () => {
  it('puts characters together that were split between packets', async () => {
    const { request, text } = await findNonAsciiRequest(behind, model);
    server.setFault({ kind: 'split-bytes' });
    expect((await collect(engine, request)).text).toBe(text);
  });

  it.each([
    {
      of: 'a connection closed in mid-stream',
      fault: { kind: 'close', afterTokens: 5 },
      code: 'ENGINE_CRASHED',
      trouble: 'crash',
    },
    {
      of: 'a line that is not JSON',
      fault: { kind: 'not-json', afterTokens: 5 },
      code: 'ENGINE_PROTOCOL',
      trouble: 'crash',
    },
    {
      of: 'a line without end',
      fault: { kind: 'long-line', afterTokens: 5 },
      code: 'ENGINE_PROTOCOL',
      trouble: 'crash',
    },
    { of: 'a full load queue', fault: { kind: 'busy' }, code: 'ENGINE_BUSY', trouble: 'busy' },
    { of: 'a failed load', fault: { kind: 'broken' }, code: 'ENGINE_CRASHED', trouble: 'crash' },
  ] as const)('has a code for $of', async ({ fault, code, trouble }) => {
    const error = await failureWith(fault);
    expect(error).toMatchObject({ code });
    expect(engine.classify(error)).toBe(trouble);
    expect(engine.gauges().running).toBe(0);
  });

  it('gives up a stream that stalls', async () => {
    const impatient = createOllamaEngine({ baseUrl: server.url(), stallTimeoutMs: 100 });
    await impatient.start();
    server.setFault({ kind: 'stall', afterTokens: 5 });
    const error = await failureOf(impatient, greedyRequest(model));
    expect(error).toMatchObject({ code: 'ENGINE_CRASHED' });
    await until(() => behind.gauges().running === 0);
    await impatient.stop();
  });
});

describe('the test engine as an Ollama', () => {
  it('serves the real client, streaming, whole and aborted', async () => {
    const client = new Ollama({ host: server.url() });
    expect((await client.list()).models[0]?.name).toBe(model);
    const messages = [{ role: 'user', content: 'What is a virtual table?' }];
    const options = { temperature: 0, num_predict: 60 };
    const plain = await collect(engine, greedyRequest(model));
    let text = '';
    for await (const part of await client.chat({ model, messages, options, stream: true })) {
      text += part.message.content;
    }
    expect(text).toBe(plain.text);
    const whole = await client.generate({ model, prompt: messages[0]!.content, options });
    expect(whole.response).toBe(plain.text);
    const stream = await client.chat({ model, messages, stream: true });
    await stream[Symbol.asyncIterator]().next();
    client.abort();
    await until(() => behind.gauges().running === 0);
  });

  it('counts its calls by path', async () => {
    const before = server.counts();
    await engine.probe(signal());
    await collect(engine, greedyRequest(model, { maxTokens: 3 }));
    const after = server.counts();
    const more = (path: string) => (after.calls[path] ?? 0) - (before.calls[path] ?? 0);
    expect(['/api/version', '/api/tags', '/api/ps', '/api/show', '/api/chat'].map(more)).toEqual([
      1, 1, 1, 1, 1,
    ]);
    expect(after.tokensSent - before.tokensSent).toBe(3);
  });

  it('speaks lines that the adapter reads without loss', () => {
    const line = chatLineOf({ message: { role: 'assistant', content: 'a' }, done: false });
    expect(line).toMatchObject({ text: 'a', thinking: '', completionTokens: 0, done: false });
  });
});
