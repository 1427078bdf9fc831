import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { utf8 } from '@aitbc/primitives';
import { bodyDigestOf, devnetParams } from '@aitbc/protocol';
import { createLog, loadConfig, until } from '@aitbc/service';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProvider } from './app.ts';
import { type ChosenEngine, chooseEngine } from './choose-engine.ts';
import { providerConfig } from './config.ts';
import { createCountingEngine, modelName } from './testing/counting-engine.ts';
import { deadProvider, earlierAnswer } from './testing/earlier-answer.ts';
import { createFakeChain } from './testing/fake-chain.ts';
import { checkReceipts, readSse } from './testing/read-answer.ts';
import { startProvider, type TestProvider } from './testing/start-provider.ts';

const defaults = loadConfig(providerConfig, { argv: [], env: {} });
const log = createLog({ name: 'test', level: 'silent' });

describe('a provider over the real embedded engine', () => {
  let chosen: ChosenEngine;
  let test: TestProvider;
  let model: string;
  beforeAll(async () => {
    chosen = await chooseEngine({ ...defaults, engine: 'embedded' }, new AbortController().signal);
    test = await startProvider({ engine: chosen });
    model = test.offer.payload.model;
  });
  afterAll(() => test?.stop());

  const messages = [{ role: 'user' as const, content: 'What is a virtual table?' }];

  it('offers its model with the digest of its weights', () => {
    expect(test.offer.payload).toMatchObject({
      digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      canResume: true,
      windowTokens: 16,
    });
  });

  it('sells a stream by windows, and charges for exactly the tokens that went out', async () => {
    const request = { model, messages, stream: true, temperature: 0, max_tokens: 40 };
    const body = JSON.stringify(request);
    const jobId = test.buyer.jobId(body);
    const header = test.buyer.header(body, { tokens: 16, cap: 1_000n });
    const answer = await fetch(`${test.url}/v1/chat/completions`, {
      method: 'POST',
      body,
      headers: { 'payment-signature': header },
    });
    let raw = '';
    let covered = 16;
    const decoder = new TextDecoder();
    for await (const chunk of answer.body ?? []) {
      raw += decoder.decode(chunk);
      const need = readSse(raw.slice(0, raw.lastIndexOf('\n\n') + 2)).needs.at(-1);
      if (!need || need.tokens <= covered) continue;
      covered = need.tokens;
      const voucher = test.buyer.topUp(jobId, covered, 1_000n + BigInt(covered));
      const url = `${test.url}/v1/payments/vouchers`;
      await fetch(url, { method: 'POST', body: JSON.stringify(voucher) });
    }
    const read = readSse(raw);
    const payloads = checkReceipts(test.chain.network, read, bodyDigestOf(utf8(body)));
    const last = payloads.at(-1);
    expect(last?.outcome).toBe('complete');
    const direct = { text: '', tokens: 0 };
    const { signal } = new AbortController();
    const asked = { model, messages, temperature: 0, maxTokens: 40 };
    for await (const event of chosen.engine.generate(asked, { signal })) {
      if (event.type !== 'tokens') continue;
      direct.text += event.text;
      direct.tokens += event.tokens;
    }
    expect(read.text).toBe(direct.text);
    expect(last?.to).toBe(direct.tokens);
    const prompt = await chosen.engine.countPromptTokens(asked, signal);
    expect(last?.promptTokens).toBe(prompt);
    expect(last?.charged).toBe(`${7 + (prompt ?? 0) + direct.tokens}`);
  });

  it('goes on with an answer that broke off at any receipt or beyond it, as if it had not', async () => {
    test.chain.otherProviders.set(deadProvider.address, deadProvider.authorizer);
    const request = { model, messages, temperature: 0, max_tokens: 40, stream: true };
    const body = JSON.stringify(request);
    const parts: string[] = [];
    const asked = { model, messages, temperature: 0, maxTokens: 40 };
    for await (const event of chosen.engine.generate(asked, new AbortController())) {
      if (event.type === 'tokens') parts.push(event.text);
    }
    const textOf = (from: number, to: number) => parts.slice(from, to).join('');
    const rangeOf = (from: number, to: number) => ({ text: textOf(from, to), tokens: to - from });
    for (const cut of [1, 15, 16, 17, 31, 32, 39]) {
      const key = `cut-${cut}`;
      const signedTo = cut - (cut % 16);
      const ranges = signedTo === 0 ? [] : [rangeOf(0, signedTo)];
      const { resume, point } = earlierAnswer(test.chain.network, {
        ...{ jobId: test.buyer.jobId(body, key), body, ranges, tail: rangeOf(signedTo, cut) },
      });
      const pay = { key, tokens: 40, cap: 10_000n + BigInt(cut) * 500n, resume: point };
      const answer = await fetch(`${test.url}/v1/payments/resume`, {
        method: 'POST',
        body: JSON.stringify({ body, resume }),
        headers: {
          'payment-signature': test.buyer.header(body, pay),
          'content-type': 'application/json',
        },
      });
      const read = readSse(await answer.text());
      expect(textOf(0, cut) + read.text, key).toBe(textOf(0, 40));
      const last = checkReceipts(test.chain.network, read, point).at(-1);
      const prompt = await chosen.engine.countPromptTokens(asked, new AbortController().signal);
      const charged = `${7 + (prompt ?? 0) + parts.length - cut}`;
      expect(last).toMatchObject({ outcome: 'complete', to: parts.length, charged });
    }
  });

  it('serves more calls at a time than it has slots, each its own answer', async () => {
    let cap = 5_000n;
    let call = 0;
    const payingFetch: typeof fetch = (input, init) => {
      const headers = new Headers(init?.headers);
      call += 1;
      cap += 1_000n;
      const text = String(init?.body);
      headers.set(
        'payment-signature',
        test.buyer.header(text, { key: `c${call}`, tokens: 64, cap }),
      );
      return fetch(input, { ...init, headers });
    };
    const client = new OpenAI({ baseURL: `${test.url}/v1`, apiKey: 'none', fetch: payingFetch });
    const ask = (index: number) =>
      client.chat.completions.create({
        model,
        messages: [{ role: 'user', content: `Tell me about table ${index % 3}.` }],
        temperature: 0,
        max_tokens: 24,
      });
    const answers = await Promise.all(Array.from({ length: 9 }, (_, index) => ask(index)));
    const texts = answers.map(({ choices }) => choices[0]?.message.content);
    expect(texts.every((text) => (text?.length ?? 0) > 0)).toBe(true);
    expect(new Set([texts[0], texts[3], texts[6]]).size).toBe(1);
  });
});

