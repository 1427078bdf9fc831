/**
 * A price out of the market. Looked at are the offers of others for what a buyer would take in place of ours: the same
 * weights (digest), else the same model by name, else models of the same size class. One price per provider, its
 * cheapest, so that nobody sets the market by listing much.
 *
 * The middle half of these prices is the spread. Where most slots are busy the upper end is proposed, where most
 * are idle the lower end, else the middle. Quartiles and not means: an offer at an absurd price moves nothing.
 */
import { amountOf } from '@aitbc/protocol';
import type { RankedOffer } from '../../market/offer-rows.ts';

const busyFrom = 0.8;
const idleTo = 0.2;
/** Upper ends of the size classes, in billions of parameters. */
const sizeClasses = [1.9, 4.5, 9.5, 16, 36, 80];

/** What is to be sold. */
export interface ModelToPrice {
  readonly name: string;
  readonly digest: string;
  readonly parameters: number | undefined;
}

/** Middle, and lower and upper quarter, nait per million tokens. */
export interface Spread {
  readonly low: bigint;
  readonly middle: bigint;
  readonly high: bigint;
}

/** What the market says about a model. */
export interface PriceSuggestion {
  readonly model: string;
  /** What was compared. */
  readonly basis: 'same weights' | 'same model' | 'same size';
  readonly providers: number;
  readonly input: Spread;
  readonly output: Spread;
  /** Share of slots that are busy, 0 to 1; null when there are none. */
  readonly utilisation: number | null;
  readonly proposed: { readonly input: bigint; readonly output: bigint };
}

/** A suggestion, undefined when nobody sells anything like it. `own` is left out. */
export function suggestPrice(
  model: ModelToPrice,
  offers: readonly RankedOffer[],
  own?: string,
): PriceSuggestion | undefined {
  const others = offers.filter(({ offer }) => offer.payload.provider !== own);
  const size = sizeClassOf(model);
  const tests: readonly (readonly [PriceSuggestion['basis'], (offer: RankedOffer) => boolean])[] = [
    ['same weights', ({ offer }) => model.digest !== '' && offer.payload.digest === model.digest],
    ['same model', ({ offer }) => offer.payload.model === model.name],
    [
      'same size',
      ({ offer: { payload } }) =>
        size !== undefined && sizeClassOf({ name: payload.model, parameters: undefined }) === size,
    ],
  ];
  for (const [basis, fits] of tests) {
    const comparable = cheapestEach(others.filter(fits));
    if (comparable.length > 0) return suggestionOf(model.name, basis, comparable);
  }
  return undefined;
}

function cheapestEach(offers: readonly RankedOffer[]): RankedOffer[] {
  const byProvider = new Map<string, RankedOffer>();
  for (const offer of offers) {
    const { provider } = offer.offer.payload;
    const known = byProvider.get(provider);
    if (!known || outputOf(offer) < outputOf(known)) byProvider.set(provider, offer);
  }
  return [...byProvider.values()];
}

function outputOf({ offer }: RankedOffer): bigint {
  return amountOf(offer.payload.price.outputPerMTok);
}

function suggestionOf(
  model: string,
  basis: PriceSuggestion['basis'],
  offers: readonly RankedOffer[],
): PriceSuggestion {
  const input = spreadOf(offers.map(({ offer }) => amountOf(offer.payload.price.inputPerMTok)));
  const output = spreadOf(offers.map(outputOf));
  const slots = offers.reduce((sum, { gauges }) => sum + gauges.slots, 0);
  const busy = offers.reduce((sum, { gauges }) => sum + Math.min(gauges.running, gauges.slots), 0);
  const utilisation = slots === 0 ? null : busy / slots;
  const end = endOf(utilisation);
  const proposed = { input: input[end], output: output[end] };
  return { model, basis, providers: offers.length, input, output, utilisation, proposed };
}

function endOf(utilisation: number | null): keyof Spread {
  if (utilisation === null) return 'middle';
  if (utilisation >= busyFrom) return 'high';
  return utilisation <= idleTo ? 'low' : 'middle';
}

function spreadOf(prices: readonly bigint[]): Spread {
  const sorted = [...prices].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const at = (share: number) => sorted[Math.round((sorted.length - 1) * share)] ?? 0n;
  return { low: at(0.25), middle: at(0.5), high: at(0.75) };
}

/** Class of a size, out of the parameters or the name (`qwen3:8b`); undefined when neither tells. */
export function sizeClassOf({
  name,
  parameters,
}: Pick<ModelToPrice, 'name' | 'parameters'>): number | undefined {
  const named = /(?:^|[^a-z0-9.])(\d+(?:\.\d+)?)([bm])(?![a-z0-9])/i.exec(name);
  const unit = named?.[2]?.toLowerCase() === 'm' ? 0.001 : 1;
  const billions = parameters === undefined ? Number(named?.[1]) * unit : parameters / 1e9;
  if (!Number.isFinite(billions)) return undefined;
  const at = sizeClasses.findIndex((most) => billions <= most);
  return at < 0 ? sizeClasses.length : at;
}
