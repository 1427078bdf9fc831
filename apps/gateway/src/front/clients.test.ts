import { AppError, gatewayHeaders } from '@aitbc/protocol';
import type { BuyCall } from '@aitbc/sdk';
import Anthropic from '@anthropic-ai/sdk';
import { Ollama } from 'ollama';
import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { endOf, saying, secondProvider, testProvider, words } from '../testing/fake-buyer.ts';
import { startGateway, type TestGateway } from '../testing/start-gateway.ts';

const text = words.join('');
const messages = [{ role: 'user' as const, content: 'hi' }];
const bill = { charged: '42', provider: testProvider, providers: [testProvider] };

let gateway: TestGateway;
let openai: OpenAI;
let anthropic: Anthropic;
let ollama: Ollama;
beforeAll(async () => {
  gateway = await startGateway();
  const { url } = gateway;
  openai = new OpenAI({ apiKey: 'none', baseURL: `${url}/v1`, maxRetries: 0 });
  anthropic = new Anthropic({ apiKey: 'none', baseURL: url, maxRetries: 0 });
  ollama = new Ollama({ host: url });
});
afterAll(() => gateway.stop());
beforeEach(() => {
  gateway.script = saying(words);
  gateway.calls.length = 0;
});

/** A buyer that breaks off after one word. */
async function* breakingOff(): ReturnType<TestGateway['script']> {
  yield { type: 'text', text: 'one ' };
  throw new AppError('UNAVAILABLE', { what: 'ait1x', reason: 'it died' });
}

async function read<T>(stream: AsyncIterable<T>, textOf: (part: T) => string): Promise<string> {
  let all = '';
  for await (const part of stream) all += textOf(part);
  return all;
}