describe('createProvider', () => {
  it('waits for a node that is away and gives up when it is told to stop', async () => {
    const chain = createFakeChain();
    chain.state.isDown = true;
    const ending = new AbortController();
    const dataDir = mkdtempSync(join(tmpdir(), 'aitbc-provider-'));
    const provider = createProvider(
      { ...defaults, port: 0, dataDir },
      { log, chain: chain.client, sender: chain.sender, signal: ending.signal },
    );
    const started = provider.start();
    ending.abort(new Error('over'));
    await expect(started).rejects.toThrow('over');
    rmSync(dataDir, { recursive: true });
  });

  it('registers on chain with its endpoint and bond when it can pay', async () => {
    const chain = createFakeChain();
    chain.state.balance = `${BigInt(devnetParams.providerBondMin) * 2n}`;
    const test = await startProvider({ chain, config: { register: true } });
    const { authorizer } = test.offer.payload;
    await until(() => chain.registered.provider?.authorizer === authorizer);
    await test.stop();
  });

  it('withdraws the offers of models the owner does not sell', async () => {
    const { engine, probe } = createCountingEngine();
    const two = [
      ...probe.models,
      { ...probe.models[0], name: 'other', contextMax: 9, resume: 'none' },
    ];
    const chosen = { engine, probe: { ...probe, models: two } } as ChosenEngine;
    const test = await startProvider({ engine: chosen, config: { models: [modelName] } });
    const { models } = (await (await fetch(`${test.url}/v1/status`)).json()) as {
      models: string[];
    };
    expect(models).toEqual([modelName]);
    await test.stop();
  });
});
