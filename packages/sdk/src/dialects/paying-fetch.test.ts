import { AppError } from '@aitbc/protocol';
import Anthropic from '@anthropic-ai/sdk';
import { Ollama } from 'ollama';
import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import type { BuyCall, EmbedCall, JobEvent, RunningJob } from '../buyer/types.ts';
import { createPayingFetch } from './paying-fetch.ts';

const end = {
  outcome: 'complete' as const,
  finishReason: 'stop',
  promptTokens: 5,
  outputTokens: 3,
  charged: 42n,
  firstTokenMs: 10,
  durationMs: 30,
  parts: [],
};

/** A buyer that answers three words, or does what the test says. */
function createFakeBuyer(script?: (call: BuyCall) => AsyncGenerator<JobEvent>) {
  const calls: BuyCall[] = [];
  async function* threeWords(): AsyncGenerator<JobEvent> {
    for (const text of ['one ', 'two ', 'three']) yield { type: 'text', text };
    yield { type: 'end', end };
  }
  return {
    calls,
    async run(call: BuyCall): Promise<RunningJob> {
      calls.push(call);
      const offer = { provider: 'ait1x' } as RunningJob['offer'];
      return { jobId: 'ab'.repeat(32), offer, events: script ? script(call) : threeWords() };
    },
    async embed({ request }: EmbedCall) {
      const vectors = request.inputs.map(({ length }) => [length, 0.5]);
      const bill = { promptTokens: 4, charged: 9n, provider: 'ait1x' };
      return { jobId: 'ab'.repeat(32), vectors, ...bill };
    },
  };
}

const messages = [{ role: 'user' as const, content: 'hi' }];

describe('paying fetch', () => {
  const openAiOf = (buyer: Parameters<typeof createPayingFetch>[0]) =>
    new OpenAI({ apiKey: 'none', baseURL: 'http://market/v1', fetch: createPayingFetch(buyer) });

  it('lets the stock openai client buy a whole answer, with its price', async () => {
    const buyer = createFakeBuyer();
    const answer = await openAiOf(buyer).chat.completions.create({ model: 'm', messages });
    expect(answer.choices[0]?.message.content).toBe('one two three');
    expect(answer.choices[0]?.finish_reason).toBe('stop');
    expect(answer.usage).toMatchObject({
      total_tokens: 8,
      x_aitbc: { charged: '42', provider: 'ait1x', providers: ['ait1x'] },
    });
    expect(buyer.calls[0]?.request).toMatchObject({ model: 'm', messages, stream: false });
  });

  it('lets the stock openai client buy a stream, with usage when asked', async () => {
    const stream = await openAiOf(createFakeBuyer()).chat.completions.create({
      model: 'm',
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let usage: unknown;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      usage = chunk.usage ?? usage;
    }
    expect(text).toBe('one two three');
    expect(usage).toMatchObject({ completion_tokens: 3 });
  });

  it('lets the stock ollama client buy chats and completions, streamed and whole', async () => {
    const ollama = new Ollama({
      host: 'http://market',
      fetch: createPayingFetch(createFakeBuyer()),
    });
    const whole = await ollama.chat({ model: 'm', messages });
    expect(whole.message.content).toBe('one two three');
    expect(whole.eval_count).toBe(3);
    let text = '';
    for await (const part of await ollama.generate({ model: 'm', prompt: 'hi', stream: true })) {
      text += part.response;
    }
    expect(text).toBe('one two three');
  });

  it('lets the stock anthropic client buy messages, streamed and whole', async () => {
    const anthropic = new Anthropic({
      apiKey: 'none',
      baseURL: 'http://market',
      fetch: createPayingFetch(createFakeBuyer()),
    });
    const body = { model: 'm', max_tokens: 9, messages };
    const whole = await anthropic.messages.create(body);
    expect(whole.content).toMatchObject([{ type: 'text', text: 'one two three' }]);
    expect(await anthropic.messages.stream(body).finalText()).toBe('one two three');
  });

  it('lets the stock openai client buy vectors', async () => {
    const answer = await openAiOf(createFakeBuyer()).embeddings.create({ model: 'm', input: 'ab' });
    expect([...(answer.data[0]?.embedding ?? [])]).toEqual([2, 0.5]);
    expect(answer.usage).toMatchObject({ prompt_tokens: 4, x_aitbc: { charged: '9' } });
  });

  it('goes on in the same stream when the answer moved', async () => {
    const buyer = createFakeBuyer(async function* () {
      yield { type: 'text', text: 'one ' };
      yield { type: 'moved', from: 'ait1x', to: 'ait1y', code: 'TIMEOUT', gapMs: 3 };
      yield { type: 'text', text: 'two' };
      yield { type: 'end', end };
    });
    const stream = await openAiOf(buyer).chat.completions.create({
      model: 'm',
      messages,
      stream: true,
    });
    let text = '';
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    expect(text).toBe('one two');
  });

  it('keeps one idempotency key over the retries of the client, and takes the caller’s own', async () => {
    let failures = 2;
    const good = createFakeBuyer();
    const keys: string[] = [];
    const run = (call: BuyCall) => {
      keys.push(call.idempotencyKey);
      failures -= 1;
      if (failures >= 0) throw new AppError('QUEUE_FULL', {});
      return good.run(call);
    };
    const openai = openAiOf({ ...good, run });
    await openai.chat.completions.create({ model: 'm', messages }, { maxRetries: 2 });
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
    await openai.chat.completions.create({ model: 'm', messages });
    expect(new Set(keys).size).toBe(2);
    const headers = { 'Idempotency-Key': 'mine' };
    await openai.chat.completions.create({ model: 'm', messages }, { headers });
    expect(keys.at(-1)).toBe('mine');
  });

  it('gives refusals their status and code, and refuses what is not for sale', async () => {
    const run = () =>
      Promise.reject(new AppError('BUDGET_EXCEEDED', { needed: 1, scope: 'x', available: 0 }));
    const openai = openAiOf({ ...createFakeBuyer(), run });
    await expect(openai.chat.completions.create({ model: 'm', messages })).rejects.toMatchObject({
      status: 402,
      code: 'BUDGET_EXCEEDED',
    });
    const tools = { model: 'm', messages, tools: [] };
    await expect(openai.chat.completions.create(tools)).rejects.toMatchObject({ status: 400 });
    await expect(openai.images.generate({ model: 'm', prompt: 'x' })).rejects.toMatchObject({
      status: 404,
    });
  });

  it('tells a client in mid-stream that the answer broke off', async () => {
    const buyer = createFakeBuyer(async function* () {
      yield { type: 'text', text: 'one ' };
      throw new AppError('UNAVAILABLE', { what: 'ait1x', reason: 'it died' });
    });
    const stream = await openAiOf(buyer).chat.completions.create({
      model: 'm',
      messages,
      stream: true,
    });
    const read = async () => {
      for await (const chunk of stream) expect(chunk.choices).toHaveLength(1);
    };
    await expect(read()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('stops buying when the client leaves', async () => {
    let left: AbortSignal | undefined;
    const buyer = createFakeBuyer(async function* ({ signal }) {
      left = signal;
      yield { type: 'text', text: 'one ' };
      await new Promise((resolve) => signal?.addEventListener('abort', resolve));
      throw new AppError('CANCELLED');
    });
    const stream = await openAiOf(buyer).chat.completions.create({
      model: 'm',
      messages,
      stream: true,
    });
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
    expect(left?.aborted).toBe(true);
  });
});
