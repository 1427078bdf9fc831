/** Questions about the market: routes, models, offers, providers. */
import {
  type Exclusion,
  type Measurements,
  type OfferEntry,
  type OfferIndex,
  type RouteFacts,
  type RouteQuery,
  rankOffers,
  silentMs,
} from '@aitbc/market';
import type { Clock } from '@aitbc/primitives';
import { AppError, type coordinatorEndpoints, limits, type OutputOf } from '@aitbc/protocol';
import type { Sessions } from '../providers/sessions.ts';

type Answers = {
  [K in keyof typeof coordinatorEndpoints]: OutputOf<(typeof coordinatorEndpoints)[K]>;
};

/** What the market is made of. */
export interface MarketDeps {
  readonly index: OfferIndex;
  readonly sessions: Sessions;
  readonly measurements: Measurements;
  readonly clock: Clock;
  /** A number in [0, 1). */
  draw(): number;
}

const ownedBy = 'aitbc';

/** Ranked offers. Throws NO_OFFER with what kept the others out. */
export function routeOffers(deps: MarketDeps, query: RouteQuery): Answers['route'] {
  const { offers, excluded } = rankOffers(deps.index, query, factsOf(deps));
  if (offers.length > 0) return { offers: [...offers] };
  const reason = reasonOf(excluded);
  throw new AppError('NO_OFFER', { model: query.models.join(', ').slice(0, 200), reason });
}

function factsOf({ sessions, measurements, clock, draw }: MarketDeps): RouteFacts {
  return {
    measured: (provider, model) => measurements.of(provider, model),
    standing: (provider) => sessions.get(provider),
    nowMs: clock.nowMs(),
    draw: draw(),
  };
}

function reasonOf(excluded: Readonly<Partial<Record<Exclusion, number>>>): string {
  const parts = Object.entries(excluded).map(([what, count]) => `${count} left out by ${what}`);
  return parts.join(', ') || 'nobody connected offers it';
}

/** True while its provider is heard of and the offer holds. */
export function isOnSale(
  { sessions, clock }: MarketDeps,
  { provider, offer }: OfferEntry,
): boolean {
  const nowMs = clock.nowMs();
  const session = sessions.get(provider);
  if (!session || nowMs - session.lastFrameMs > silentMs) return false;
  return nowMs < offer.payload.validUntilMs;
}

/** Models on offer now with their cheapest price. */
export function listModels(deps: MarketDeps): Answers['models'] {
  const data = deps.index.models().flatMap((id) => {
    const entries = deps.index.ofModel(id).filter((entry) => isOnSale(deps, entry));
    const cheapest = entries[0]?.offer.payload;
    if (!cheapest) return [];
    const { inputPerMTok, outputPerMTok } = cheapest.price;
    const providers = new Set(entries.map(({ provider }) => provider)).size;
    const created = Math.floor(cheapest.validFromMs / 1_000);
    const object = 'model' as const;
    return [{ id, object, created, owned_by: ownedBy, providers, inputPerMTok, outputPerMTok }];
  });
  return { object: 'list', data };
}

/** A page of all offers of connected providers, in the order of their ids. */
export function listOffers(
  deps: MarketDeps,
  { model, after }: { model?: string | undefined; after?: string | undefined },
): Answers['listOffers'] {
  const page = deps.index.page({ model, after, limit: limits.pageSize });
  const facts = factsOf(deps);
  const offers = page.flatMap(({ offerId, offer, provider, model: name }, rank) => {
    const gauges = facts.standing(provider)?.gauges;
    if (!gauges) return [];
    const measured = facts.measured(provider, name);
    return [{ offerId, offer, rank, reason: 'listed by id', measured, gauges }];
  });
  const next = page.length === limits.pageSize ? (page.at(-1)?.offerId ?? null) : null;
  return { offers, next };
}

/** A page of the providers that hold a lease, by address. */
export function listProviders(
  { sessions, index }: MarketDeps,
  { after = '' }: { after?: string | undefined },
): Answers['listProviders'] {
  const behind = [...sessions.all()].filter(({ provider }) => provider > after);
  behind.sort((a, b) => (a.provider < b.provider ? -1 : 1));
  const page = behind.slice(0, limits.pageSize);
  const providers = page.map(({ provider, endpoint, lastFrameMs, gauges }) => ({
    provider,
    endpoint,
    leaseUntilMs: lastFrameMs + limits.leaseMs,
    models: [...new Set(index.ofProvider(provider).map(({ model }) => model))].sort(),
    gauges,
  }));
  const next = behind.length > page.length ? (page.at(-1)?.provider ?? null) : null;
  return { providers, next };
}
