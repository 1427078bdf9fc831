import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError, gatewayHeaders, offerIdOf, zSignedReceipt } from '@aitbc/protocol';
import { createGatewayClient } from '@aitbc/sdk';
import {
  createTestChain,
  type Seller,
  type SellerOptions,
  startSeller,
  type TestChain,
} from '@aitbc/sdk/testing';
import { createLog, type Daemon, loadConfig, until } from '@aitbc/service';
import OpenAI from 'openai';
import { afterEach, describe, expect, it } from 'vitest';
import { createGateway, type GatewayCoordinator } from './app.ts';
import { gatewayConfig } from './config.ts';

const words = Array.from({ length: 30 }, (_, index) => `w${index} `);
const messages = [{ role: 'user' as const, content: 'hello' }];
const log = createLog({ name: 'test', level: 'silent' });

describe('gateway', () => {
  const cleanUps: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  const folder = (): string => {
    const path = mkdtempSync(join(tmpdir(), 'gateway-'));
    cleanUps.push(() => rmSync(path, { recursive: true }));
    return path;
  };

  const sell = async (chain: TestChain, more: Partial<SellerOptions> = {}): Promise<Seller> => {
    const { network, channelOf } = chain;
    const base = { network, channelOf, seed: 10, tokens: words, model: 'tiny' };
    const seller = await startSeller({ ...base, ...more });
    chain.register(seller.offer);
    cleanUps.push(() => seller.server.close());
    return seller;
  };

  const coordinatorOf = (chain: TestChain, seller: Seller): GatewayCoordinator => {
    const offerId = offerIdOf(chain.network, seller.offer.payload);
    const measured = {
      firstTokenMsP50: null,
      firstTokenMsP90: null,
      tokensPerSecondP50: null,
      samples: 0,
    };
    const ranked = { offerId, offer: seller.offer, rank: 0, reason: 'price', measured };
    const serves = ['chat' as const];
    const prices = { providers: 1, inputPerMTok: '1', outputPerMTok: '1', serves };
    const unused = () => Promise.reject(new AppError('JOB_UNKNOWN', { jobId: 'x' }));
    return {
      route: async () => ({
        offers: [{ ...ranked, gauges: { running: 0, waiting: 0, slots: 1 } }],
      }),
      report: async () => ({ accepted: true }),
      models: async () => ({
        object: 'list',
        data: [{ id: 'tiny', object: 'model', created: 0, owned_by: 'x', ...prices }],
      }),
      submitJob: unused,
      getJob: unused,
    };
  };

  const start = async (
    chain: TestChain,
    seller: Seller,
    more: { dataDir?: string; argv?: string[]; coordinator?: GatewayCoordinator } = {},
  ): Promise<{ daemon: Daemon; url: string; openai: OpenAI }> => {
    const dataDir = more.dataDir ?? folder();
    const argv = ['--data-dir', dataDir, '--port', '0', '--allow-private', ...(more.argv ?? [])];
    const config = loadConfig(gatewayConfig, { argv, env: {} });
    const coordinator = more.coordinator ?? coordinatorOf(chain, seller);
    const { node, sender } = chain;
    const daemon = await createGateway(config, { log, node, sender, coordinator });
    await daemon.start();
    cleanUps.push(() => daemon.stop());
    const url = daemon.url ?? '';
    await until(async () => (await fetch(`${url}/health/ready`)).status === 200);
    const openai = new OpenAI({ apiKey: 'none', baseURL: `${url}/v1`, maxRetries: 0 });
    return { daemon, url, openai };
  };

  it('answers an unmodified openai client, whole, with cost in usage and header', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    const { openai } = await start(chain, seller);
    const { data, response } = await openai.chat.completions
      .create({ model: 'tiny', messages })
      .withResponse();
    expect(data.choices[0]?.message.content).toBe(words.join(''));
    expect(data.usage).toMatchObject({
      prompt_tokens: 5,
      completion_tokens: 30,
      x_aitbc: { charged: '312', provider: seller.address },
    });
    expect(response.headers.get(gatewayHeaders.cost)).toBe('312');
    expect(response.headers.get(gatewayHeaders.jobId)).toMatch(/^[0-9a-f]{64}$/);
    expect(response.headers.get(gatewayHeaders.provider)).toBe(seller.address);
  });

  it('streams to an unmodified openai client, and gives usage only when asked', async () => {
    const chain = createTestChain();
    const { openai } = await start(chain, await sell(chain));
    for (const include_usage of [true, false]) {
      const stream = await openai.chat.completions.create({
        model: 'tiny',
        messages,
        stream: true,
        stream_options: { include_usage },
      });
      let text = '';
      const usages: unknown[] = [];
      let finish: string | null = null;
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta.content ?? '';
        finish = chunk.choices[0]?.finish_reason ?? finish;
        if (chunk.usage) usages.push(chunk.usage);
      }
      expect(text).toBe(words.join(''));
      expect(finish).toBe('stop');
      expect(usages).toHaveLength(include_usage ? 1 : 0);
    }
  });

  it('lets a repeated call read along from the start while the first one runs, for one price', async () => {
    const chain = createTestChain();
    const seller = await sell(chain, { faults: { tokenMs: 3 } });
    const { openai, url } = await start(chain, seller);
    const headers = { 'idempotency-key': 'the same' };
    const first = openai.chat.completions.create({ model: 'tiny', messages }, { headers });
    await until(() => [...seller.jobs.values()].some(({ delivered }) => delivered > 5));
    const leaving = await openai.chat.completions.create(
      { model: 'tiny', messages, stream: true },
      { headers },
    );
    for await (const chunk of leaving) if (chunk.choices[0]?.delta.content) break;
    const second = openai.chat.completions.create({ model: 'tiny', messages }, { headers });
    const answers = await Promise.all([first, second]);
    expect(answers.map(({ choices }) => choices[0]?.message.content)).toEqual(
      Array(2).fill(words.join('')),
    );
    expect(answers[1].id).toBe(answers[0].id);
    expect(seller.calls()).toBe(1);
    const spend = await createGatewayClient({ baseUrl: url }).spend({});
    expect(spend).toMatchObject({ charged: '312', spentToday: '312' });
  });

  it('trusts a provider that broke a rule again when its owner says so', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    const dataDir = folder();
    const create = (openai: OpenAI) => openai.chat.completions.create({ model: 'tiny', messages });
    seller.faults.spoil = (receipt) => ({ ...receipt, signature: '00'.repeat(64) });
    const first = await start(chain, seller, { dataDir });
    await expect(create(first.openai)).rejects.toMatchObject({ code: 'RECEIPT_INVALID' });
    await first.daemon.stop();
    delete seller.faults.spoil;
    const argv = ['--forgive', seller.address];
    const second = await start(chain, seller, { dataDir, argv });
    expect((await create(second.openai)).usage?.completion_tokens).toBe(30);
  });

  it('lists models, spending and proofs', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    const { openai, url } = await start(chain, seller);
    const client = createGatewayClient({ baseUrl: url });
    expect((await openai.models.list()).data.map(({ id }) => id)).toEqual(['tiny']);
    await openai.chat.completions.create({ model: 'tiny', messages });
    const spend = await client.spend({});
    expect(spend).toMatchObject({
      payer: chain.sender.signer.address,
      charged: '312',
      spentToday: '312',
      channels: [{ provider: seller.address, charged: '312', balance: '1000000000' }],
      calls: [{ model: 'tiny', outcome: 'complete', outputTokens: 30, charged: '312' }],
    });
    const proof = await client.proof({ jobId: spend.calls[0]?.jobId ?? '' });
    const [part] = proof.parts;
    expect(part?.receipts.map((receipt) => zSignedReceipt.parse(receipt).payload.to)).toEqual([
      4, 8, 12, 16, 20, 24, 28, 30,
    ]);
    expect(part?.offer).toEqual(seller.offer);
    await expect(client.proof({ jobId: '00'.repeat(32) })).rejects.toMatchObject({
      code: 'JOB_UNKNOWN',
    });
  });

  it('keeps the owner’s log of requests: who asked, how, for how much, and of whom', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    const dataDir = folder();
    const { openai, url } = await start(chain, seller, { dataDir });
    await openai.chat.completions.create({ model: 'tiny', messages });
    const token = readFileSync(join(dataDir, 'admin.token'), 'utf8').trim();
    expect(statSync(join(dataDir, 'admin.token')).mode & 0o777).toBe(0o600);
    const owner = createGatewayClient({ baseUrl: url, token });
    const { secret } = await owner.createKey({ name: 'agent' });
    const agent = new OpenAI({ apiKey: secret, baseURL: `${url}/v1`, maxRetries: 0 });
    await agent.completions.create({ model: 'tiny', prompt: 'hello' });
    const { jobs } = await owner.log({ limit: 5 });
    const settled = { outcome: 'complete', charged: '312', outputTokens: 30, state: 'ended' };
    expect(jobs).toMatchObject([
      { ...settled, key: 'agent', dialect: 'openai-completions', model: 'tiny' },
      { ...settled, key: null, dialect: 'openai' },
    ]);
    expect(jobs[0]?.parts).toMatchObject([
      { provider: seller.address, from: 0, outputTokens: 30, charged: '312', isSettled: true },
    ]);
    const [newest] = jobs;
    const jobId = newest?.jobId ?? '';
    const holder = createGatewayClient({ baseUrl: url, token: secret });
    expect(await holder.job({ jobId })).toEqual(newest);
    expect((await owner.log({ limit: 1 })).jobs).toEqual([newest]);
    const stored = readFileSync(join(dataDir, 'access.db')).toString('latin1');
    expect(stored.includes('hello')).toBe(false);
  });

  it('gives errors in the shape of OpenAI, and refuses what it does not support', async () => {
    const chain = createTestChain();
    const { openai } = await start(chain, await sell(chain), { argv: ['--job-max', '10'] });
    const create = (body: object) =>
      openai.chat.completions.create({ model: 'tiny', messages, ...body });
    await expect(create({})).rejects.toMatchObject({
      status: 402,
      code: 'BUDGET_EXCEEDED',
      type: 'insufficient_quota',
    });
    await expect(create({ tools: [] })).rejects.toMatchObject({
      status: 400,
      code: 'FIELD_UNSUPPORTED',
    });
    await expect(create({ messages: [] })).rejects.toMatchObject({ status: 400 });
    const text = 'x'.repeat(2_000_000);
    await expect(create({ messages: [{ role: 'user', content: text }] })).rejects.toMatchObject({
      status: 413,
    });
  });

  it('ends a stream with an error when the provider dies', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    seller.faults.dieAfter = 6;
    const { openai } = await start(chain, seller);
    const stream = await openai.chat.completions.create({ model: 'tiny', messages, stream: true });
    let text = '';
    const read = async () => {
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    };
    await expect(read()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(text).not.toBe('');
    expect(words.join('').startsWith(text)).toBe(true);
  });

  it('ends the purchase within 250 ms when the client leaves', async () => {
    const chain = createTestChain();
    const seller = await sell(chain, { faults: { tokenMs: 10 } });
    const { openai, url } = await start(chain, seller);
    const stream = await openai.chat.completions.create({ model: 'tiny', messages, stream: true });
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
    const leftMs = Date.now();
    const sold = [...seller.jobs.values()][0];
    await until(() => sold?.outcome === 'client_abort');
    expect(Date.now() - leftMs).toBeLessThan(250);
    const client = createGatewayClient({ baseUrl: url });
    await until(async () => (await client.spend({})).calls[0]?.outcome === 'client_abort');
  });

  it('goes on after a restart with its key, its channel and its books, and settles what was open', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    const dataDir = folder();
    const first = await start(chain, seller, { dataDir });
    await first.openai.chat.completions.create({ model: 'tiny', messages });
    seller.faults.tokenMs = 100;
    const cut = first.openai.chat.completions.create({ model: 'tiny', messages });
    await until(() =>
      [...seller.jobs.values()].some(
        ({ outcome, delivered }) => outcome === 'running' && delivered > 5,
      ),
    );
    const sold = [...seller.jobs.values()].at(-1);
    await Promise.all([first.daemon.stop(), expect(cut).rejects.toBeDefined()]);
    const second = await start(chain, seller, { dataDir });
    const client = createGatewayClient({ baseUrl: second.url });
    const expected = (312n + (sold?.charged ?? 0n)).toString();
    await until(async () => (await client.spend({})).channels[0]?.charged === expected);
    seller.faults.tokenMs = 0;
    expect(chain.sent).toEqual(['vault_deposit']);
    const answer = await second.openai.chat.completions.create({ model: 'tiny', messages });
    expect(answer.usage?.completion_tokens).toBe(30);
  });

  it('keeps its key in a file for its owner only, and refuses the folder of another payer', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    const dataDir = folder();
    const { daemon } = await start(chain, seller, { dataDir });
    const key = join(dataDir, 'hot.key');
    expect(statSync(key).mode & 0o777).toBe(0o600);
    expect(readFileSync(key, 'utf8')).toMatch(/^[0-9a-f]{64}\n$/);
    await daemon.stop();
    const other = createTestChain(2);
    const argv = ['--data-dir', dataDir, '--port', '0', '--allow-private'];
    const config = loadConfig(gatewayConfig, { argv, env: {} });
    const { node, sender } = other;
    const coordinator = coordinatorOf(other, seller);
    const foreign = await createGateway(config, { log, node, sender, coordinator });
    await foreign.start();
    cleanUps.push(() => foreign.stop());
    const client = createGatewayClient({ baseUrl: foreign.url ?? '' });
    await until(async () => {
      const error = await client.spend({}).catch((refusal: AppError) => refusal);
      return 'code' in error && error.code === 'CONFIG_INVALID';
    });
  });

  it('takes no request of a web page but its own', async () => {
    const chain = createTestChain();
    const { url } = await start(chain, await sell(chain));
    const post = async (origin: string) => {
      const headers = { origin, 'content-type': 'application/json' };
      return (await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body: '{}' }))
        .status;
    };
    expect(await post('http://evil.example')).toBe(403);
    expect(await post(url)).toBe(400);
  });

  it('answers no foreign Host header', async () => {
    const chain = createTestChain();
    const { url } = await start(chain, await sell(chain));
    const { request } = await import('node:http');
    const status = await new Promise((resolve) => {
      const options = { headers: { host: 'evil.example:11435' } };
      request(`${url}/v1/models`, options, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).end();
    });
    expect(status).toBe(403);
  });

  it('submits a job with a voucher for all of it, once per idempotency key, and settles it when it ended', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    const submissions: { payment: string; body: string }[] = [];
    const job = {
      jobId: 'ab'.repeat(32),
      kind: 'inference' as const,
      model: 'tiny',
      payer: chain.sender.signer.address,
      provider: seller.address,
      offerId: offerIdOf(chain.network, seller.offer.payload),
      attempts: 0,
      createdAtMs: 0,
      deadlineMs: 900_000,
      startedAtMs: null,
      finishedAtMs: null,
      error: null,
    };
    let state: 'queued' | 'completed' = 'queued';
    const coordinator: GatewayCoordinator = {
      ...coordinatorOf(chain, seller),
      submitJob: async (submission) => {
        submissions.push(submission);
        return { ...job, state };
      },
      getJob: async () => ({ ...job, state }),
    };
    const { url } = await start(chain, seller, { coordinator });
    const client = createGatewayClient({ baseUrl: url });
    const input = { model: 'tiny', messages, max_tokens: 30, idempotencyKey: 'k' };
    expect((await client.submitJob(input)).state).toBe('queued');
    await client.submitJob(input);
    expect(submissions[0]).toEqual(submissions[1]);
    const { body = '', payment = '' } = submissions[0] ?? {};
    const headers = { 'content-type': 'application/json', 'payment-signature': payment };
    const run = await fetch(`${seller.offer.payload.endpoint}/v1/chat/completions`, {
      method: 'POST',
      body,
      headers,
    });
    await run.text();
    expect((await client.spend({})).calls[0]?.charged).toBe('0');
    state = 'completed';
    await until(async () => (await client.spend({})).calls[0]?.charged === '312');
  });
});
