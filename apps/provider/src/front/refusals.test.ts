import { decodePaymentHeader, providerEndpoints } from '@aitbc/protocol';
import { PaymentRequiredV2Schema } from '@x402/core/schemas';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modelName } from '../testing/counting-engine.ts';
import { startProvider, type TestProvider } from '../testing/start-provider.ts';
import { createTestBuyer, type PayWishes } from '../testing/test-buyer.ts';

const body = JSON.stringify({ model: modelName, messages: [{ role: 'user', content: 'hi' }] });
// prompt bound: 2 bytes + 16 + 32; 64 tokens; 7 for the request
const need = 121n;

let test: TestProvider;
beforeAll(async () => {
  test = await startProvider();
});
afterAll(() => test.stop());

async function post(path: string, text: string, headers: Record<string, string> = {}) {
  const answer = await fetch(test.url + path, {
    method: 'POST',
    body: text,
    headers: { 'content-type': 'application/json', ...headers },
  });
  const json = (await answer.json()) as Record<string, never>;
  return { status: answer.status, headers: answer.headers, json };
}

const chat = (header: string | undefined, text = body) =>
  post('/v1/chat/completions', text, header === undefined ? {} : { 'payment-signature': header });

interface OpenAiError {
  readonly error: { code: string; type: string; message: string; facts: Record<string, string> };
}

describe('a call that is not paid', () => {
  it.each([
    ['/v1/chat/completions', body],
    ['/api/chat', body],
    ['/api/generate', JSON.stringify({ model: modelName, prompt: 'hi' })],
    ['/v1/completions', JSON.stringify({ model: modelName, prompt: 'hi' })],
  ])('gets terms that x402 understands at %s', async (path, text) => {
    const { status, headers, json } = await post(path, text);
    expect(status).toBe(402);
    expect(headers.get('cache-control')).toBe('no-store');
    const decoded = decodePaymentHeader(headers.get('payment-required') ?? '');
    if (!decoded.ok) throw new Error(decoded.code);
    const terms = PaymentRequiredV2Schema.parse(decoded.value);
    expect(json.x402).toEqual(decoded.value);
    expect(terms.resource.url).toBe(test.url + path);
    expect(terms.accepts[0]).toMatchObject({
      scheme: 'batch-settlement',
      network: test.chain.network.caip2,
      payTo: test.provider.address,
      amount: String(7 + 50 + 2_048),
    });
    expect(test.counts.calls).toBe(0);
  });

  it('is refused before anything else when a web page of another site makes it', async () => {
    const headers = { origin: 'http://evil.example', 'content-type': 'text/plain' };
    const { status, json } = await post('/v1/chat/completions', body, headers);
    const { code } = (json as unknown as OpenAiError).error;
    expect([status, code]).toEqual([403, 'FORBIDDEN']);
  });

  it('reads as an error in the words of each dialect', async () => {
    const openai = (await chat(undefined)).json as unknown as OpenAiError;
    expect(openai.error).toMatchObject({ code: 'PAYMENT_REQUIRED', type: 'payment_required' });
    const { json } = await post('/api/chat', body);
    expect(json).toMatchObject({ code: 'PAYMENT_REQUIRED' });
    expect(typeof json.error).toBe('string');
  });
});

