import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hex, keyPairFromSeed } from '@aitbc/primitives';
import { networkFromHash, type SignedOffer } from '@aitbc/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { modelName } from '../testing/counting-engine.ts';
import { startProvider, type TestProvider } from '../testing/start-provider.ts';
import { createOfferBook } from './offer-book.ts';

const dear = { inputPerMTok: '2000000', outputPerMTok: '5000000', perRequest: '9' };

describe('an owner who asks other prices while the daemon runs', () => {
  let test: TestProvider;
  afterEach(() => test.stop());

  async function setPrices(input: object, token?: string) {
    const own = readFileSync(join(test.dataDir, 'admin.token'), 'utf8').trim();
    const answer = await fetch(`${test.url}/v1/owner/prices`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token ?? own}`, 'content-type': 'application/json' },
      body: JSON.stringify(input),
    });
    return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
  }
  const offersNow = async () =>
    ((await (await fetch(`${test.url}/v1/offers`)).json()) as { offers: SignedOffer[] }).offers;

  it('gets a new signed offer; jobs for the one before are still served at its price', async () => {
    test = await startProvider();
    const { status, json } = await setPrices({ model: modelName, ...dear });
    expect([status, json.isNew]).toEqual([200, true]);
    const [offer] = await offersNow();
    expect(offer?.payload.price).toEqual(dear);
    expect(offer).toEqual(json.offer);
    expect((await setPrices({ model: modelName, ...dear })).json).toMatchObject({
      offerId: json.offerId,
      isNew: false,
    });
    const body = JSON.stringify({ model: modelName, messages: [{ role: 'user', content: 'hi' }] });
    const headers = { 'payment-signature': test.buyer.header(body, { key: 'old' }) };
    const init = { method: 'POST', body, headers };
    expect((await fetch(`${test.url}/v1/chat/completions`, init)).status).toBe(200);
  });

  it('names a model that it sells, and is the owner', async () => {
    test = await startProvider();
    expect((await setPrices({ model: 'other', ...dear })).json).toMatchObject({
      code: 'MODEL_UNKNOWN',
    });
    expect((await setPrices({ model: modelName, ...dear }, 'guessed')).status).toBe(401);
    expect((await setPrices({ model: modelName, ...dear, perRequest: '-1' })).status).toBe(400);
    expect((await offersNow())[0]?.payload.price).toEqual(test.offer.payload.price);
  });
});

describe('the offer book', () => {
  it('keeps the asked price through a renewal, and refuses changes without end', () => {
    const network = networkFromHash('test', 'aa'.repeat(32));
    const key = keyPairFromSeed(new Uint8Array(32).fill(1));
    const clock = { nowMs: 1_000_000 };
    const deps = {
      ...{ network, signer: { publicKey: hex(key.publicKey), secretKey: key.secretKey } },
      ...{ nowMs: () => clock.nowMs, store: { offers: () => [], saveOffer: () => {} } },
    };
    const model = { name: 'm', contextMax: 100, resume: 'best effort' as const };
    const price = { inputPerMTok: '1', outputPerMTok: '2', perRequest: '3' };
    const bounds = { windowTokens: 16, outputMax: 64, firstTokenMs: 1, withdrawDelayMsMin: 1_000 };
    const provider = 'ait1llllllllllllllllllllllllllllllllllllllllllllllllllllqhfsv74';
    const template = {
      provider,
      endpoint: 'http://p',
      price,
      ...bounds,
      verifiable: 'off' as const,
    };
    const book = createOfferBook(() => template, deps);
    book.refresh([model]);
    book.reprice('m', dear);
    clock.nowMs += 13 * 3_600_000;
    expect(book.refresh([model])).toBe(true);
    expect(book.current('m')?.payload.price).toEqual(dear);
    const change = (at: number) => book.reprice('m', { ...dear, perRequest: `${at}` });
    expect(() => {
      for (let at = 10; at < 10_020; at += 1) change(at);
    }).toThrow(expect.objectContaining({ code: 'RATE_LIMITED' }));
  });
});
