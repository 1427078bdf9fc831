import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RankedOffer } from '../../market/offer-rows.ts';
import { sampleProof } from '../../testing/sample-proof.ts';
import { sizeClassOf, suggestPrice } from './suggest-price.ts';

const { offer: signed } = sampleProof();
const digest = `sha256:${'ab'.repeat(32)}`;
const model = { name: 'qwen3:8b', digest, parameters: 8.2e9 };

interface Wish {
  readonly provider: string;
  readonly output: bigint;
  readonly model?: string;
  readonly digest?: string;
  readonly running?: number;
}

function offerOf({ provider, output, running = 0, ...wish }: Wish): RankedOffer {
  const price = { inputPerMTok: `${output / 3n}`, outputPerMTok: `${output}`, perRequest: '0' };
  const names = { model: wish.model ?? model.name, digest: wish.digest ?? '' };
  const payload = { ...signed.payload, ...names, provider, price };
  const unmeasured = { firstTokenMsP50: null, firstTokenMsP90: null, tokensPerSecondP50: null };
  return {
    ...{ offerId: '00'.repeat(32), offer: { ...signed, payload }, rank: 0, reason: 'price' },
    measured: { ...unmeasured, samples: 0 },
    gauges: { running, waiting: 0, slots: 4 },
  };
}

const five = (running: number, more: Partial<Wish> = {}) =>
  [10n, 20n, 30n, 40n, 5_000n].map((output, at) =>
    offerOf({ provider: `p${at}`, output, running, ...more }),
  );

describe('a price out of the market', () => {
  it('is the middle of what others take, and no absurd price moves it', () => {
    expect(suggestPrice(model, five(2))).toMatchObject({
      ...{ basis: 'same model', providers: 5, utilisation: 0.5 },
      output: { low: 20n, middle: 30n, high: 40n },
      proposed: { input: 10n, output: 30n },
    });
  });

  it('is the upper end where slots are busy, and the lower where they are idle', () => {
    expect(suggestPrice(model, five(4))?.proposed.output).toBe(40n);
    expect(suggestPrice(model, five(0))?.proposed.output).toBe(20n);
  });

  it('looks at the same weights first, then at the name, then at the size', () => {
    const weights = offerOf({ provider: 'w', output: 7n, model: 'my-qwen', digest });
    const named = offerOf({ provider: 'n', output: 8n });
    const sized = offerOf({ provider: 's', output: 9n, model: 'llama-3.1-8b-instruct' });
    const large = offerOf({ provider: 'l', output: 99n, model: 'llama3.3:70b' });
    const basis = (...offers: RankedOffer[]) => suggestPrice(model, offers)?.basis;
    expect(basis(large, sized, named, weights)).toBe('same weights');
    expect(basis(large, sized, named)).toBe('same model');
    expect(basis(large, sized)).toBe('same size');
    expect(basis(large)).toBe(undefined);
  });

  it('leaves out our own offers, and counts a provider once, at its cheapest', () => {
    const many = [30n, 10n, 20n].map((output) => offerOf({ provider: 'p', output, running: 2 }));
    expect(suggestPrice(model, many)).toMatchObject({ providers: 1, proposed: { output: 10n } });
    expect(suggestPrice(model, many, 'p')).toBe(undefined);
  });

  it('never leaves the range of the prices it was made from', () => {
    const prices = fc.array(fc.bigInt(0n, 10n ** 18n), { minLength: 1, maxLength: 40 });
    const property = fc.property(prices, fc.nat(4), (outputs, running) => {
      const offers = outputs.map((output, at) => offerOf({ provider: `p${at}`, output, running }));
      const { output, proposed } = suggestPrice(model, offers)!;
      const sorted = [...outputs].sort((a, b) => (a < b ? -1 : 1));
      expect(output.low <= output.middle && output.middle <= output.high).toBe(true);
      expect(outputs).toContain(proposed.output);
      expect(proposed.output >= sorted[0]! && proposed.output <= sorted.at(-1)!).toBe(true);
    });
    fc.assert(property);
  });

  it.each([
    ['qwen3:8b', undefined, sizeClassOf({ name: 'llama-3.1-8b-instruct', parameters: undefined })],
    ['smollm:135m', undefined, 0],
    ['whatever', 70e9, sizeClassOf({ name: 'llama3.3:70b', parameters: undefined })],
    ['tiny', undefined, undefined],
  ])('puts %s into its class', (name, parameters, size) => {
    expect(sizeClassOf({ name, parameters })).toBe(size);
  });
});