describe('a payment that does not fit', () => {
  const paid = (wishes?: PayWishes) => test.buyer.header(body, wishes);
  const cases: [string, string, () => string, string?][] = [
    ['is no base64', 'PAYMENT_MALFORMED', () => '%%%'],
    ['is sent twice', 'PAYMENT_MALFORMED', () => `${paid()}, ${paid()}`],
    ['covers no token', 'PAYMENT_MALFORMED', () => paid({ tokens: 0 })],
    [
      'has an amount with an exponent',
      'PAYMENT_MALFORMED',
      () => paid({ change: { maxClaimable: '1e9' } }),
    ],
    [
      'has an amount with a leading zero',
      'PAYMENT_MALFORMED',
      () => paid({ change: { maxClaimable: '01' } }),
    ],
    [
      'has a number for an amount',
      'PAYMENT_MALFORMED',
      () => paid({ change: { maxClaimable: 5 as never } }),
    ],
    ['has an unknown field', 'PAYMENT_MALFORMED', () => paid({ change: { more: 1 } as never })],
    ['has a key above its bytes', 'PAYMENT_MALFORMED', () => paid({ key: '🦊'.repeat(40) })],
    ['names another offer', 'OFFER_UNKNOWN', () => paid({ change: { offerId: 'ee'.repeat(32) } })],
    [
      'names a channel nobody has',
      'VOUCHER_CHANNEL_WRONG',
      () => paid({ change: { channelId: 'ee'.repeat(32) } }),
    ],
    [
      'is forged',
      'VOUCHER_SIGNATURE_INVALID',
      () => paid({ change: { signature: 'ee'.repeat(64) } }),
    ],
    ['is for another body', 'VOUCHER_SIGNATURE_INVALID', () => paid(), body.replace('hi', 'ho')],
    [
      'has another cap than was signed',
      'VOUCHER_SIGNATURE_INVALID',
      () => paid({ change: { maxClaimable: '1000001' } }),
    ],
    [
      'has more tokens than were signed',
      'VOUCHER_SIGNATURE_INVALID',
      () => paid({ change: { tokens: 65 } }),
    ],
    [
      'has another key than was signed',
      'VOUCHER_SIGNATURE_INVALID',
      () => paid({ change: { idempotencyKey: 'x' } }),
    ],
    ['covers too little', 'VOUCHER_UNDERFUNDED', () => paid({ cap: need - 1n })],
    ['is above the balance', 'VOUCHER_BEYOND_BALANCE', () => paid({ cap: 10n ** 12n + 1n })],
    ['hands out open credit', 'VOUCHER_OPEN_CREDIT', () => paid({ cap: 10n ** 10n })],
  ];
  it.each(cases)('%s: %s', async (...row) => {
    const [, code, header, text] = row;
    const { json } = await chat(header(), text ?? body);
    expect((json as unknown as OpenAiError).error.code).toBe(code);
    expect(test.counts.calls).toBe(0);
  });

  it('is for another network', async () => {
    const other = { ...test.chain.network, caip2: `aitbc:${'b'.repeat(32)}` };
    const payload = { ...test.offer.payload, network: other.caip2 };
    const header = createTestBuyer(other, { ...test.offer, payload }).header(body);
    const { json } = await chat(header);
    expect((json as unknown as OpenAiError).error.code).toBe('PAYMENT_NETWORK_WRONG');
  });

  it('comes in the old header of x402, alone or beside ours', async () => {
    const { json, status } = await post('/v1/chat/completions', body, { 'x-payment': 'abcd' });
    expect(status).toBe(400);
    expect((json as unknown as OpenAiError).error.code).toBe('PAYMENT_MALFORMED');
  });

  it('pays another provider, from a channel the chain knows', async () => {
    const other = createTestBuyer(test.chain.network, {
      ...test.offer,
      payload: { ...test.offer.payload, authorizer: 'ee'.repeat(32) },
    });
    test.chain.put(other.channel, true);
    const { offerId } = JSON.parse(atob(paid())).payload;
    const { json } = await chat(other.header(body, { change: { offerId } }));
    expect((json as unknown as OpenAiError).error.code).toBe('VOUCHER_CHANNEL_WRONG');
    expect(test.counts.calls).toBe(0);
  });

  it('shows the books to who holds the key, and nothing to anybody else', async () => {
    const poor = await chat(paid({ cap: 5n }));
    const { error } = poor.json as unknown as OpenAiError;
    expect(error.facts).toMatchObject({
      charged: '0',
      reserved: '0',
      signedMax: '0',
      needed: `${need}`,
    });
    const terms = decodePaymentHeader(poor.headers.get('payment-required') ?? '');
    expect(JSON.stringify(terms)).toContain('channelState');
    const forged = await chat(paid({ cap: 5n, change: { signature: 'ee'.repeat(64) } }));
    expect(JSON.stringify(forged.json)).not.toContain('reserved');
  });

  it('asks the chain once for a made-up channel, not once per call', async () => {
    const before = test.chain.lookups.length;
    const header = paid({ change: { channelId: 'dd'.repeat(32) } });
    for (let call = 0; call < 5; call += 1) await chat(header);
    expect(test.chain.lookups.length - before).toBe(1);
  });

  it('finds a channel that nobody has told of yet', async () => {
    const fresh = createTestBuyer(test.chain.network, test.offer);
    test.chain.put(fresh.channel, true);
    const before = test.counts.calls;
    expect((await chat(fresh.header(body))).status).toBe(200);
    expect(test.counts.calls).toBe(before + 1);
  });
});

