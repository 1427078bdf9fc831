import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { ReceiptPayload, Resume } from '@aitbc/protocol';
import { until } from '@aitbc/service';
import { afterEach, describe, expect, it } from 'vitest';
import { defaultWords, modelName } from '../testing/counting-engine.ts';
import { deadProvider, type EarlierAnswer, earlierAnswer } from '../testing/earlier-answer.ts';
import { checkReceipts, readSse, receiptsAt } from '../testing/read-answer.ts';
import { startProvider, type TestProvider, type TestWishes } from '../testing/start-provider.ts';
import type { PayWishes } from '../testing/test-buyer.ts';

const messages = [{ role: 'user', content: 'hi' }];
const body = JSON.stringify({ model: modelName, messages, stream: true });
// 7 for the request and 50 for the bound of the prompt
const base = 57n;

let test: TestProvider;
afterEach(() => test.stop());

async function start(wishes: TestWishes = {}): Promise<void> {
  test = await startProvider(wishes);
  test.chain.otherProviders.set(deadProvider.address, deadProvider.authorizer);
}

const wordsOf = (from: number, to: number) => defaultWords.slice(from, to).join('');
const range = (from: number, to: number) => ({ text: wordsOf(from, to), tokens: to - from });

/** What a buyer shows that has 16 receipted tokens and 4 more. */
function twenty(changes: Partial<Parameters<typeof earlierAnswer>[1]> = {}): EarlierAnswer {
  return earlierAnswer(test.chain.network, {
    jobId: test.buyer.jobId(body),
    body,
    ranges: [range(0, 16)],
    tail: range(16, 20),
    ...changes,
  });
}

interface Ask {
  readonly earlier?: EarlierAnswer;
  readonly resume?: Resume;
  readonly pay?: PayWishes;
  readonly signal?: AbortSignal;
}

function post({ earlier = twenty(), resume, pay, signal }: Ask = {}): Promise<Response> {
  const header = test.buyer.header(body, { cap: base + 44n, resume: earlier.point, ...pay });
  return fetch(`${test.url}/v1/payments/resume`, {
    method: 'POST',
    body: JSON.stringify({ body, resume: resume ?? earlier.resume }),
    headers: { 'payment-signature': header, 'content-type': 'application/json' },
    ...(signal ? { signal } : {}),
  });
}

async function refusalOf(answer: Response): Promise<[number, string]> {
  const { error } = (await answer.json()) as { error: { code: string } };
  return [answer.status, error.code];
}

async function receiptsOf(): Promise<ReceiptPayload[]> {
  const receipts = await receiptsAt(test.url, test.buyer.jobId(body));
  return receipts.map(({ payload }) => payload);
}

