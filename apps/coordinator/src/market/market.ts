/** Questions about the market: routes, models, offers, providers. */
import {
  type DecisionLine,
  type Exclusion,
  lineBehind,
  linesOf,
  type Measurements,
  type OfferEntry,
  type OfferIndex,
  type Ranking,
  type RouteQuery,
  rankOffers,
  silentMs,
} from '@aitbc/market';
import type { Clock } from '@aitbc/primitives';
import {
  AppError,
  type coordinatorEndpoints,
  type JobKind,
  jobKinds,
  limits,
  type OutputOf,
  zOpenAiChat,
} from '@aitbc/protocol';
import type { Sessions } from '../providers/sessions.ts';
import type { DecisionLog } from './decisions/decision-log.ts';

type Answers = {
  [K in keyof typeof coordinatorEndpoints]: OutputOf<(typeof coordinatorEndpoints)[K]>;
};

/** What the market is made of. */
export interface MarketDeps {
  readonly index: OfferIndex;
  readonly sessions: Sessions;
  readonly measurements: Measurements;
  readonly decisions: Pick<DecisionLog, 'add'>;
  readonly clock: Clock;
  /** A number in [0, 1). */
  draw(): number;
}

const ownedBy = 'aitbc';

/** Ranked offers. Throws NO_OFFER with what kept the others out, FIELD_UNSUPPORTED. */
export function routeOffers(
  deps: Pick<MarketDeps, 'index' | 'decisions' | 'clock' | 'draw'>,
  query: RouteQuery,
): Answers['route'] {
  assertParameters(query);
  const { index, decisions, clock } = deps;
  const nowMs = clock.nowMs();
  const ranking = rankOffers(index, query, { nowMs, draw: deps.draw() });
  const behind = someoneBehind(deps, query, ranking);
  const lines = linesOf(ranking);
  decisions.add(behind ? [...lines, behind] : lines, nowMs);
  const { offers, excluded } = ranking;
  if (offers.length > 0) return { offers: [...offers] };
  const reason = reasonOf(excluded);
  throw new AppError('NO_OFFER', { model: query.models.join(', ').slice(0, 200), reason });
}

/** Throws FIELD_UNSUPPORTED for a required field of the request that no provider of the network takes. */
function assertParameters({ provider, parameters = [] }: RouteQuery): void {
  if (!provider.require_parameters) return;
  const field = parameters.find((name) => !Object.hasOwn(zOpenAiChat.shape, name));
  if (field === undefined) return;
  throw new AppError('FIELD_UNSUPPORTED', {
    field,
    reason: 'no provider of this network takes it',
  });
}

/** One offer of the first model from anywhere in the list, so that the far ones learn something too. */
function someoneBehind(
  { index, draw }: Pick<MarketDeps, 'index' | 'draw'>,
  { models: [model = ''] }: RouteQuery,
  ranking: Ranking,
): DecisionLine | undefined {
  const list = index.shelf(model)?.ranked.effective;
  if (!list || list.size <= ranking.looked.length) return undefined;
  const listing = list.at(Math.floor(draw() * list.size));
  const isLeftOut = ranking.leftOut.some((one) => one.listing === listing);
  return listing && !isLeftOut ? lineBehind(ranking, listing) : undefined;
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
    const model = { id, object: 'model' as const, created, owned_by: ownedBy, providers };
    return [{ ...model, inputPerMTok, outputPerMTok, serves: servedBy(entries) }];
  });
  return { object: 'list', data };
}

/** Kinds that at least one of the offers serves, in their own order. */
function servedBy(entries: readonly OfferEntry[]): JobKind[] {
  return jobKinds.filter((kind) =>
    entries.some(({ offer }) => offer.payload.serves.includes(kind)),
  );
}

/** A page of all offers of connected providers, in the order of their ids. */
export function listOffers(
  deps: MarketDeps,
  { model, after }: { model?: string | undefined; after?: string | undefined },
): Answers['listOffers'] {
  const page = deps.index.page({ model, after, limit: limits.pageSize });
  const offers = page.flatMap(({ offerId, offer, provider, model: name }, rank) => {
    const gauges = deps.sessions.get(provider)?.gauges;
    if (!gauges) return [];
    const measured = deps.measurements.of(provider, name);
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