describe('a channel that is on its way out', () => {
  it.each([
    ['CHANNEL_CLOSED', { closed: true }],
    ['VOUCHER_CHANNEL_CLOSING', { withdrawAmount: 5n, withdrawDueMs: 99 }],
  ])('takes no new work: %s', async (code, change) => {
    const buyer = createTestBuyer(test.chain.network, test.offer);
    test.chain.put({ ...buyer.channel, ...change });
    const before = test.counts.calls;
    const { json } = await chat(buyer.header(body));
    expect((json as unknown as OpenAiError).error.code).toBe(code);
    expect(test.counts.calls).toBe(before);
  });
});

describe('a body that is not for sale', () => {
  const of = (changes: object) => JSON.stringify({ ...JSON.parse(body), ...changes });
  it.each([
    ['FIELD_UNSUPPORTED', '/v1/chat/completions', of({ tools: [] })],
    ['FIELD_UNSUPPORTED', '/api/chat', of({ keep_alive: -1 })],
    ['FIELD_UNSUPPORTED', '/api/chat', of({ options: { num_ctx: 4_096 } })],
    [
      'FIELD_UNSUPPORTED',
      '/api/generate',
      JSON.stringify({ model: modelName, prompt: 'x', raw: true }),
    ],
    ['BAD_REQUEST', '/api/generate', JSON.stringify({ model: modelName, prompt: '' })],
    ['FIELD_UNSUPPORTED', '/v1/chat/completions', of({ n: 2 })],
    ['BAD_REQUEST', '/v1/chat/completions', of({ max_tokens: 100_000 })],
    ['BAD_REQUEST', '/v1/chat/completions', of({ temperature: '1' })],
    ['BAD_REQUEST', '/v1/chat/completions', '{'],
    ['BAD_REQUEST', '/v1/chat/completions', '[]'],
    ['MODEL_UNKNOWN', '/v1/chat/completions', of({ model: 'other' })],
    ['PAYLOAD_TOO_LARGE', '/v1/chat/completions', of({ user: 'x'.repeat(1_100_000) })],
  ])('%s at %s', async (code, path, text) => {
    const { json } = await post(path, text);
    expect(JSON.stringify(json)).toContain(`"code":"${code}"`);
  });
});

describe('the front', () => {
  const dangerous: [string, string][] = [
    ['POST', '/api/pull'],
    ['POST', '/api/push'],
    ['POST', '/api/create'],
    ['POST', '/api/copy'],
    ['DELETE', '/api/delete'],
    ['HEAD', '/api/blobs/sha256:aa'],
    ['POST', '/api/blobs/sha256:aa'],
    ['POST', '/api/show'],
    ['GET', '/api/ps'],
    ['GET', '/api/version'],
    ['GET', '/api/status'],
    ['POST', '/api/me'],
    ['POST', '/api/signout'],
    ['DELETE', '/api/user/keys/a'],
    ['POST', '/api/embeddings'],
    ['POST', '/api/experimental/web_search'],
    ['GET', '/debug/pprof/'],
    ['GET', '/debug/pprof/heap'],
    ['POST', '/v1/audio/transcriptions'],
    ['GET', '/'],
    ['GET', '/api/chat'],
    ['PUT', '/api/chat'],
    ['GET', '/v1/chat/completions'],
  ];
  it.each(dangerous)('does not know %s %s', async (method, path) => {
    const shape = async (where: string) => {
      const answer = await fetch(test.url + where, { method });
      const text = (await answer.text()).replaceAll(where, 'PATH');
      return { status: answer.status, text: text.replace(/"requestId":"[^"]+"/, '') };
    };
    const known = await shape(path);
    expect(known.status).toBe(404);
    expect(known).toEqual(await shape('/no/such/path'));
  });

  it('shows models, prices and offers to everybody', async () => {
    const models = await (await fetch(`${test.url}/v1/models`)).json();
    expect(providerEndpoints.models.output.parse(models).data[0]).toMatchObject({
      id: modelName,
      pricing: { prompt: '0.000000001', completion: '0.000000001', request: '0.000000007' },
    });
    const tags = await (await fetch(`${test.url}/api/tags`)).json();
    expect(providerEndpoints.ollamaTags.output.parse(tags).models[0]?.name).toBe(modelName);
  });
});
