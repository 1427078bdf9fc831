import { afterEach, describe, expect, it } from 'vitest';
import { defaultWords, modelName } from '../testing/counting-engine.ts';
import { readSse, receiptsAt } from '../testing/read-answer.ts';
import { startProvider, type TestProvider, type TestWishes } from '../testing/start-provider.ts';

const body = JSON.stringify({
  model: modelName,
  messages: [{ role: 'user', content: 'hi' }],
  stream: true,
});
// 7 for the request and 50 for the bound of the prompt
const base = 57n;
const expected = defaultWords.join('');

let test: TestProvider;
afterEach(() => test.stop());

async function start(wishes: TestWishes = {}): Promise<void> {
  test = await startProvider(wishes);
}

function post(header: string): Promise<Response> {
  const init = { method: 'POST', body, headers: { 'payment-signature': header } };
  return fetch(`${test.url}/v1/chat/completions`, init);
}

async function extend(input: Record<string, unknown>) {
  const path = `/v1/payments/vouchers${'vouchers' in input ? '/batch' : ''}`;
  const answer = await fetch(test.url + path, { method: 'POST', body: JSON.stringify(input) });
  return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
}

const lastReceipt = async (jobId: string) => (await receiptsAt(test.url, jobId)).at(-1)?.payload;

describe('windows', () => {
  it('pause at the edge of what is covered, and go on with the next voucher', async () => {
    await start();
    const answer = await post(test.buyer.header(body, { tokens: 16, cap: base + 16n }));
    const reader = answer.body?.getReader();
    let raw = '';
    const decoder = new TextDecoder();
    const readUntil = async (part: () => boolean) => {
      while (!part()) {
        const { value, done } = (await reader?.read()) ?? { value: undefined, done: true };
        if (done) break;
        raw += decoder.decode(value);
      }
    };
    await readUntil(() => raw.includes('need-voucher'));
    const paused = readSse(raw);
    expect(paused.text).toBe(defaultWords.slice(0, 16).join(''));
    expect(paused.needs[0]).toMatchObject({ tokens: 32, required: '89' });
    // one event is held back, none is delivered beyond the vouchers
    expect(test.counts.pulled).toBe(17);
    const jobId = test.buyer.jobId(body);
    const short = await extend(test.buyer.topUp(jobId, 32, 88n));
    expect(short.json).toMatchObject({
      code: 'VOUCHER_UNDERFUNDED',
      facts: { charged: '16', reserved: '57', signedMax: '73', bestMaxClaimable: '73' },
    });
    const forged = { ...test.buyer.topUp(jobId, 32, 89n), tokens: 33 };
    expect((await extend(forged)).json).toMatchObject({ code: 'VOUCHER_SIGNATURE_INVALID' });
    const { json } = await extend({ vouchers: [forged, test.buyer.topUp(jobId, 40, 97n)] });
    const refused = { error: { code: 'VOUCHER_SIGNATURE_INVALID' } };
    expect(json.answers).toMatchObject([refused, { outcome: 'running', tokens: 40 }]);
    await readUntil(() => raw.includes('[DONE]'));
    expect(readSse(raw).text).toBe(expected);
    expect(readSse(raw).needs).toHaveLength(1);
    expect(await lastReceipt(jobId)).toMatchObject({ outcome: 'complete', to: 40, charged: '54' });
    expect((await extend(test.buyer.topUp(jobId, 41, 98n))).json).toMatchObject({
      code: 'JOB_ENDED',
    });
  });

  it('hold all that an engine gives at a time, however much', async () => {
    const words = ['ä'.repeat(40), 'bc', ''];
    await start({ script: { words, wordTokens: 40 } });
    const answer = await post(test.buyer.header(body, { tokens: 16, cap: base + 16n }));
    const jobId = test.buyer.jobId(body);
    let raw = '';
    let paid = 16;
    const decoder = new TextDecoder();
    for await (const chunk of answer.body ?? []) {
      raw += decoder.decode(chunk, { stream: true });
      if (readSse(raw).needs.length <= paid / 16 - 1) continue;
      expect(readSse(raw).needs.at(-1)?.tokens).toBe(paid + 16);
      expect(readSse(raw).text.length).toBeLessThanOrEqual(paid);
      paid += 16;
      await extend(test.buyer.topUp(jobId, paid, base + BigInt(paid)));
    }
    expect(readSse(raw)).toMatchObject({ text: words.join(''), isDone: true });
    const whole = { outcome: 'complete', to: 120, charged: '134' };
    expect(await lastReceipt(jobId)).toMatchObject(whole);
  });

  it('end the job with outcome limit when no voucher comes', async () => {
    await start({ config: { needVoucherWaitMs: 50 } });
    const answer = await post(test.buyer.header(body, { tokens: 16, cap: base + 16n }));
    const { text, isDone } = readSse(await answer.text());
    expect(isDone).toBe(true);
    expect(text).toBe(defaultWords.slice(0, 16).join(''));
    const last = await lastReceipt(test.buyer.jobId(body));
    expect(last).toMatchObject({ outcome: 'limit', to: 16, promptTokens: 7, charged: '30' });
  });

  it('need no voucher for an answer that ends at their edge', async () => {
    await start({
      script: { words: defaultWords.slice(0, 16) },
      config: { needVoucherWaitMs: 50 },
    });
    const answer = await post(test.buyer.header(body, { tokens: 16, cap: base + 16n }));
    const read = readSse(await answer.text());
    expect(read.needs).toHaveLength(0);
    expect(await lastReceipt(test.buyer.jobId(body))).toMatchObject({
      outcome: 'complete',
      to: 16,
    });
  });

  it('refuse vouchers for jobs nobody knows', async () => {
    await start();
    const { json, status } = await extend(test.buyer.topUp('ab'.repeat(32), 5, 5n));
    expect([status, json.code]).toEqual([404, 'JOB_UNKNOWN']);
  });
});
