/** The stock `openai` and `ollama` clients, paying through the stock `@x402/fetch` with our two schemes. */
import { hex, keyPairFromSeed, randomBytes } from '@aitbc/primitives';
import { AppError, accountIdOf, type ChannelConfig, channelIdOf, unwrap } from '@aitbc/protocol';
import { createChannelClient, createTransferClient, type GuardedScheme } from '@aitbc/x402';
import { wrapFetchWithPayment, x402Client } from '@x402/fetch';
import { Ollama } from 'ollama';
import OpenAI from 'openai';
import { afterEach, describe, expect, it } from 'vitest';
import { defaultWords, modelName } from '../testing/counting-engine.ts';
import { type MarketWishes, type OneShotMarket, startOneShots } from './testing/one-shot-market.ts';

const messages = [{ role: 'user' as const, content: 'hi' }];
const answerText = defaultWords.join('');

const open: OneShotMarket[] = [];
afterEach(async () => {
  for (const market of open.splice(0)) await market.stop();
});

async function start(wishes: MarketWishes = {}): Promise<OneShotMarket> {
  const market = await startOneShots(wishes);
  open.push(market);
  return market;
}

/** A stock paying fetch over a scheme of ours. */
function payingFetch({ chain }: OneShotMarket, scheme: GuardedScheme, inner = fetch): typeof fetch {
  const network = chain.network.caip2 as `aitbc:${string}`;
  const client = new x402Client()
    .register('aitbc:*', scheme)
    .setSpendControls({ allowedAssets: [{ network, asset: 'native' }] });
  return wrapFetchWithPayment(scheme.guard(inner), client);
}

/** Pays by vouchers on a channel of its own. */
function byVoucher(market: OneShotMarket, balance = 10_000_000n): GuardedScheme {
  const { chain, offer } = market;
  const hot = keyPairFromSeed(randomBytes(32));
  const config: ChannelConfig = {
    payer: hex(randomBytes(32)),
    payerAuthorizer: hex(hot.publicKey),
    receiver: unwrap(accountIdOf(offer.payload.provider)),
    receiverAuthorizer: offer.payload.authorizer,
    withdrawDelayMs: offer.payload.withdrawDelayMsMin,
    salt: hex(randomBytes(32)),
  };
  const fresh = { totalClaimed: 0n, withdrawAmount: 0n, withdrawDueMs: 0, refundNonce: 0 };
  const channelId = channelIdOf(chain.network, config);
  chain.put({ ...config, ...fresh, channelId, balance, closed: false });
  return createChannelClient({
    network: chain.network,
    channel: async () => ({ config, balanceNait: balance, secretKey: hot.secretKey }),
  });
}

/** Pays each call by a transfer that the provider sends. */
function byTransfer(market: OneShotMarket): GuardedScheme {
  const { secretKey } = market.payer(5);
  return createTransferClient({ network: market.chain.network, secretKey });
}

describe.each([
  ['by vouchers', byVoucher],
  ['by transfers', byTransfer],
])('stock clients paying %s', (_how, pay) => {
  it('openai gets whole answers and streams', async () => {
    const market = await start();
    const fetching = payingFetch(market, pay(market));
    const client = new OpenAI({ baseURL: `${market.url}/v1`, apiKey: 'none', fetch: fetching });
    const whole = await client.chat.completions.create({ model: modelName, messages });
    expect(whole.choices[0]?.message.content).toBe(answerText);
    let text = '';
    const request = { model: modelName, messages, max_tokens: 20, stream: true } as const;
    for await (const chunk of await client.chat.completions.create(request)) {
      text += chunk.choices[0]?.delta.content ?? '';
    }
    expect(text).toBe(defaultWords.slice(0, 20).join(''));
    expect(market.counts.calls).toBe(2);
  });

  it('ollama gets whole answers and streams', async () => {
    const market = await start();
    const ollama = new Ollama({ host: market.url, fetch: payingFetch(market, pay(market)) });
    const whole = await ollama.chat({ model: modelName, messages });
    expect(whole.message.content).toBe(answerText);
    let text = '';
    for await (const part of await ollama.chat({ model: modelName, messages, stream: true })) {
      text += part.message.content;
    }
    expect(text).toBe(answerText);
    expect(market.counts.calls).toBe(2);
  });

  it('openai retries a lost answer without paying twice', async () => {
    const market = await start();
    let drops = 1;
    const losing: typeof fetch = async (input, init) => {
      const request = new Request(input, init);
      const isPaid = request.headers.has('payment-signature');
      const answer = await fetch(request);
      if (!isPaid || drops === 0) return answer;
      drops -= 1;
      await answer.body?.cancel();
      throw new TypeError('connection reset');
    };
    const fetching = payingFetch(market, pay(market), losing);
    const client = new OpenAI({ baseURL: `${market.url}/v1`, apiKey: 'none', fetch: fetching });
    const whole = await client.chat.completions.create({ model: modelName, messages });
    expect(whole.choices[0]?.message.content).toBe(answerText);
    expect(market.counts.calls).toBe(1);
    expect(market.coins.sent.length).toBeLessThanOrEqual(1);
  });
});

it('a transfer that the chain had not made final is presented again, not made anew', async () => {
  let isSlow = true;
  const market = await start({
    async onSend() {
      if (!isSlow) return;
      isSlow = false;
      throw new AppError('TIMEOUT', { what: 'node', timeoutMs: 1 });
    },
  });
  const fetching = payingFetch(market, byTransfer(market));
  const client = new OpenAI({ baseURL: `${market.url}/v1`, apiKey: 'none', fetch: fetching });
  const whole = await client.chat.completions.create({ model: modelName, messages });
  expect(whole.choices[0]?.message.content).toBe(answerText);
  expect(market.coins.sent).toHaveLength(1);
});

it('many calls of a stock client stay within what the provider lets it leave open', async () => {
  const market = await start();
  const fetching = payingFetch(market, byVoucher(market, 10_000n));
  const client = new OpenAI({
    baseURL: `${market.url}/v1`,
    apiKey: 'none',
    fetch: fetching,
    maxRetries: 0,
  });
  for (let call = 0; call < 40; call += 1) {
    const request = { model: modelName, messages, max_tokens: 512 };
    const answer = await client.chat.completions.create(request);
    expect(answer.choices[0]?.message.content).toBe(answerText);
  }
  expect(market.counts.calls).toBe(40);
});
