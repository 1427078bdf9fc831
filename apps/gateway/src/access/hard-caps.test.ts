import { createGatewayClient } from '@aitbc/sdk';
import { until } from '@aitbc/service';
import type OpenAI from 'openai';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type PaidGateway,
  type PaidGatewayOptions,
  startPaidGateway,
  words,
} from '../testing/start-paid-gateway.ts';

const messages = [{ role: 'user' as const, content: 'hello' }];

describe('the limits of an API key, with a real buyer and a seller that is paid', () => {
  const open: PaidGateway[] = [];
  afterEach(async () => {
    for (const gateway of open.splice(0)) await gateway.stop();
  });
  const start = async (options: PaidGatewayOptions = {}): Promise<PaidGateway> => {
    const gateway = await startPaidGateway(options);
    open.push(gateway);
    return gateway;
  };

  it('bound what is signed for all its parallel calls together', async () => {
    const { owner, seller, openai, signed } = await start({ faults: { tokenMs: 2 } });
    const { secret } = await owner.createKey({ name: 'capped', dayMax: '900' });
    const client = openai(secret);
    const ends = await Promise.all(
      Array.from({ length: 8 }, (_, index) => read(client, `parallel ${index}`)),
    );
    expect(await signed()).toBeLessThanOrEqual(900n);
    expect(ends.filter(({ code }) => code === 'BUDGET_EXCEEDED').length).toBeGreaterThanOrEqual(5);
    const charged = () => [...seller.jobs.values()].reduce((sum, job) => sum + job.charged, 0n);
    const spent = async () => BigInt((await owner.listKeys({})).keys[0]?.spentToday ?? '-1');
    expect(await spent()).toBeLessThanOrEqual(900n);
    await until(async () => (await spent()) === charged());
    expect(charged()).toBeGreaterThan(0n);
  });

  it('bound what is signed for one call, and give the tokens that were paid', async () => {
    const { owner, seller, openai, signed } = await start();
    const { secret } = await owner.createKey({ name: 'small', jobMax: '200' });
    const { text, code } = await read(openai(secret), 'one');
    expect(code).toBe('BUDGET_EXCEEDED');
    expect(await signed()).toBeLessThanOrEqual(200n);
    expect(text.startsWith('w0 w1 w2 w3 ')).toBe(true);
    expect(text).toBe(words.slice(0, [...seller.jobs.values()][0]?.delivered).join(''));
  });

  it('refuse a call that cannot afford its first window, before anything is signed', async () => {
    const { owner, openai, signed, seller } = await start();
    const { secret } = await owner.createKey({ name: 'poor', dayMax: '20' });
    expect(await read(openai(secret), 'none')).toMatchObject({ text: '', code: 'BUDGET_EXCEEDED' });
    expect([await signed(), seller.jobs.size]).toEqual([0n, 0]);
  });

  it('count an asynchronous job like every other call, and owe nothing for one that nobody took', async () => {
    const { url, owner, signed } = await start();
    for (const [name, jobMax, code] of [
      ['poor', '100', 'BUDGET_EXCEEDED'],
      ['rich', '1000', 'JOB_UNKNOWN'], // what the test's coordinator says to every job
    ] as const) {
      const { secret } = await owner.createKey({ name, jobMax });
      const client = createGatewayClient({ baseUrl: url, token: secret });
      const job = { model: 'tiny', messages, max_tokens: 30 };
      await expect(client.submitJob(job)).rejects.toMatchObject({ code });
      expect((await signed()) > 0n).toBe(name === 'rich');
    }
    expect((await owner.listKeys({})).keys.map(({ spentToday }) => spentToday)).toEqual(['0', '0']);
  });
});

/** Reads a streamed answer; `code` says what ended it early. */
async function read(client: OpenAI, key: string): Promise<{ text: string; code?: string }> {
  let text = '';
  try {
    const stream = await client.chat.completions.create(
      { model: 'tiny', messages, stream: true },
      { headers: { 'idempotency-key': key } },
    );
    for await (const { choices } of stream) text += choices[0]?.delta.content ?? '';
    return { text };
  } catch (error) {
    return { text, code: String((error as { code?: unknown }).code) };
  }
}
