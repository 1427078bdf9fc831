/** Markets for tests: tapes and events from a seed. */
import type { MarketEvent, Price } from '@aitbc/protocol';
import type { BacktestSetup } from '../backtest.ts';
import { createDraws } from '../statistics.ts';
import type { Quote, Tape, TapeJob } from '../tape.ts';
import { unitPriceOf } from '../unit-price.ts';

export const minuteMs = 60_000;
export const model = 'qwen3:8b';
const startMs = 1_700_000_040_000; // a multiple of a minute

/** A list of a unit price: all parts alike, so that the unit price is exact. */
export function flatPrice(unit: bigint): Price {
  return { inputPerMTok: unit, outputPerMTok: unit, perRequest: 0n };
}

/** What a back-test needs, with nothing that costs. */
export function freeSetup(price: bigint, changes: Partial<BacktestSetup> = {}): BacktestSetup {
  const noFees = { claimNait: 0n, rowNait: 0n, claimEveryMs: minuteMs, depositNait: 0n };
  return {
    ...{ fitBars: 40, actBars: 40, seed: 7 },
    seller: { prices: flatPrice(price), costNait: 0n, slots: 8, fees: noFees, seed: 7 },
    buyer: { workTokens: 1_000_000, everyBars: 8, slackBars: 6, depthTokens: 1e9, fees: noFees },
    ...changes,
  };
}

export const cost = 1_000_000n;
const leastMargin = 50_000;
const mostMargin = 1_000_000;

/**
 * One job of a million tokens a minute, at a price that nobody can foretell and that is the same bargain wherever one
 * stands: the chance that a buyer pays p or more is `leastMargin / (p - cost)`, so `(p - cost) × chance` is
 * `leastMargin` for every p from the least to the most, and less outside. No rule that knows only the past expects more.
 */
export function unpredictableDemand(seed: number, bars: number): Tape {
  const draw = createDraws(seed);
  const price = () => {
    const margin = Math.min(mostMargin, Math.ceil(leastMargin / (1 - draw())));
    return cost + BigInt(margin);
  };
  return eachMinute(bars, price);
}

/** Prices go up and down every sixty minutes: whoever looks at the past knows the future. */
export function regularPrices(bars: number): Tape {
  const price = (at: number) =>
    cost + BigInt(Math.round(400_000 * (1 + Math.sin((at * 2 * Math.PI) / 60))));
  return eachMinute(bars, price);
}

/** A price that moves by a thousand either way, with equal chances: the best guess of any later one is the last. */
export function martingale(seed: number, bars: number): Tape {
  const draw = createDraws(seed);
  let price = 1_000_000n;
  return eachMinute(bars, () => {
    price += draw() < 0.5 ? 1_000n : -1_000n;
    return price;
  });
}

/** Half a second into each minute the one other provider changes its price, and a job is bought at it. */
function eachMinute(bars: number, priceAt: (at: number) => bigint): Tape {
  const jobs: TapeJob[] = [];
  const quotes: Quote[] = [{ atMs: startMs, provider: 'other', price: cost }];
  for (let at = 0; at < bars; at += 1) {
    const price = priceAt(at);
    const beganMs = startMs + at * minuteMs + 500;
    quotes.push({ atMs: beganMs, provider: 'other', price });
    jobs.push({
      ...{ jobId: `job ${at}`, provider: 'other', channelId: 'channel', price, charged: price },
      ...{ startMs: beganMs, atMs: beganMs + 2_000, durationMs: 2_000, firstTokenMs: 100 },
      ...{ promptTokens: 600_000, outputTokens: 400_000 },
    });
  }
  return { model, fromMs: startMs, untilMs: startMs + bars * minuteMs, jobs, quotes };
}

const hash = (text: string, at: number) => `${text}${at.toString(16)}`.padEnd(64, '0');

/** Events of a market of three providers that change their prices now and then, as a coordinator would give them. */
export function marketEvents(seed: number, minutes: number): MarketEvent[] {
  const draw = createDraws(seed);
  const events: MarketEvent[] = [];
  const offers = new Map<string, { offerId: string; price: Price }>();
  const tell = (atMs: number, provider: string, facts: MarketEvent['facts']) =>
    events.push({ seq: atMs * 1_024 + events.length, atMs, provider, facts });
  const reprice = (atMs: number, provider: string) => {
    const offerId = hash('0ffe', events.length);
    const before = offers.get(provider);
    const output = BigInt(200_000 + Math.floor(draw() * 200_000));
    const price = { inputPerMTok: output / 4n, outputPerMTok: output, perRequest: 10n };
    offers.set(provider, { offerId, price });
    const text = { inputPerMTok: `${price.inputPerMTok}`, outputPerMTok: `${output}` };
    const weights = { digest: 'sha256:aa', quantization: 'Q4_K_M', perRequest: '10' };
    tell(atMs, provider, { kind: 'offer_up', offerId, model, ...weights, ...text });
    if (before) tell(atMs, provider, { kind: 'offer_down', offerId: before.offerId, model });
  };
  for (const provider of ['ait1a', 'ait1b', 'ait1c']) reprice(startMs, provider);
  for (let at = 0; at < minutes; at += 1) {
    const nowMs = startMs + at * minuteMs;
    if (draw() < 0.2) reprice(nowMs + 100, ['ait1a', 'ait1b', 'ait1c'][at % 3] as string);
    for (let job = Math.floor(draw() * 4); job > 0; job -= 1) {
      const sorted = [...offers].sort(([, a], [, b]) =>
        unitPriceOf(a.price) < unitPriceOf(b.price) ? -1 : 1,
      );
      const [provider, { offerId, price }] = sorted[0] as (typeof sorted)[number];
      const [promptTokens, outputTokens] = [900, Math.floor(100 + draw() * 400)];
      const charged = 10n + price.inputPerMTok + price.outputPerMTok;
      tell(nowMs + 5_000 * (4 - job) + 1_000, provider, {
        ...{
          kind: 'receipt',
          jobId: hash('01', events.length),
          offerId,
          channelId: hash('c4', at % 5),
        },
        ...{ model, promptTokens, outputTokens, charged: `${charged}`, outcome: 'complete' },
        ...{ firstTokenMs: 80, durationMs: 900 },
      });
    }
  }
  return events;
}
