import { limits } from '@aitbc/protocol';
import { until } from '@aitbc/service';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Bench, bondMinNait, identityOf, startBench } from '../testing/harness.ts';
import {
  connectProvider,
  flipped,
  sellingProvider,
  signedOffer,
  type TestProvider,
} from '../testing/provider.ts';

const seller = identityOf('seller');
let bench: Bench;

beforeEach(async () => {
  bench = await startBench();
  bench.chain.register(seller);
});
afterEach(() => bench.stop());

/** Expects `refused` with the code, then the end. */
async function expectRefused(provider: TestProvider, code: string): Promise<void> {
  const { error } = await provider.next('refused');
  expect(error.code).toBe(code);
  await provider.ended();
}

describe('login', () => {
  test('a provider that signs the challenge with its registered key is welcome', async () => {
    const provider = connectProvider(bench.url, seller);
    await provider.logIn();
    expect(await provider.next('welcome')).toMatchObject({
      leaseMs: limits.leaseMs,
      heartbeatMs: limits.heartbeatMs,
    });
    const { providers } = await bench.client.listProviders({});
    expect(providers).toEqual([
      {
        provider: seller.address,
        endpoint: 'http://127.0.0.1:1',
        leaseUntilMs: bench.clock.nowMs() + limits.leaseMs,
        models: [],
        gauges: { running: 0, waiting: 0, slots: 1 },
      },
    ]);
  });

  test('another key is refused', async () => {
    const provider = connectProvider(bench.url, seller);
    await provider.logIn({ secretKey: identityOf('thief').secretKey });
    await expectRefused(provider, 'CHALLENGE_INVALID');
    expect((await bench.client.listProviders({})).providers).toEqual([]);
  });

  test('a damaged signature is refused', async () => {
    const provider = connectProvider(bench.url, seller);
    await provider.logIn({ signature: flipped('00'.repeat(64)) });
    await expectRefused(provider, 'CHALLENGE_INVALID');
  });

  test('an account without registration is refused', async () => {
    const provider = connectProvider(bench.url, identityOf('nobody'));
    await provider.logIn();
    await expectRefused(provider, 'PROVIDER_UNKNOWN');
  });

  test('a bond below the minimum is refused', async () => {
    bench.chain.register(seller, { bondNait: bondMinNait - 1n });
    const provider = connectProvider(bench.url, seller);
    await provider.logIn();
    await expectRefused(provider, 'PROVIDER_BOND_LOW');
  });

  test('a bond on its way out is refused', async () => {
    bench.chain.register(seller, { unbondDueMs: 1 });
    const provider = connectProvider(bench.url, seller);
    await provider.logIn();
    await expectRefused(provider, 'PROVIDER_UNBONDING');
  });

  test('an answer to the challenge of another connection is worth nothing', async () => {
    const overheard = connectProvider(bench.url, seller);
    const { nonce } = await overheard.next('challenge');
    const provider = connectProvider(bench.url, seller);
    await provider.logIn({ nonce });
    await expectRefused(provider, 'CHALLENGE_INVALID');
    overheard.close();
  });

  test('a challenge can be answered once: a second hello ends the connection', async () => {
    const provider = connectProvider(bench.url, seller);
    await provider.logIn();
    await provider.next('welcome');
    const hello = { type: 'hello' as const, provider: seller.address, endpoint: 'http://x' };
    provider.send({ ...hello, signature: '00'.repeat(64) });
    await expectRefused(provider, 'BAD_REQUEST');
  });

  test('an answer after the life of the challenge is refused', async () => {
    const provider = connectProvider(bench.url, seller);
    await until(() => provider.frames.length > 0);
    bench.clock.advance(limits.challengeLifetimeMs + 1);
    await provider.logIn();
    await expectRefused(provider, 'CHALLENGE_INVALID');
  });

  test('who says nothing is sent away when the challenge has run out', async () => {
    const provider = connectProvider(bench.url, seller);
    await provider.next('challenge');
    await bench.pass(limits.challengeLifetimeMs + 1);
    await expectRefused(provider, 'TIMEOUT');
  });

  test('while the node is away a login is refused for now', async () => {
    bench.chain.isUp = false;
    const provider = connectProvider(bench.url, seller);
    await provider.logIn();
    await expectRefused(provider, 'UNAVAILABLE');
  });

  test('a newer login replaces the older connection', async () => {
    const { provider: older, offerId } = await sellingProvider(bench);
    const newer = connectProvider(bench.url, seller);
    await newer.logIn();
    await newer.next('welcome');
    await expectRefused(older, 'LEASE_LOST');
    expect((await bench.client.listProviders({})).providers).toHaveLength(1);
    const { offers } = await bench.client.listOffers({});
    expect(offers.map((row) => row.offerId)).not.toContain(offerId);
    expect(newer.isClosed).toBe(false);
  });

  test('connections that do not log in are limited in number', async () => {
    const strangers = Array.from({ length: 257 }, () => connectProvider(bench.url, seller));
    await until(() => strangers.filter(({ isClosed }) => isClosed).length === 1);
    for (const stranger of strangers) stranger.close();
  });
});