describe('the stock openai client', () => {
  it('chats, whole and streamed, and sees the bill', async () => {
    const { data, response } = await openai.chat.completions
      .create({ model: 'tiny', messages })
      .withResponse();
    expect(data.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: text } });
    expect(data.usage).toMatchObject({ total_tokens: 8, x_aitbc: bill });
    expect(response.headers.get(gatewayHeaders.cost)).toBe('42');
    expect(response.headers.get(gatewayHeaders.provider)).toBe(testProvider);
    expect(response.headers.get(gatewayHeaders.jobId)).toMatch(/^[0-9a-f]{64}$/);
    const stream = openai.chat.completions.stream({
      model: 'tiny',
      messages,
      stream_options: { include_usage: true },
    });
    const final = await stream.finalChatCompletion();
    expect(final.choices[0]?.message.content).toBe(text);
    expect(final.usage).toMatchObject({ completion_tokens: 3, x_aitbc: bill });
  });

  it('completes, whole and streamed, with the prompt as one user message', async () => {
    const whole = await openai.completions.create({ model: 'tiny', prompt: 'hi' });
    expect(whole.choices[0]).toMatchObject({ text, finish_reason: 'stop' });
    expect(gateway.calls[0]?.request.messages).toEqual(messages);
    const stream = await openai.completions.create({ model: 'tiny', prompt: 'hi', stream: true });
    expect(await read(stream, ({ choices }) => choices[0]?.text ?? '')).toBe(text);
  });

  it('asks for responses, whole and streamed', async () => {
    const whole = await openai.responses.create({ model: 'tiny', input: 'hi', instructions: 'be' });
    expect(whole.output_text).toBe(text);
    expect(whole.status).toBe('completed');
    expect(whole.usage).toMatchObject({ input_tokens: 5, output_tokens: 3, x_aitbc: bill });
    expect(gateway.calls[0]?.request.messages).toEqual([
      { role: 'system', content: 'be' },
      ...messages,
    ]);
    const types: string[] = [];
    const numbers: number[] = [];
    const stream = openai.responses.stream({ model: 'tiny', input: whole.output as never });
    for await (const event of stream) {
      types.push(event.type);
      numbers.push(event.sequence_number);
    }
    expect(numbers).toEqual(numbers.map((_, index) => index));
    expect(types).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      ...words.map(() => 'response.output_text.delta'),
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ]);
    expect((await stream.finalResponse()).output_text).toBe(text);
  });

  it('is told that a response was cut', async () => {
    gateway.script = saying(words, { finishReason: 'length' });
    const whole = await openai.responses.create({ model: 'tiny', input: 'hi' });
    expect(whole).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
    });
  });

  it('gets vectors as floats and as base64, which it asks for by itself', async () => {
    const embeddings = await openai.embeddings.create({ model: 'tiny', input: ['a', 'b'] });
    expect(embeddings.data.map(({ embedding }) => [...embedding])).toEqual([
      [0, 0.5, -1.25],
      [1, 0.5, -1.25],
    ]);
    expect(embeddings.usage).toMatchObject({ prompt_tokens: 7, x_aitbc: { charged: '9' } });
    const floats = await openai.embeddings.create({
      model: 'tiny',
      input: 'a',
      encoding_format: 'float',
    });
    expect(floats.data[0]?.embedding).toEqual([0, 0.5, -1.25]);
  });

  it('lists and finds models', async () => {
    expect((await openai.models.list()).data.map(({ id }) => id)).toEqual(['tiny', 'org/big']);
    expect((await openai.models.retrieve('org/big')).id).toBe('org/big');
    await expect(openai.models.retrieve('none')).rejects.toMatchObject({
      status: 404,
      code: 'MODEL_UNKNOWN',
    });
  });

  it.each([
    ['chat', () => openai.chat.completions.create({ model: 'tiny', messages, stream: true })],
    ['completion', () => openai.completions.create({ model: 'tiny', prompt: 'x', stream: true })],
    ['response', () => openai.responses.create({ model: 'tiny', input: 'x', stream: true })],
  ])('is told in mid-stream that its %s broke off', async (_name, ask) => {
    gateway.script = breakingOff;
    const stream = (await ask()) as AsyncIterable<unknown>;
    await expect(read(stream, () => '')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('ends the purchase when it leaves', async () => {
    let call: BuyCall | undefined;
    gateway.script = async function* ({ signal }) {
      call = gateway.calls[0];
      yield { type: 'text', text: 'one ' };
      await new Promise((resolve) => signal?.addEventListener('abort', resolve));
      throw new AppError('CANCELLED');
    };
    const stream = await openai.chat.completions.create({ model: 'tiny', messages, stream: true });
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
    await expect.poll(() => call?.signal?.aborted).toBe(true);
  });

  it('repeats what may succeed later, under one key, and nothing else', async () => {
    const patient = new OpenAI({ apiKey: 'x', baseURL: `${gateway.url}/v1`, maxRetries: 2 });
    let failures = 2;
    const { run } = gateway.buyer;
    const fail = new AppError('QUEUE_FULL', { slots: 1, waiting: 1, retryAfterSeconds: 0 });
    const keys: string[] = [];
    gateway.buyer.run = (call) => {
      keys.push(call.idempotencyKey);
      failures -= 1;
      return failures >= 0 ? Promise.reject(fail) : run(call);
    };
    await patient.chat.completions.create({ model: 'tiny', messages });
    expect(new Set(keys).size).toBe(1);
    expect(keys).toHaveLength(3);
    keys.length = 0;
    gateway.buyer.run = async ({ idempotencyKey }) => {
      keys.push(idempotencyKey);
      throw new AppError('JOB_ENDED', { jobId: 'x', outcome: 'limit', receiptPath: '/' });
    };
    const refused = patient.chat.completions.create({ model: 'tiny', messages });
    await expect(refused).rejects.toMatchObject({ status: 409, code: 'JOB_ENDED' });
    expect(keys).toHaveLength(1);
    gateway.buyer.run = run;
  });
});

describe('the stock anthropic client', () => {
  const body = { model: 'tiny', max_tokens: 64, messages, system: 'be short' };

  it('gets messages, whole and streamed, with the bill', async () => {
    const whole = await anthropic.messages.create({ ...body, metadata: { user_id: 'u' } });
    expect(whole).toMatchObject({
      type: 'message',
      role: 'assistant',
      content: [{ type: 'text', text }],
      stop_reason: 'end_turn',
      usage: { input_tokens: 5, output_tokens: 3, x_aitbc: bill },
    });
    expect(gateway.calls[0]?.request).toMatchObject({
      maxTokens: 64,
      messages: [{ role: 'system', content: 'be short' }, ...messages],
    });
    const stream = anthropic.messages.stream(body);
    const deltas: string[] = [];
    stream.on('text', (delta) => deltas.push(delta));
    const final = await stream.finalMessage();
    expect(deltas).toEqual(words);
    expect(final.content).toMatchObject([{ type: 'text', text }]);
    expect(final).toMatchObject({
      stop_reason: 'end_turn',
      usage: { input_tokens: 5, output_tokens: 3 },
    });
  });

  it('is told that the length was the end', async () => {
    gateway.script = saying(words, { finishReason: 'length' });
    expect((await anthropic.messages.create(body)).stop_reason).toBe('max_tokens');
  });

  it('reads refusals and broken answers as errors of its own', async () => {
    const tools = [{ name: 'x', input_schema: { type: 'object' as const } }];
    await expect(anthropic.messages.create({ ...body, tools })).rejects.toMatchObject({
      status: 400,
      type: 'invalid_request_error',
      error: { error: { code: 'FIELD_UNSUPPORTED', facts: { field: 'tools' } } },
    });
    gateway.script = breakingOff;
    const stream = await anthropic.messages.create({ ...body, stream: true });
    await expect(read(stream, () => '')).rejects.toMatchObject({ type: 'overloaded_error' });
  });

  it('lists models', async () => {
    const page = await anthropic.models.list();
    expect(page.data.map(({ id, display_name }) => [id, display_name])).toContainEqual([
      'tiny',
      'tiny',
    ]);
  });
});

describe('the stock ollama client', () => {
  it('chats and generates, whole and streamed', async () => {
    const whole = await ollama.chat({ model: 'tiny', messages });
    expect(whole).toMatchObject({ message: { content: text }, eval_count: 3, x_aitbc: bill });
    const chat = await ollama.chat({ model: 'tiny', messages, stream: true });
    expect(await read(chat, ({ message }) => message.content)).toBe(text);
    const generate = await ollama.generate({ model: 'tiny', prompt: 'hi', stream: true });
    let last: unknown;
    const said = await read(generate, (part) => {
      last = part;
      return part.response ?? '';
    });
    expect(said).toBe(text);
    expect(last).toMatchObject({ done: true, done_reason: 'stop', x_aitbc: bill });
  });

  it('gets vectors in both of its dialects', async () => {
    const both = await ollama.embed({ model: 'tiny', input: ['a', 'b'] });
    expect(both.embeddings).toHaveLength(2);
    const one = await ollama.embeddings({ model: 'tiny', prompt: 'a' });
    expect(one.embedding).toEqual([0, 0.5, -1.25]);
  });

  it('lists, shows and sees what runs', async () => {
    expect((await ollama.list()).models.map(({ name }) => name)).toEqual(['tiny', 'org/big']);
    expect((await ollama.ps()).models).toHaveLength(2);
    expect(await ollama.show({ model: 'tiny' })).toMatchObject({ capabilities: ['completion'] });
    expect(await ollama.show({ model: 'org/big' })).toMatchObject({
      capabilities: ['completion', 'embedding'],
    });
    expect(await (ollama as { version?(): Promise<unknown> }).version?.()).toHaveProperty(
      'version',
    );
    await expect(ollama.show({ model: 'none' })).rejects.toMatchObject({ status_code: 404 });
    expect((await fetch(gateway.url, { method: 'HEAD' })).status).toBe(200);
  });

  it('reads refusals, broken answers and unknown calls as errors of its own', async () => {
    const refused = ollama.chat({ model: 'tiny', messages, keep_alive: 5 });
    await expect(refused).rejects.toMatchObject({
      status_code: 400,
      error: expect.stringContaining('keep_alive'),
    });
    gateway.script = breakingOff;
    const stream = await ollama.chat({ model: 'tiny', messages, stream: true });
    await expect(read(stream, () => '')).rejects.toThrow('it died');
    for (const call of [
      ollama.delete({ model: 'tiny' }),
      ollama.pull({ model: 'tiny' }),
      ollama.copy({ source: 'a', destination: 'b' }),
    ]) {
      await expect(call).rejects.toMatchObject({ status_code: 404 });
    }
  });
});

describe('an answer that moved', () => {
  const moved = { from: testProvider, to: secondProvider, code: 'TIMEOUT', gapMs: 12 } as const;
  const part = (provider: string, from: number, to: number) => ({
    ...{ provider, channelId: 'aa'.repeat(32), from, to, charged: 21n },
    outcome: 'complete' as const,
  });

  it('goes on in the same stream, says so beside it, and bills all providers', async () => {
    gateway.script = async function* () {
      yield { type: 'text', text: 'one ' };
      yield { type: 'moved', ...moved };
      yield { type: 'text', text: 'two' };
      const parts = [part(testProvider, 0, 1), part(secondProvider, 1, 2)];
      yield { type: 'end', end: endOf(2, { parts }) };
    };
    const post = async (path: string, body: object) => {
      const answer = await fetch(gateway.url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'tiny', messages, stream: true, ...body }),
      });
      return answer.text();
    };
    const sse = await post('/v1/chat/completions', { stream_options: { include_usage: true } });
    expect(sse).toContain(`: aitbc-moved ${JSON.stringify(moved)}\n`);
    expect(sse).toContain(
      `"x_aitbc":{"charged":"42","jobId":"${/"jobId":"(\w+)"/.exec(sse)?.[1]}","provider":"${secondProvider}","providers":["${testProvider}","${secondProvider}"]}`,
    );
    expect(await post('/api/chat', {})).toContain('"x_aitbc_moved":{');
  });

  it('is read by stock clients as one answer', async () => {
    gateway.script = async function* () {
      yield { type: 'text', text: 'one ' };
      yield { type: 'moved', ...moved };
      yield { type: 'text', text: 'two' };
      yield { type: 'end', end: endOf(2) };
    };
    const chat = await openai.chat.completions.create({ model: 'tiny', messages, stream: true });
    expect(await read(chat, ({ choices }) => choices[0]?.delta.content ?? '')).toBe('one two');
    const stream = anthropic.messages.stream({ model: 'tiny', max_tokens: 9, messages });
    expect(await stream.finalText()).toBe('one two');
    const lines = await ollama.chat({ model: 'tiny', messages, stream: true });
    expect(await read(lines, ({ message }) => message.content)).toBe('one two');
  });
});

