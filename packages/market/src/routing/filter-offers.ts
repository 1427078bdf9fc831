/** Which offers fit a buyer's wishes, and why the others do not. */
import { amountOf, limits } from '@aitbc/protocol';
import type { OfferEntry } from './offer-index.ts';
import type { ProviderWishes, RouteFacts } from './route-types.ts';

/** Why an offer is not a candidate. */
export type Exclusion =
  | 'only'
  | 'ignore'
  | 'quantizations'
  | 'max_price'
  | 'context'
  | 'validity'
  | 'lease';

/** Reason why an offer is out, or undefined when it may be ranked. */
export type OfferFilter = (entry: OfferEntry) => Exclusion | undefined;

/** A provider that sent nothing for this long is not ranked, though its lease still runs. */
export const silentMs = 2 * limits.heartbeatMs;

type Check = (entry: OfferEntry) => boolean;

/** Filter of a set of wishes; `contextTokens` is prompt and answer together. */
export function filterOf(
  wishes: ProviderWishes,
  contextTokens: number | undefined,
  facts: RouteFacts,
): OfferFilter {
  const checks: [Exclusion, Check][] = [...wishChecks(wishes)];
  if (contextTokens !== undefined) {
    checks.push(['context', ({ offer }) => offer.payload.contextMax >= contextTokens]);
  }
  checks.push(['validity', (entry) => isValidAt(entry, facts.nowMs)]);
  checks.push(['lease', ({ provider }) => isPresent(facts, provider)]);
  return (entry) => {
    for (const [exclusion, check] of checks) if (!check(entry)) return exclusion;
    return undefined;
  };
}

function wishChecks(wishes: ProviderWishes): [Exclusion, Check][] {
  const checks: [Exclusion, Check][] = [];
  const { only, ignore, quantizations, max_price: maxPrice } = wishes;
  if (only) {
    const wanted = new Set(only);
    checks.push(['only', ({ provider }) => wanted.has(provider)]);
  }
  if (ignore) {
    const ignored = new Set(ignore);
    checks.push(['ignore', ({ provider }) => !ignored.has(provider)]);
  }
  if (quantizations) {
    const wanted = new Set(quantizations.map((name) => name.toLowerCase()));
    checks.push([
      'quantizations',
      ({ offer }) => wanted.has(offer.payload.quantization.toLowerCase()),
    ]);
  }
  if (maxPrice) checks.push(['max_price', priceCheck(maxPrice)]);
  return checks;
}

function priceCheck(maxPrice: NonNullable<ProviderWishes['max_price']>): Check {
  const prompt = maxPrice.prompt === undefined ? undefined : amountOf(maxPrice.prompt);
  const completion = maxPrice.completion === undefined ? undefined : amountOf(maxPrice.completion);
  const request = maxPrice.request === undefined ? undefined : amountOf(maxPrice.request);
  return ({ price }) =>
    (prompt === undefined || price.inputPerMTok <= prompt) &&
    (completion === undefined || price.outputPerMTok <= completion) &&
    (request === undefined || price.perRequest <= request);
}

function isValidAt({ offer }: OfferEntry, nowMs: number): boolean {
  const { validFromMs, validUntilMs } = offer.payload;
  return nowMs >= validFromMs - limits.clockSkewMs && nowMs < validUntilMs;
}

function isPresent(facts: RouteFacts, provider: string): boolean {
  const standing = facts.standing(provider);
  return standing !== undefined && facts.nowMs - standing.lastFrameMs <= silentMs;
}