describe('frames', () => {
  test('a frame that is not in the table closes the connection with its reason', async () => {
    const { provider } = await sellingProvider(bench);
    provider.sendRaw(JSON.stringify({ type: 'heartbeat', gauges: { running: -1 } }));
    const { error } = await provider.next('refused');
    expect(error).toMatchObject({ code: 'BAD_REQUEST' });
    expect(error.message).toContain('gauges');
    await provider.ended();
  });

  test('a frame that is no JSON closes the connection', async () => {
    const { provider } = await sellingProvider(bench);
    provider.sendRaw('{');
    await expectRefused(provider, 'BAD_REQUEST');
  });

  test('nothing but hello is taken before the login', async () => {
    const provider = connectProvider(bench.url, seller);
    await provider.next('challenge');
    provider.send({ type: 'heartbeat', gauges: { running: 0, waiting: 0, slots: 1 } });
    await expectRefused(provider, 'BAD_REQUEST');
    const other = connectProvider(bench.url, seller);
    await other.next('challenge');
    other.send({ type: 'offers', offers: [signedOffer(seller)] });
    await expectRefused(other, 'BAD_REQUEST');
  });

  test('a frame above the size limit ends the connection', async () => {
    const { provider } = await sellingProvider(bench);
    provider.sendRaw(JSON.stringify({ type: 'heartbeat', text: 'x'.repeat(limits.bodyBytes) }));
    await provider.ended();
    await until(async () => (await bench.client.listProviders({})).providers.length === 0);
  });
});

describe('offers', () => {
  test('an offer is passed on exactly as it was signed', async () => {
    const { offer, offerId } = await sellingProvider(bench);
    const { offers } = await bench.client.route({ models: ['tiny'] });
    expect(offers).toHaveLength(1);
    expect(offers[0]).toMatchObject({ offerId, offer, rank: 0, reason: 'only candidate' });
  });

  test('a new list replaces the old one', async () => {
    const { provider, offerId } = await sellingProvider(bench);
    provider.send({ type: 'offers', offers: [] });
    await until(async () => (await bench.client.listOffers({})).offers.length === 0);
    await expect(bench.client.route({ models: ['tiny'] })).rejects.toMatchObject({
      code: 'NO_OFFER',
    });
    expect(offerId).toHaveLength(64);
  });

  test.each([
    ['is signed by another key', () => ({ ...signedOffer(identityOf('thief')) })],
    ['was changed after signing', changedOffer],
    ['is of another network', () => signedOffer(seller, { network: 'aitbc:00' })],
    ['has run out', () => signedOffer(seller, { validUntilMs: 1, validFromMs: 0 })],
    ['names another provider', () => signedOffer(seller, { provider: identityOf('x').address })],
  ])('an offer that %s closes the connection', async (_, make) => {
    const { provider } = await sellingProvider(bench);
    provider.send({ type: 'offers', offers: [signedOffer(seller), make()] });
    await expectRefused(provider, 'OFFER_INVALID');
    expect((await bench.client.listOffers({})).offers).toEqual([]);
  });

  test('a flood of lists is cut off', async () => {
    const { provider } = await sellingProvider(bench);
    for (let sent = 0; sent < 16; sent += 1) provider.send({ type: 'offers', offers: [] });
    await expectRefused(provider, 'RATE_LIMITED');
  });

  test('the offers of a provider vanish with its connection', async () => {
    const { provider } = await sellingProvider(bench);
    expect((await bench.client.models({})).data).toHaveLength(1);
    provider.close();
    await until(async () => (await bench.client.listOffers({})).offers.length === 0);
    expect((await bench.client.models({})).data).toEqual([]);
  });
});

describe('lease', () => {
  test('a provider that is silent for two heartbeats is out of the ranking, and back with the next frame', async () => {
    const { provider } = await sellingProvider(bench);
    await bench.pass(2 * limits.heartbeatMs);
    expect((await bench.client.route({ models: ['tiny'] })).offers).toHaveLength(1);
    await bench.pass(1);
    await expect(bench.client.route({ models: ['tiny'] })).rejects.toMatchObject({
      code: 'NO_OFFER',
      facts: { reason: '1 left out by lease' },
    });
    expect((await bench.client.models({})).data).toEqual([]);
    provider.send({ type: 'heartbeat', gauges: { running: 1, waiting: 0, slots: 4 } });
    const { offers } = await until(() => bench.client.route({ models: ['tiny'] }));
    expect(offers[0]?.gauges).toEqual({ running: 1, waiting: 0, slots: 4 });
  });

  test('a lease without any frame ends', async () => {
    const { provider } = await sellingProvider(bench);
    await bench.pass(limits.leaseMs - 1);
    expect((await bench.client.listProviders({})).providers).toHaveLength(1);
    await bench.pass(1);
    await expectRefused(provider, 'LEASE_LOST');
    expect((await bench.client.listProviders({})).providers).toEqual([]);
  });

  test.each([
    ['loses its bond', { unbondDueMs: 5 }, 'PROVIDER_UNBONDING'],
    ['changes its key', { authorizer: 'cd'.repeat(32) }, 'CHALLENGE_INVALID'],
    ['is no provider any more', undefined, 'PROVIDER_UNKNOWN'],
  ] as const)('a provider that %s is sent away at the next look', async (_, change, code) => {
    const { provider } = await sellingProvider(bench);
    if (change) bench.chain.register(seller, change);
    else bench.chain.unregister(seller);
    for (let round = 0; round < 5; round += 1) {
      provider.send({ type: 'heartbeat', gauges: { running: 0, waiting: 0, slots: 1 + round } });
      await until(async () => {
        const [row] = (await bench.client.listProviders({})).providers;
        return row?.gauges.slots === 1 + round;
      });
      await bench.pass(limits.leaseMs - 1_000);
    }
    await expectRefused(provider, code);
  });
});

/** A signed offer whose price was lowered afterwards. */
function changedOffer() {
  const offer = signedOffer(seller);
  const price = { ...offer.payload.price, perRequest: '1' };
  return { ...offer, payload: { ...offer.payload, price } };
}
