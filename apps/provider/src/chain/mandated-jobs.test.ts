/** A provider daemon and a buyer whose hot key holds a mandate. */
import { AppError, addressOf, type MandateJson } from '@aitbc/protocol';
import { until } from '@aitbc/service';
import { afterEach, describe, expect, it } from 'vitest';
import { modelName } from '../testing/counting-engine.ts';
import { readSse } from '../testing/read-answer.ts';
import { startProvider, type TestProvider, type TestWishes } from '../testing/start-provider.ts';

const body = JSON.stringify({
  model: modelName,
  messages: [{ role: 'user', content: 'hi' }],
  stream: true,
});
/** 7 for the request and 50 for the bound of the prompt. */
const base = 57n;

let test: TestProvider;
afterEach(() => test.stop());

async function start(wishes: TestWishes = {}): Promise<void> {
  test = await startProvider(wishes);
}

/** The mandate of the buyer's hot key, as wide as can be. */
function mandate(changes: Partial<MandateJson> = {}): MandateJson {
  const { payer, payerAuthorizer } = test.buyer.channel;
  return {
    ...{ owner: addressOf(payer), subKey: addressOf(payerAuthorizer) },
    ...{ channelMaxNait: '1000000', windowMaxNait: '1000000', totalMaxNait: '1000000' },
    ...{ windowMs: 1_000, jobMaxNait: '0', receivers: [], models: [] },
    ...{ allowsChannels: true, allowsTransfers: false, expiresAtHeight: 1_000_000 },
    ...{ revoked: false, spentNait: '0', windowStartMs: 0, windowSpentNait: '0' },
    ...changes,
  };
}

function post(wishes: Parameters<TestProvider['buyer']['header']>[1] = {}): Promise<Response> {
  const headers = { 'payment-signature': test.buyer.header(body, wishes) };
  return fetch(`${test.url}/v1/chat/completions`, { method: 'POST', body, headers });
}

async function codeOf(answer: Response): Promise<AppError['code']> {
  return ((await answer.json()) as { error: { code: AppError['code'] } }).error.code;
}

async function extend(tokens: number, cap: bigint) {
  const voucher = test.buyer.topUp(test.buyer.jobId(body), tokens, cap);
  const answer = await fetch(`${test.url}/v1/payments/vouchers`, {
    method: 'POST',
    body: JSON.stringify(voucher),
  });
  const { code } = (await answer.json()) as { code?: AppError['code'] };
  return [answer.status, code];
}

describe('a job of a sub-key', () => {
  it('runs within its mandate, and its bound holds to the nait', async () => {
    await start();
    test.chain.putMandate(mandate({ jobMaxNait: `${base + 40n}`, models: [modelName] }));
    const dear = await post({ key: 'dear', tokens: 41, cap: 5_000n });
    expect([dear.status, await codeOf(dear)]).toEqual([402, 'MANDATE_EXCEEDED']);
    expect(test.counts.calls).toBe(0);
    const fits = await post({ tokens: 40, cap: 5_000n });
    expect(readSse(await fits.text()).isDone).toBe(true);
  });

  it('is refused for another model, by another provider, after its height and once revoked', async () => {
    await start();
    const refusalWith = async (changes: Partial<MandateJson>) => {
      test.chain.putMandate(mandate(changes));
      const answer = await post();
      return [answer.status, await codeOf(answer)];
    };
    expect(await refusalWith({ models: ['another'] })).toEqual([403, 'MANDATE_FORBIDDEN']);
    const receivers = [addressOf('ab'.repeat(32))];
    expect(await refusalWith({ receivers })).toEqual([403, 'MANDATE_FORBIDDEN']);
    expect(await refusalWith({ expiresAtHeight: 3 })).toEqual([403, 'MANDATE_EXPIRED']);
    expect(await refusalWith({ revoked: true })).toEqual([403, 'MANDATE_REVOKED']);
    test.chain.putMandate(mandate({ receivers: [test.offer.payload.provider] }));
    expect((await post()).status).toBe(200);
    expect(test.counts.calls).toBe(1);
  });

  it('is known before the first job, also when the node told of the channel only', async () => {
    await start();
    const sibling = test.buyer.sibling();
    const { payer, payerAuthorizer } = sibling.channel;
    const parties = { owner: addressOf(payer), subKey: addressOf(payerAuthorizer) };
    test.chain.putMandate({ ...mandate({ revoked: true }), ...parties }, true);
    test.chain.put(sibling.channel, true);
    const headers = { 'payment-signature': sibling.header(body) };
    const answer = await fetch(`${test.url}/v1/chat/completions`, {
      ...{ method: 'POST', body, headers },
    });
    expect(await codeOf(answer)).toBe('MANDATE_REVOKED');
  });

  it('gets no further voucher once it is revoked, keeps what was paid, and ends as limit', async () => {
    await start({ config: { needVoucherWaitMs: 300 } });
    test.chain.putMandate(mandate());
    const answer = await post({ tokens: 16, cap: base + 16n });
    const jobId = test.buyer.jobId(body);
    expect(await extend(20, base + 20n)).toEqual([200, undefined]);
    test.chain.putMandate(mandate({ revoked: true }));
    expect(await extend(36, base + 36n)).toEqual([403, 'MANDATE_REVOKED']);
    const { receipts } = readSse(await answer.text());
    expect(receipts.at(-1)?.payload).toMatchObject({ outcome: 'limit', to: 20, jobId });
    const next = await post({ key: 'next' });
    expect(await codeOf(next)).toBe('MANDATE_REVOKED');
  });

  it('waits for the chain while its mandate cannot be read', async () => {
    await start();
    const sibling = test.buyer.sibling();
    const { rpc } = test.chain.client;
    const { state_getMandate } = rpc;
    const away = async () => {
      throw new AppError('UNAVAILABLE', { what: 'The node', reason: 'it is away' });
    };
    Object.assign(rpc, { state_getMandate: away });
    test.chain.put(sibling.channel);
    const headers = { 'payment-signature': sibling.header(body) };
    const ask = () => fetch(`${test.url}/v1/chat/completions`, { method: 'POST', body, headers });
    expect(await codeOf(await ask())).toBe('VOUCHER_STALE_STATE');
    Object.assign(rpc, { state_getMandate });
    await until(async () => (await ask()).status === 200);
  });
});
