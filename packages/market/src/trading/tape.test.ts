import { describe, expect, it } from 'vitest';
import { barsOf, viewOf } from './bars.ts';
import { createQuoteBoard, tapeHashOf, tapeOf } from './tape.ts';
import { marketEvents, minuteMs, model } from './testing/markets.ts';
import { priceListAt, priceStepOf, unitPriceOf } from './unit-price.ts';

const events = marketEvents(3, 240);
const fromMs = events[0]?.atMs ?? 0;
const options = { model, fromMs, untilMs: fromMs + 240 * minuteMs };

describe('a tape', () => {
  it('has every job at the price of its offer, and the cheapest standing offer of each provider', () => {
    const tape = tapeOf(events, options);
    const receipts = events.filter(({ facts }) => facts.kind === 'receipt');
    expect(tape.jobs).toHaveLength(receipts.length);
    expect(tape.jobs.every(({ price }) => price !== null && price > 0n)).toBe(true);
    const board = createQuoteBoard(tape.quotes);
    for (const job of tape.jobs) {
      board.advance(job.startMs);
      expect(Math.min(...[...board.prices.values()].map(Number))).toBe(Number(job.price));
    }
  });

  it('has the same hash for the same events, and another one when a price differs by a nait', () => {
    const tape = tapeOf(events, options);
    const again = tapeOf(JSON.parse(JSON.stringify(events)), options);
    expect(tapeHashOf(again)).toBe(tapeHashOf(tape));
    const [first, ...rest] = tape.quotes;
    const other = { ...tape, quotes: [{ ...first!, price: (first?.price ?? 0n) + 1n }, ...rest] };
    expect(tapeHashOf(other)).not.toBe(tapeHashOf(tape));
  });

  it('forgets the offers of a provider that went, and knows those from before its beginning', () => {
    const [, , third] = events;
    const gone = {
      ...third!,
      atMs: fromMs + 1,
      facts: { kind: 'provider_out', heldMs: 1 } as const,
    };
    const later = { ...options, fromMs: fromMs + minuteMs };
    const { quotes } = tapeOf([...events.slice(0, 3), gone], later);
    expect(quotes.at(-1)).toMatchObject({ provider: third?.provider, price: null });
    expect(quotes.filter(({ price }) => price !== null)).toHaveLength(3);
  });
});

describe('bars', () => {
  it('sum up to the tape, carry the close on, and say how busy the market was', () => {
    const tape = tapeOf(events, options);
    const bars = barsOf(tape, minuteMs);
    expect(bars).toHaveLength(240);
    expect(bars.reduce((sum, { jobs }) => sum + jobs, 0)).toBe(tape.jobs.length);
    const charged = tape.jobs.reduce((sum, job) => sum + job.charged, 0n);
    expect(bars.reduce((sum, bar) => sum + bar.charged, 0n)).toBe(charged);
    for (const [at, bar] of bars.entries()) {
      expect(bar.startMs % minuteMs).toBe(0);
      expect(bar.busyMs).toBe(bar.jobs * 900);
      if (bar.jobs === 0) expect(bar.close).toBe(bars[at - 1]?.close ?? null);
      else expect(bar.low! <= bar.open! && bar.close! <= bar.high!).toBe(true);
      expect(bar.offers).toBe(3);
    }
  });

  it('are seen only when they have ended', () => {
    const bars = barsOf(tapeOf(events, options), minuteMs);
    const view = viewOf(bars, 10, 4);
    expect(view.length).toBe(6);
    expect(view.at(0)).toBe(bars[4]);
    expect(view.last(2)).toEqual(bars.slice(8, 10));
    expect(view.last(100)).toHaveLength(6);
    expect(() => view.at(6)).toThrow(RangeError);
    expect(() => view.at(-1)).toThrow(RangeError);
    expect(() =>
      barsOf({ ...tapeOf([], options), untilMs: fromMs + 60_000 * minuteMs }, 1),
    ).toThrow(RangeError);
  });
});

describe('a unit price', () => {
  it('is what a million tokens of reference requests cost', () => {
    const list = { inputPerMTok: 50_000_000n, outputPerMTok: 150_000_000n, perRequest: 0n };
    expect(unitPriceOf(list)).toBe(83_333_333n);
    const dearer = priceListAt(list, 166_666_666n);
    expect(dearer).toEqual({
      inputPerMTok: 100_000_000n,
      outputPerMTok: 299_999_999n,
      perRequest: 0n,
    });
    const dear = priceListAt({ ...list, perRequest: 900_000n }, 10n ** 12n);
    const fault = unitPriceOf(dear) - 10n ** 12n;
    expect(fault > -1_000n && fault < 1_000n).toBe(true);
    expect(
      unitPriceOf(priceListAt({ inputPerMTok: 0n, outputPerMTok: 0n, perRequest: 0n }, 7n)),
    ).toBe(7n);
  });

  it('falls into the steps of the ranking: five per cent always make one', () => {
    for (const price of [10n, 12_345n, 83_333_333n, 10n ** 12n]) {
      expect(priceStepOf((price * 1_051n) / 1_000n + 1n)).toBeGreaterThan(priceStepOf(price));
      expect(priceStepOf(price)).toBe(priceStepOf(price));
    }
  });
});