describe('a resumed job', () => {
  it('gives only what is new, in receipts that follow those of the dead provider', async () => {
    await start();
    const earlier = twenty();
    const answer = await post({ earlier });
    expect(answer.status).toBe(200);
    const read = readSse(await answer.text());
    expect(read.text).toBe(wordsOf(20, 40));
    const payloads = checkReceipts(test.chain.network, read, earlier.point);
    expect(payloads.map(({ from, to }) => [from, to])).toEqual([
      [20, 36],
      [36, 40],
    ]);
    // 7 for the request, 7 for the prompt, 20 for the tokens from here
    expect(payloads.at(-1)).toMatchObject({ outcome: 'complete', promptTokens: 7, charged: '34' });
    expect(await receiptsOf()).toEqual(payloads);
    expect(test.requests[0]).toMatchObject({ prefixText: wordsOf(0, 20), maxTokens: 2_028 });
  });

  it('can begin before the first token, and when no receipt ever came', async () => {
    await start();
    const none = twenty({ ranges: [], tail: range(0, 3) });
    const read = readSse(await (await post({ earlier: none, pay: { cap: base + 61n } })).text());
    expect(read.text).toBe(wordsOf(3, 40));
    const empty = earlierAnswer(test.chain.network, {
      jobId: test.buyer.jobId(body, 'other'),
      body,
      ranges: [],
      tail: { text: '', tokens: 0 },
    });
    const whole = await post({ earlier: empty, pay: { key: 'other', cap: 1_000n } });
    expect(readSse(await whole.text()).text).toBe(wordsOf(0, 40));
  });

  it('takes the prefix off the prompt of an engine that counts both together', async () => {
    await start({ script: { countsLate: true } });
    await (await post()).text();
    expect((await receiptsOf()).at(-1)).toMatchObject({ promptTokens: 7, charged: '34' });
  });

  it('reserves and charges from its resume point, and asks for vouchers by position', async () => {
    await start({ config: { needVoucherWaitMs: 50 } });
    const pay = { tokens: 30, cap: base + 9n };
    expect(await refusalOf(await post({ pay }))).toEqual([402, 'VOUCHER_UNDERFUNDED']);
    const read = readSse(await (await post({ pay: { tokens: 30, cap: base + 10n } })).text());
    expect(read.text).toBe(wordsOf(20, 30));
    expect(read.needs).toMatchObject([{ tokens: 46, required: '83' }]);
    expect((await receiptsOf()).at(-1)).toMatchObject({
      ...{ outcome: 'limit', from: 20, to: 30, charged: '24' },
    });
  });

  it('is taken up by top-ups like any other', async () => {
    await start();
    const answer = await post({ pay: { tokens: 30, cap: base + 10n } });
    const topUp = test.buyer.topUp(test.buyer.jobId(body), 46, base + 26n);
    const url = `${test.url}/v1/payments/vouchers`;
    const taken = await fetch(url, { method: 'POST', body: JSON.stringify(topUp) });
    expect(await taken.json()).toMatchObject({ tokens: 46, outcome: 'running' });
    expect(readSse(await answer.text()).text).toBe(wordsOf(20, 40));
  });

  it('is the same job when it is asked for again, and no other from another point', async () => {
    await start();
    const first = await (await post()).text();
    expect(readSse(await (await post()).text()).text).toBe(readSse(first).text);
    expect(test.counts.calls).toBe(1);
    const later = twenty({ tail: range(16, 22) });
    expect(await refusalOf(await post({ earlier: later }))).toEqual([409, 'JOB_CONFLICT']);
    const plain = await fetch(`${test.url}/v1/chat/completions`, {
      method: 'POST',
      body,
      headers: { 'payment-signature': test.buyer.header(body) },
    });
    expect(await refusalOf(plain)).toEqual([409, 'JOB_CONFLICT']);
    expect(test.counts.calls).toBe(1);
  });

  it('frees the engine within 250 ms when its reader leaves, and pays for what came from here', async () => {
    const before = (index: number, signal: AbortSignal) =>
      index < 5
        ? Promise.resolve()
        : new Promise<void>((_, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason), { once: true });
          });
    await start({ script: { before } });
    const earlier = twenty();
    const { port } = new URL(test.url);
    const header = test.buyer.header(body, { resume: earlier.point });
    const headers = { 'payment-signature': header, 'content-type': 'application/json' };
    const path = '/v1/payments/resume';
    const client = httpRequest({ port, method: 'POST', path, headers });
    client.on('error', () => {});
    client.end(JSON.stringify({ body, resume: earlier.resume }));
    await once(client, 'response');
    await until(() => test.counts.pulled === 5);
    const leftAtMs = Date.now();
    client.destroy();
    await until(() => test.counts.aborted === 1);
    expect(test.counts.abortedAtMs - leftAtMs).toBeLessThan(250);
    await until(async () => (await receiptsOf()).at(-1)?.outcome === 'client_abort');
    expect((await receiptsOf()).at(-1)).toMatchObject({ from: 20, to: 25, charged: '19' });
  });
});

