import { utf8 } from '@aitbc/primitives';
import { bodyDigestOf, decodePaymentHeader } from '@aitbc/protocol';
import Anthropic from '@anthropic-ai/sdk';
import { Ollama } from 'ollama';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultWords, modelName } from '../testing/counting-engine.ts';
import { checkReceipts, readSse } from '../testing/read-answer.ts';
import { startProvider, type TestProvider } from '../testing/start-provider.ts';

let test: TestProvider;
let call = 0;
let cap = 0n;
beforeAll(async () => {
  test = await startProvider();
});
afterAll(() => test.stop());

/** A fetch that pays: the whole request, so a stock client needs no window. */
const payingFetch: typeof fetch = (input, init) => {
  const headers = new Headers(init?.headers);
  call += 1;
  cap += 1_000n;
  const payment = test.buyer.header(String(init?.body), { key: `call-${call}`, tokens: 512, cap });
  headers.set('payment-signature', payment);
  return fetch(input, { ...init, headers });
};
const openai = () =>
  new OpenAI({ baseURL: `${test.url}/v1`, apiKey: 'none', fetch: payingFetch, maxRetries: 0 });
const ollama = () => new Ollama({ host: test.url, fetch: payingFetch });

const anthropic = () =>
  new Anthropic({ baseURL: test.url, apiKey: 'none', fetch: payingFetch, maxRetries: 0 });

const messages = [{ role: 'user' as const, content: 'hi' }];
const expected = defaultWords.join('');

describe('the stock openai client', () => {
  it('gets a whole answer with usage and receipts', async () => {
    const answer = await openai().chat.completions.create({ model: modelName, messages });
    expect(answer.choices[0]).toMatchObject({
      finish_reason: 'stop',
      message: { role: 'assistant', content: expected },
    });
    expect(answer.usage).toEqual({ prompt_tokens: 7, completion_tokens: 40, total_tokens: 47 });
    const { x_aitbc_receipts: receipts } = answer as unknown as { x_aitbc_receipts: unknown[] };
    expect(receipts).toHaveLength(3);
    expect(receipts.at(-1)).toMatchObject({ payload: { outcome: 'complete', charged: '54' } });
  });

  it('gets a stream, with usage when it asks', async () => {
    const request = { model: modelName, messages, stream: true } as const;
    const collect = async (more: object) => {
      let text = '';
      let usage: unknown;
      let finish: string | null | undefined;
      for await (const chunk of await openai().chat.completions.create({ ...request, ...more })) {
        text += chunk.choices[0]?.delta.content ?? '';
        finish = chunk.choices[0]?.finish_reason ?? finish;
        usage = chunk.usage ?? usage;
      }
      return { text, usage, finish };
    };
    expect(await collect({})).toEqual({ text: expected, usage: undefined, finish: 'stop' });
    expect(await collect({ stream_options: { include_usage: true } })).toEqual({
      text: expected,
      usage: { prompt_tokens: 7, completion_tokens: 40, total_tokens: 47 },
      finish: 'stop',
    });
  });

  it('is told the length was the end', async () => {
    const answer = await openai().chat.completions.create({
      model: modelName,
      messages,
      max_tokens: 5,
    });
    expect(answer.choices[0]?.finish_reason).toBe('length');
    expect(answer.usage?.completion_tokens).toBe(5);
  });

  it('sees a refusal as an error of its own', async () => {
    const client = new OpenAI({ baseURL: `${test.url}/v1`, apiKey: 'none', maxRetries: 0 });
    const refused = client.chat.completions.create({ model: modelName, messages });
    await expect(refused).rejects.toMatchObject({ status: 402, code: 'PAYMENT_REQUIRED' });
  });
});

describe('the stock ollama client', () => {
  it('chats, streaming and not', async () => {
    const whole = await ollama().chat({ model: modelName, messages });
    expect(whole).toMatchObject({
      message: { role: 'assistant', content: expected },
      done: true,
      done_reason: 'stop',
      prompt_eval_count: 7,
      eval_count: 40,
    });
    let text = '';
    let last: unknown;
    for await (const part of await ollama().chat({ model: modelName, messages, stream: true })) {
      text += part.message.content;
      last = part;
    }
    expect(text).toBe(expected);
    expect(last).toMatchObject({ done: true, eval_count: 40 });
    expect(last).toHaveProperty('x_aitbc_receipt.payload.outcome', 'complete');
  });

  it('generates, streaming and not', async () => {
    const request = { model: modelName, prompt: 'hi', system: 'be short' };
    expect(await ollama().generate(request)).toMatchObject({ response: expected, done: true });
    let text = '';
    for await (const part of await ollama().generate({ ...request, stream: true })) {
      text += part.response;
    }
    expect(text).toBe(expected);
  });

  it('lists the models', async () => {
    const { models } = await new Ollama({ host: test.url }).list();
    expect(models.map(({ name }) => name)).toEqual([modelName]);
  });
});

