import { type AppError, accept } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { createExtender, type SignedTopUp } from './extend-job.ts';

const hash = '00'.repeat(32);
const windowTokens = 16;

const turn = () => new Promise((resolve) => setImmediate(resolve));

interface Pace {
  readonly tokenMs: number;
  readonly exchangeMs: number;
  /** Tokens that come at a time. */
  readonly step?: number;
}

/** A stream of 64 tokens with `tokenMs` between two of them; a voucher takes `exchangeMs`. */
async function pay({ tokenMs, exchangeMs, step = 1 }: Pace) {
  let nowMs = 1_000;
  let most = 0;
  let waits = 0;
  const covers: number[] = [];
  const under: { atMs: number; done: () => void }[] = [];
  const failures: AppError[] = [];
  const extender = createExtender(
    { from: 0, windowTokens, firstTokens: windowTokens, maxTokens: 64, priceOf: () => 1n },
    {
      async sign(tokens) {
        covers.push(tokens);
        const topUp: SignedTopUp = {
          ...{ jobId: hash, channelId: hash, tokens, maxClaimable: '1', signature: hash },
        };
        return accept(topUp);
      },
      send: () =>
        new Promise<void>((done) => under.push({ atMs: nowMs + exchangeMs, done: () => done() })),
      fill: async () => {},
      adopt: async (error) => {
        throw error;
      },
      onExchange() {},
      onFailure: (error) => failures.push(error),
      nowMs: () => nowMs,
      signal: new AbortController().signal,
      endpoint: 'test',
    },
  );
  let paid = windowTokens; // what the provider may send
  for (let received = 0; received < 64; nowMs += tokenMs * step) {
    const tokenAtMs = nowMs;
    for (const { atMs, done } of [...under]) {
      if (atMs > tokenAtMs) continue;
      nowMs = atMs;
      under.shift();
      done();
      paid = covers.at(-1) ?? paid;
      await turn();
    }
    nowMs = tokenAtMs;
    if (received + step > paid) {
      waits += 1;
      continue;
    }
    received += step;
    extender.received(received);
    await turn();
    most = Math.max(most, extender.covered() - received);
  }
  return { covers, most, waits, failures };
}

describe('vouchers for a stream', () => {
  it('are few where the stream is slow and the provider is near', async () => {
    const { covers, most, waits, failures } = await pay({ tokenMs: 40, exchangeMs: 4 });
    expect(covers).toEqual([24, 39, 54, 64]);
    expect([most, waits, failures]).toEqual([windowTokens, 0, []]);
  });

  it('leave early enough where the provider is far away', async () => {
    const { covers, most, waits } = await pay({ tokenMs: 20, exchangeMs: 100 });
    expect(waits).toBe(0);
    expect(most).toBe(windowTokens);
    expect(covers.length).toBeLessThanOrEqual(7);
  });

  it('leave before the last tokens that are covered, where several come at a time', async () => {
    const { covers, most, waits } = await pay({ tokenMs: 5, exchangeMs: 4, step: 4 });
    expect([most, waits]).toEqual([windowTokens, 0]);
    expect(covers.length).toBeLessThanOrEqual(6);
  });

  it('never cover more than a window beyond what came, however fast that is', async () => {
    const { most } = await pay({ tokenMs: 1, exchangeMs: 30 });
    expect(most).toBe(windowTokens);
  });
});