describe('a resumption is refused', () => {
  const expectRefused = async (ask: Ask, code: [number, string]) => {
    expect(await refusalOf(await post(ask))).toEqual(code);
    expect(test.counts.calls).toBe(0);
    expect(await receiptsOf()).toEqual([]);
  };

  it('by an engine that cannot continue', async () => {
    await start({ script: { resume: 'none' } });
    await expectRefused({}, [409, 'RESUME_UNSUPPORTED']);
  });

  it('not by one that does its best, though its offer does not promise it', async () => {
    await start({ script: { resume: 'best effort' } });
    expect(test.offer.payload.canResume).toBe(false);
    expect((await post()).status).toBe(200);
  });

  it('when the receipt is signed by a key that is not the registered one', async () => {
    await start();
    test.chain.otherProviders.set(deadProvider.address, 'ab'.repeat(32));
    await expectRefused({}, [400, 'RESUME_INVALID']);
  });

  it('when nobody has registered as its provider, asking the chain once', async () => {
    await start();
    test.chain.otherProviders.clear();
    await expectRefused({}, [400, 'RESUME_INVALID']);
    await expectRefused({}, [400, 'RESUME_INVALID']);
    expect(test.chain.providerLookups).toEqual([deadProvider.address]);
  });

  it('when the chain cannot be asked', async () => {
    await start();
    test.chain.state.isDown = true;
    await expectRefused({}, [503, 'VOUCHER_STALE_STATE']);
  });

  it('when its receipt is forged, for another job, or for another text', async () => {
    await start();
    const good = twenty();
    const { receipt, pieces } = good.resume;
    if (!receipt) throw new Error('no receipt');
    const forged = { ...receipt, payload: { ...receipt.payload, charged: '2' } };
    await expectRefused({ resume: { pieces, receipt: forged } }, [400, 'RESUME_INVALID']);
    const other = twenty({ change: { jobId: 'ab'.repeat(32) } });
    await expectRefused({ earlier: other }, [400, 'RESUME_INVALID']);
    const text = twenty({ ranges: [{ text: 'something else', tokens: 16 }] });
    await expectRefused({ earlier: { ...text, resume: { ...text.resume, receipt } } }, [
      400,
      'RESUME_INVALID',
    ]);
  });

  it('when the pieces run backwards or far beyond any answer', async () => {
    await start();
    const { receipt } = twenty().resume;
    const back = [
      { text: 'a', to: 5 },
      { text: 'b', to: 4 },
    ];
    await expectRefused({ resume: { pieces: back, receipt } }, [400, 'RESUME_INVALID']);
    const far = [{ text: 'a', to: 2 ** 40 }];
    await expectRefused({ resume: { pieces: far, receipt: null } }, [400, 'RESUME_INVALID']);
  });

  it('when too much is in no receipt, or its text is too long for its tokens', async () => {
    await start();
    const tail = { text: 'x', tokens: 513 };
    await expectRefused({ earlier: twenty({ tail }), pay: { tokens: 600, cap: 5_000n } }, [
      400,
      'RESUME_INVALID',
    ]);
    const book = { text: 'word '.repeat(2_000), tokens: 1 };
    await expectRefused({ earlier: twenty({ tail: book }), pay: { cap: base + 47n } }, [
      400,
      'RESUME_INVALID',
    ]);
  });

  it('when all tokens of the job have arrived', async () => {
    await start({ config: { outputMax: 20 } });
    const earlier = twenty();
    await expectRefused({ earlier }, [400, 'RESUME_INVALID']);
  });

  it('when the voucher is for another text, or covers nothing new', async () => {
    await start();
    const other = twenty({ tail: { text: 'other', tokens: 4 } });
    const pay = { resume: other.point };
    await expectRefused({ pay }, [402, 'VOUCHER_SIGNATURE_INVALID']);
    await expectRefused({ pay: { tokens: 20 } }, [400, 'PAYMENT_MALFORMED']);
  });

  it('for its payment before the chain is asked about its past', async () => {
    await start();
    await expectRefused({ pay: { cap: 5n } }, [402, 'VOUCHER_UNDERFUNDED']);
    expect(test.chain.providerLookups).toEqual([]);
  });
});