describe('a stream', () => {
  it('carries its cost as a trailer', async () => {
    const { request } = await import('node:http');
    const trailer = await new Promise((resolve) => {
      const headers = { 'content-type': 'application/json' };
      const call = request(`${gateway.url}/api/chat`, { method: 'POST', headers }, (answer) => {
        answer.resume().on('end', () => resolve(answer.trailers[gatewayHeaders.cost]));
      });
      call.end(JSON.stringify({ model: 'tiny', messages }));
    });
    expect(trailer).toBe('42');
  });
});

describe('what is not for sale', () => {
  const post = async (path: string, body: object) => {
    const answer = await fetch(gateway.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'tiny', ...body }),
    });
    return JSON.stringify(await answer.json());
  };
  const image = [{ type: 'image_url', image_url: { url: 'x' } }];
  it.each([
    ['/v1/chat/completions', { messages, tools: [] }, 'tools'],
    ['/v1/chat/completions', { messages, n: 2 }, 'n'],
    ['/v1/chat/completions', { messages, frequency_penalty: 1 }, 'frequency_penalty'],
    [
      '/v1/chat/completions',
      { messages: [{ role: 'user', content: image }] },
      'messages.0.content.0.type',
    ],
    ['/v1/chat/completions', { messages: [{ role: 'tool', content: '1' }] }, 'messages.0.role'],
    ['/v1/completions', { prompt: 'x', echo: true }, 'echo'],
    ['/v1/responses', { input: 'x', store: true }, 'store'],
    ['/v1/responses', { input: 'x', tools: [] }, 'tools'],
    ['/v1/responses', { input: 'x', previous_response_id: 'y' }, 'previous_response_id'],
    ['/v1/responses', { input: 'x', include: ['usage'] }, 'include'],
    ['/api/chat', { messages, keep_alive: -1 }, 'keep_alive'],
    ['/v1/messages', { max_tokens: 5, messages, thinking: { type: 'enabled' } }, 'thinking.type'],
    ['/api/chat', { messages, options: { num_ctx: 9 } }, 'options.num_ctx'],
    ['/api/generate', { prompt: 'x', raw: true }, 'raw'],
    ['/api/embed', { input: 'x', dimensions: 9 }, 'dimensions'],
    ['/v1/embeddings', { input: 'x', dimensions: 9 }, 'dimensions'],
  ])('is named: %s %j', async (path, body, field) => {
    const answer = await post(path, body);
    expect(answer).toContain('"code":"FIELD_UNSUPPORTED"');
    expect(answer).toContain(`"field":"${field}"`);
  });

  it.each([
    ['/v1/chat/completions', { messages: [] }],
    ['/v1/chat/completions', { messages, temperature: '1' }],
    ['/v1/messages', { messages }],
    ['/api/generate', { prompt: '' }],
  ])('is refused when it is not valid: %s %j', async (path, body) => {
    expect(await post(path, body)).toContain('"code":"BAD_REQUEST"');
  });
});
