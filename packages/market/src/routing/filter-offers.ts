/** Which listings fit a buyer's wishes, and why the others do not. */
import { amountOf, limits } from '@aitbc/protocol';
import type { Listing } from './listing.ts';
import type { ProviderWishes, RouteQuery } from './route-types.ts';

/** Why an offer is not a candidate. */
export type Exclusion =
  | 'only'
  | 'ignore'
  | 'quantizations'
  | 'max_price'
  | 'context'
  | 'output'
  | 'serves'
  | 'resume'
  | 'verifiable'
  | 'validity'
  | 'lease';

/** Reason why a listing is out, or undefined when it may be ranked. */
export type OfferFilter = (listing: Listing) => Exclusion | undefined;

/** A provider that sent nothing for this long is not ranked, though its lease still runs. */
export const silentMs = 2 * limits.heartbeatMs;

type Check = (listing: Listing) => boolean;
type NamedCheck = readonly [Exclusion, Check];

/** Filter of a query. */
export function filterOf(query: RouteQuery, nowMs: number): OfferFilter {
  const checks: NamedCheck[] = [
    ...wishChecks(query.provider),
    ...requestChecks(query),
    ['validity', (listing) => isValidAt(listing, nowMs)],
    ['lease', ({ seat }) => nowMs - seat.lastFrameMs <= silentMs],
  ];
  return (listing) => {
    for (const [exclusion, check] of checks) if (!check(listing)) return exclusion;
    return undefined;
  };
}

function wishChecks(wishes: ProviderWishes): NamedCheck[] {
  const checks: NamedCheck[] = [];
  const { only, ignore, quantizations, max_price: maxPrice, verifiable } = wishes;
  if (only) {
    const wanted = new Set(only);
    checks.push(['only', ({ entry }) => wanted.has(entry.provider)]);
  }
  if (ignore) {
    const ignored = new Set(ignore);
    checks.push(['ignore', ({ entry }) => !ignored.has(entry.provider)]);
  }
  if (quantizations) {
    const wanted = new Set(quantizations.map((name) => name.toLowerCase()));
    checks.push([
      'quantizations',
      ({ entry }) => wanted.has(entry.offer.payload.quantization.toLowerCase()),
    ]);
  }
  if (maxPrice) checks.push(['max_price', priceCheck(maxPrice)]);
  if (verifiable) checks.push(['verifiable', isVerifiable]);
  return checks;
}

function requestChecks({
  provider,
  contextTokens,
  outputTokens,
  serves,
  canResume,
}: RouteQuery): NamedCheck[] {
  const checks: NamedCheck[] = [];
  if (contextTokens !== undefined) {
    checks.push(['context', ({ contextMax }) => contextMax >= contextTokens]);
  }
  if (outputTokens !== undefined && provider.require_parameters) {
    checks.push(['output', ({ entry }) => entry.offer.payload.outputMax >= outputTokens]);
  }
  if (serves) checks.push(['serves', ({ entry }) => entry.offer.payload.serves.includes(serves)]);
  if (canResume) checks.push(['resume', ({ entry }) => entry.offer.payload.canResume]);
  return checks;
}

function priceCheck(maxPrice: NonNullable<ProviderWishes['max_price']>): Check {
  const prompt = maxPrice.prompt === undefined ? undefined : amountOf(maxPrice.prompt);
  const completion = maxPrice.completion === undefined ? undefined : amountOf(maxPrice.completion);
  const request = maxPrice.request === undefined ? undefined : amountOf(maxPrice.request);
  return ({ entry: { price } }) =>
    (prompt === undefined || price.inputPerMTok <= prompt) &&
    (completion === undefined || price.outputPerMTok <= completion) &&
    (request === undefined || price.perRequest <= request);
}

/** Answers of the offer can be audited, and no audit speaks against its provider. */
function isVerifiable({ entry, seat }: Listing): boolean {
  return entry.offer.payload.verifiable === true && !seat.isSuspect;
}

function isValidAt({ validFromMs, validUntilMs }: Listing, nowMs: number): boolean {
  return nowMs >= validFromMs - limits.clockSkewMs && nowMs < validUntilMs;
}

/** Bounds of a preference: median and 90th percentile of the first token, ms, and median tokens/s. */
export interface PreferredSpeed {
  readonly firstTokenMsP50: number;
  readonly firstTokenMsP90: number;
  readonly tokensPerSecond: number;
}

/** The speed a buyer prefers; undefined without such a wish. */
export function preferredSpeedOf(wishes: ProviderWishes): PreferredSpeed | undefined {
  const { preferred_max_latency: latency, preferred_min_throughput: throughput } = wishes;
  if (latency === undefined && throughput === undefined) return undefined;
  const { p50, p90 } =
    typeof latency === 'object' ? latency : { p50: latency, p90: undefined as number | undefined };
  return {
    firstTokenMsP50: p50 === undefined ? Infinity : p50 * 1_000,
    firstTokenMsP90: p90 === undefined ? Infinity : p90 * 1_000,
    tokensPerSecond: typeof throughput === 'object' ? throughput.p50 : (throughput ?? 0),
  };
}

/** True for a measured listing that is as fast as preferred. */
export function isPreferred(speed: PreferredSpeed, listing: Listing): boolean {
  const { isNew, measured } = listing;
  return (
    !isNew &&
    listing.latencyMs <= speed.firstTokenMsP50 &&
    (measured.firstTokenMsP90 ?? Infinity) <= speed.firstTokenMsP90 &&
    -listing.slowness >= speed.tokensPerSecond
  );
}