describe('other endpoints of OpenAI', () => {
  it('completes a prompt, streaming and not', async () => {
    const request = { model: modelName, prompt: 'hi' };
    const whole = await openai().completions.create(request);
    expect(whole.choices[0]).toMatchObject({ text: expected, finish_reason: 'stop' });
    let text = '';
    for await (const chunk of await openai().completions.create({ ...request, stream: true })) {
      text += chunk.choices[0]?.text ?? '';
    }
    expect(text).toBe(expected);
  });

  it('sells vectors, with one receipt for one token', async () => {
    const answer = await openai().embeddings.create({ model: modelName, input: ['hi', 'you'] });
    expect(answer.data.map(({ embedding }) => [...embedding])).toEqual([
      [2, 0.5, -1],
      [3, 0.5, -1],
    ]);
    expect(answer.usage).toEqual({ prompt_tokens: 7, total_tokens: 7 });
    expect(answer).toMatchObject({
      x_aitbc_receipts: [{ payload: { from: 0, to: 1, outcome: 'complete' } }],
    });
    const both = await ollama().embed({ model: modelName, input: 'hi' });
    expect(both.embeddings).toEqual([[2, 0.5, -1]]);
  });
});

describe('the stock anthropic client', () => {
  const request = { model: modelName, max_tokens: 64, messages };

  it('gets messages, streaming and not', async () => {
    const whole = await anthropic().messages.create(request);
    expect(whole).toMatchObject({
      content: [{ type: 'text', text: expected }],
      stop_reason: 'end_turn',
      usage: { input_tokens: 7, output_tokens: 40 },
    });
    const final = await anthropic().messages.stream(request).finalMessage();
    expect(final.content).toMatchObject([{ text: expected }]);
    expect(final.usage).toMatchObject({ input_tokens: 7, output_tokens: 40 });
  });

  it('sees a refusal as an error of its own', async () => {
    const client = new Anthropic({ baseURL: test.url, apiKey: 'none', maxRetries: 0 });
    await expect(client.messages.create(request)).rejects.toMatchObject({
      status: 402,
      type: 'billing_error',
      error: { error: { code: 'PAYMENT_REQUIRED' } },
    });
  });
});

interface RequestBody {
  readonly content: { readonly 'application/json': { readonly example?: object } };
}

describe('who looks for what is sold', () => {
  it('finds paid calls, their payment and examples in the OpenAPI document', async () => {
    const { paths } = (await (await fetch(`${test.url}/openapi.json`)).json()) as {
      paths: Record<string, Record<string, Record<string, unknown>>>;
    };
    const paid = Object.entries(paths).filter(([, row]) => row.post?.['x-payment-info']);
    expect(paid.map(([path]) => path).sort()).toEqual([
      '/api/chat',
      '/api/embed',
      '/api/generate',
      '/v1/chat/completions',
      '/v1/completions',
      '/v1/embeddings',
      '/v1/messages',
      '/v1/payments/resume',
    ]);
    expect(paths['/v1/models']?.get).not.toHaveProperty('x-payment-info');
    const example = (path: string) => {
      const body = paths[path]?.post?.requestBody as RequestBody | undefined;
      return body?.content['application/json'].example;
    };
    for (const [path] of paid.filter(([name]) => name !== '/v1/payments/resume')) {
      const unpaid = await fetch(test.url + path, {
        method: 'POST',
        body: JSON.stringify(example(path)),
      });
      expect([path, unpaid.status]).toEqual([path, 402]);
    }
  });

  it('reads a page for language models and a registration', async () => {
    const page = await (await fetch(`${test.url}/llms.txt`)).text();
    expect(page).toContain(`- ${modelName} (chat, embed): 1000000 nait per million tokens in`);
    const registration = await fetch(`${test.url}/.well-known/agent-registration.json`);
    expect(await registration.json()).toMatchObject({
      x402Support: true,
      registrations: [{ agentId: test.provider.address, agentRegistry: test.chain.network.caip2 }],
    });
  });
});

describe('a paid stream on the wire', () => {
  it('carries a receipt per window, tiling, and says what is reserved', async () => {
    const body = JSON.stringify({ model: modelName, messages, stream: true });
    const answer = await payingFetch(`${test.url}/v1/chat/completions`, { method: 'POST', body });
    expect(answer.headers.get('content-type')).toContain('text/event-stream');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const response = decodePaymentHeader(answer.headers.get('payment-response') ?? '');
    expect(response).toMatchObject({ value: { success: true, amount: String(7 + 50 + 512) } });
    const read = readSse(await answer.text());
    expect(read.isDone).toBe(true);
    const payloads = checkReceipts(test.chain.network, read, bodyDigestOf(utf8(body)));
    expect(payloads.map(({ to, outcome }) => [to, outcome])).toEqual([
      [16, 'running'],
      [32, 'running'],
      [40, 'complete'],
    ]);
    expect(payloads.map(({ charged }) => charged)).toEqual(['16', '32', '54']);
    const stored = await fetch(`${test.url}/v1/payments/receipts/${payloads[0]?.jobId}`);
    expect(await stored.json()).toMatchObject({ receipts: read.receipts, settledTxId: null });
  });
});
