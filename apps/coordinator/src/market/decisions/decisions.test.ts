import { hex, sign } from '@aitbc/primitives';
import { limits, loginBytes } from '@aitbc/protocol';
import { createCoordinatorClient } from '@aitbc/sdk';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type Bench,
  createTestChain,
  identityOf,
  network,
  startBench,
} from '../../testing/harness.ts';
import { flipped, sellingProvider } from '../../testing/provider.ts';

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

async function answerFor(name: string, nonce: string) {
  const { address, accountId, secretKey } = identityOf(name);
  const signature = hex(sign(loginBytes(network, accountId, nonce), secretKey));
  return { provider: address, nonce, signature };
}

async function logIn(name: string) {
  const { nonce } = await bench.client.providerChallenge({});
  const { token } = await bench.client.providerLogin(await answerFor(name, nonce));
  return createCoordinatorClient({ baseUrl: bench.url, token });
}

describe('decisions', () => {
  test('each provider reads its own decisions, newest first, and why it lost', async () => {
    await sellingProvider(bench, 'a', price('112'));
    await sellingProvider(bench, 'b', price('100'));
    await bench.client.route({ models: ['tiny'] });
    await bench.client.route({
      models: ['tiny'],
      provider: { ignore: [identityOf('b').address] },
    });
    const loser = await (await logIn('a')).decisions({});
    expect(loser.provider).toBe(identityOf('a').address);
    expect(loser.decisions.map(({ rank, factor, text }) => [rank, factor, text])).toEqual([
      [0, 'won', 'ranked first'],
      [1, 'price', 'price 12 % above the winner'],
    ]);
    const winner = await (await logIn('b')).decisions({ limit: 1 });
    expect(winner.decisions).toMatchObject([
      { rank: null, factor: 'ignore', text: 'the buyer leaves this provider out' },
    ]);
    expect((await (await logIn('c')).decisions({})).decisions).toEqual([]);
  });

  test('decisions outlive a restart, and go on after it', async () => {
    const { provider } = await sellingProvider(bench, 'a');
    await bench.client.route({ models: ['tiny'] });
    await bench.pass(1);
    bench = await bench.crash();
    await provider.ended();
    const known = await (await logIn('a')).decisions({});
    expect(known.decisions).toHaveLength(1);
    await sellingProvider(bench, 'a');
    await bench.client.route({ models: ['tiny'] });
    const both = await (await logIn('a')).decisions({});
    expect(new Set(both.decisions.map(({ decisionId }) => decisionId)).size).toBe(2);
  });
});

describe('logins over HTTP', () => {
  test('a nonce is good for one login and only with the registered key', async () => {
    const { nonce } = await bench.client.providerChallenge({});
    const answer = await answerFor('a', nonce);
    const forged = { ...answer, signature: flipped(answer.signature) };
    const refused = { code: 'CHALLENGE_INVALID' };
    await expect(bench.client.providerLogin(forged)).rejects.toMatchObject(refused);
    await expect(bench.client.providerLogin(answer)).rejects.toMatchObject(refused);
    const other = await answerFor('a', 'ab'.repeat(32));
    await expect(bench.client.providerLogin(other)).rejects.toMatchObject(refused);
    const stranger = await bench.client.providerChallenge({});
    await expect(
      bench.client.providerLogin(await answerFor('nobody', stranger.nonce)),
    ).rejects.toMatchObject({ code: 'PROVIDER_UNKNOWN' });
  });

  test('challenges and tokens run out', async () => {
    const late = await bench.client.providerChallenge({});
    const client = await logIn('a');
    await bench.pass(limits.challengeLifetimeMs + 1);
    await expect(
      bench.client.providerLogin(await answerFor('a', late.nonce)),
    ).rejects.toMatchObject({ code: 'CHALLENGE_INVALID' });
    expect((await client.decisions({})).decisions).toEqual([]);
    await bench.pass(10 * 60_000);
    await expect(client.decisions({})).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
  });

  test('without a token, or with another word in its place, nothing is told', async () => {
    await expect(bench.client.decisions({})).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    const client = createCoordinatorClient({ baseUrl: bench.url, token: 'guess' });
    await expect(client.decisions({})).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
  });
});
