import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Bench, createTestChain, identityOf, startBench } from '../testing/harness.ts';
import { sellingProvider, signedReceipt } from '../testing/provider.ts';

let bench: Bench;

beforeEach(async () => {
  const chain = createTestChain();
  for (const name of ['a', 'b', 'c']) chain.register(identityOf(name));
  bench = await startBench({ chain });
});
afterEach(() => bench.stop());

const price = (outputPerMTok: string) => ({
  price: { inputPerMTok: '0', outputPerMTok, perRequest: '0' },
});
const addressOf = (name: string) => identityOf(name).address;

async function ranked(input: Parameters<Bench['client']['route']>[0]) {
  const { offers } = await bench.client.route(input);
  return offers.map(({ offer, reason }) => [offer.payload.provider, reason]);
}

test('offers are ranked over HTTP by price and by wishes', async () => {
  await sellingProvider(bench, 'a', price('300'));
  await sellingProvider(bench, 'b', price('100'));
  await sellingProvider(bench, 'c', { ...price('200'), quantization: 'F16' });
  const [a, b, c] = [addressOf('a'), addressOf('b'), addressOf('c')];
  expect(await ranked({ models: ['tiny'] })).toEqual([
    [b, 'price'],
    [c, 'price'],
    [a, 'price'],
  ]);
  expect(await ranked({ models: ['tiny'], limit: 1 })).toEqual([[b, 'only candidate']]);
  expect(await ranked({ models: ['tiny'], provider: { ignore: [b, c] } })).toEqual([
    [a, 'only candidate'],
  ]);
  expect(await ranked({ models: ['tiny'], provider: { quantizations: ['F16'] } })).toEqual([
    [c, 'only candidate'],
  ]);
  expect(await ranked({ models: ['tiny'], provider: { order: [a], only: [a, b] } })).toEqual([
    [a, 'order'],
    [b, 'order'],
  ]);
  await expect(
    bench.client.route({ models: ['tiny', 'big'], provider: { max_price: { completion: '99' } } }),
  ).rejects.toMatchObject({
    code: 'NO_OFFER',
    facts: { model: 'tiny, big', reason: '3 left out by max_price' },
  });
  await expect(bench.client.route({ models: ['big'] })).rejects.toMatchObject({
    facts: { reason: 'nobody connected offers it' },
  });
});

test('what buyers measured decides between offers of one price', async () => {
  const slow = await sellingProvider(bench, 'a', price('100'));
  const fast = await sellingProvider(bench, 'b', price('100'));
  let number = 0;
  for (const [name, offerId, firstTokenMs] of [
    ['a', slow.offerId, 500],
    ['b', fast.offerId, 50],
  ] as const) {
    for (let sample = 0; sample < 3; sample += 1) {
      number += 1;
      const jobId = number.toString(16).padStart(64, '0');
      const receipt = signedReceipt(identityOf(name), { jobId, offerId });
      await bench.client.report({ receipt, firstTokenMs, durationMs: 1_000 });
    }
  }
  expect(await ranked({ models: ['tiny'] })).toEqual([
    [addressOf('b'), 'latency'],
    [addressOf('a'), 'latency'],
  ]);
});

test('the list of models shows the cheapest price and the number of sellers', async () => {
  await sellingProvider(bench, 'a', price('300'));
  await sellingProvider(bench, 'b', price('100'));
  await sellingProvider(bench, 'c', { ...price('200'), model: 'big', serves: ['chat', 'embed'] });
  const { data } = await bench.client.models({});
  expect(data).toMatchObject([
    { id: 'big', providers: 1, outputPerMTok: '200', serves: ['chat', 'embed'] },
    { id: 'tiny', providers: 2, outputPerMTok: '100', serves: ['chat'] },
  ]);
  expect(await bench.client.about({})).toMatchObject({ providers: 3, offers: 3, name: 'test' });
});

test('the words of OpenRouter are understood over HTTP, and unknown ones refused by name', async () => {
  await sellingProvider(bench, 'a', { ...price('100'), outputMax: 256 });
  await sellingProvider(bench, 'b', { ...price('200'), canResume: true });
  const [a, b] = [addressOf('a'), addressOf('b')];
  const providers = async (input: object) =>
    (await ranked({ models: ['tiny'], ...input })).map(([provider]) => provider);
  expect(await providers({ provider: { allow_fallbacks: false } })).toEqual([a]);
  expect(await providers({ provider: { allow_fallbacks: false, order: [b] } })).toEqual([b]);
  expect(await providers({ canResume: true })).toEqual([b]);
  expect(await providers({ serves: 'chat' })).toEqual([a, b]);
  expect(await providers({ outputTokens: 300, provider: { require_parameters: true } })).toEqual([
    b,
  ]);
  const parameters = ['temperature', 'seed'];
  expect(await providers({ parameters, provider: { require_parameters: true } })).toEqual([a, b]);
  expect(await providers({ provider: { preferred_max_latency: { p90: 1 } } })).toEqual([a, b]);
  await expect(
    providers({ parameters: ['tools'], provider: { require_parameters: true } }),
  ).rejects.toMatchObject({ code: 'FIELD_UNSUPPORTED', facts: { field: 'tools' } });
  for (const [word, input] of [
    ['zdr', { provider: { zdr: true } }],
    ['p75', { provider: { preferred_max_latency: { p75: 1 } } }],
    ['session_id', { session_id: 'x' }],
  ] as const) {
    await expect(providers(input)).rejects.toMatchObject({
      code: 'BAD_REQUEST',
      facts: { reason: expect.stringContaining(word) },
    });
  }
});
