import { createGatewayClient } from '@aitbc/sdk';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterEach, describe, expect, it } from 'vitest';
import { owing, saying, words } from '../testing/fake-buyer.ts';
import { startGateway, type TestGateway } from '../testing/start-gateway.ts';

const messages = [{ role: 'user' as const, content: 'hi' }];

describe('API keys', () => {
  const open: TestGateway[] = [];
  afterEach(async () => {
    for (const gateway of open.splice(0)) await gateway.stop();
  });
  const start = async (options: Parameters<typeof startGateway>[0] = {}) => {
    const gateway = await startGateway(options);
    open.push(gateway);
    const owner = createGatewayClient({ baseUrl: gateway.url, token: gateway.ownerToken });
    const chat = (secret: string, model = 'tiny', more: object = {}) =>
      new OpenAI({
        apiKey: secret,
        baseURL: `${gateway.url}/v1`,
        maxRetries: 0,
      }).chat.completions.create({ model, messages, ...more });
    return { gateway, owner, chat };
  };

  it('are needed by every call from the first one on, and no more when the last is gone', async () => {
    const { gateway, owner, chat } = await start();
    await chat('anything');
    const { secret, ...key } = await owner.createKey({ name: 'agent' });
    expect(key).toMatchObject({ name: 'agent', dayMax: null, jobMax: null, models: null });
    await expect(chat('anything')).rejects.toMatchObject({ status: 401, code: 'UNAUTHORIZED' });
    for (const path of ['/v1/models', '/api/tags', '/v1/aitbc/spend', '/mcp']) {
      expect([path, (await fetch(gateway.url + path)).status]).toEqual([path, 401]);
    }
    for (const path of ['/', '/openapi.json', '/llms.txt', '/health/live']) {
      expect([path, (await fetch(gateway.url + path)).status]).toEqual([path, 200]);
    }
    await chat(secret);
    await chat(gateway.ownerToken);
    const anthropic = new Anthropic({ apiKey: secret, baseURL: gateway.url, maxRetries: 0 });
    await anthropic.messages.create({ model: 'tiny', max_tokens: 9, messages });
    await owner.deleteKey({ name: 'agent' });
    await expect(owner.deleteKey({ name: 'agent' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await chat('anything');
  });

  it('are made, listed and taken back by the owner only', async () => {
    const { gateway, owner } = await start();
    const stranger = createGatewayClient({ baseUrl: gateway.url });
    const refusal = { code: 'UNAUTHORIZED' };
    await expect(stranger.createKey({ name: 'x' })).rejects.toMatchObject(refusal);
    const { secret } = await owner.createKey({ name: 'x' });
    const holder = createGatewayClient({ baseUrl: gateway.url, token: secret });
    await expect(holder.createKey({ name: 'y' })).rejects.toMatchObject(refusal);
    await expect(holder.listKeys({})).rejects.toMatchObject(refusal);
    await expect(holder.log({})).rejects.toMatchObject(refusal);
    await expect(holder.deleteKey({ name: 'x' })).rejects.toMatchObject(refusal);
    await expect(owner.createKey({ name: 'x' })).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    await expect(owner.createKey({ name: 'No Name' })).rejects.toMatchObject({
      code: 'BAD_REQUEST',
    });
    const text = JSON.stringify(await owner.listKeys({}));
    expect(text).toContain('"name":"x"');
    expect(text).not.toContain(secret);
  });

  it('limit the models that are listed and bought', async () => {
    const { gateway, owner, chat } = await start();
    const { secret } = await owner.createKey({ name: 'small', models: ['tiny'] });
    const holder = createGatewayClient({ baseUrl: gateway.url, token: secret });
    expect((await holder.models({})).data.map(({ id }) => id)).toEqual(['tiny']);
    await chat(secret, 'tiny');
    await expect(chat(secret, 'org/big')).rejects.toMatchObject({ status: 403 });
    expect(gateway.calls).toHaveLength(1);
  });

  it('limit a day, over restarts, and tell what is left', async () => {
    const first = await start();
    const { dataDir } = first.gateway;
    const { secret } = await first.owner.createKey({ name: 'daily', dayMax: '84' });
    await first.chat(secret);
    const { keys } = await first.owner.listKeys({});
    expect(keys).toMatchObject([{ name: 'daily', spentToday: '42' }]);
    await first.owner.log({}); // whoever reads the log finds the end of the call on disk
    const again = await start({ dataDir: `${dataDir}/../${dataDir.split('/').at(-1)}` });
    await again.chat(secret);
    const limits = createGatewayClient({ baseUrl: again.gateway.url, token: secret });
    expect((await limits.limits({})).key).toMatchObject({ spentToday: '84', dayMax: '84' });
    await expect(again.chat(secret)).rejects.toMatchObject({
      status: 402,
      code: 'BUDGET_EXCEEDED',
    });
    await again.chat(again.gateway.ownerToken);
  });

  it('keep the idempotency keys of programs apart, and count a repeated call once', async () => {
    const { gateway, owner, chat } = await start();
    const secrets = [];
    for (const name of ['a', 'b']) secrets.push((await owner.createKey({ name })).secret);
    const headers = { 'idempotency-key': 'same' };
    for (const secret of [...secrets, ...secrets]) {
      const openai = new OpenAI({ apiKey: secret, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
      await openai.chat.completions.create({ model: 'tiny', messages }, { headers });
    }
    const used = gateway.calls.map(({ idempotencyKey }) => idempotencyKey);
    expect(new Set(used).size).toBe(2);
    expect(used).not.toContain('same');
    const { keys } = await owner.listKeys({});
    expect(keys.map(({ spentToday }) => spentToday)).toEqual(['42', '42']);
    await chat(secrets[0] ?? '');
    expect((await owner.listKeys({})).keys[0]?.spentToday).toBe('84');
  });

  it('stay limited when an answer breaks off', async () => {
    const { gateway, owner, chat } = await start();
    const { secret } = await owner.createKey({ name: 'broken' });
    gateway.script = async function* (call) {
      yield { type: 'text', text: 'one ' };
      yield owing('7');
      yield owing('5', 'bb'.repeat(32));
      throw new Error(`broken ${call.request.model}`);
    };
    await expect(chat(secret)).rejects.toMatchObject({ status: 500 });
    gateway.script = saying(words);
    expect((await owner.listKeys({})).keys[0]?.spentToday).toBe('12');
  });
});
