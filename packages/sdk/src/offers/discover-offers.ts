/**
 * Finds whom to buy from: the coordinator ranks, the buyer checks. A ranked offer counts only when its
 * signature fits the key that the chain has registered for the provider, so a coordinator can leave offers
 * out but cannot change a price or a payee. Rankings and keys are kept for a short time, and a stale
 * ranking is renewed in the background, so a request seldom waits for either.
 *
 * A coordinator that has just started knows nobody until its providers are back. So while a ranking is kept it is
 * better than no answer, also one that has led nowhere.
 */
import {
  AppError,
  accountIdOf,
  asAppError,
  type coordinatorEndpoints,
  type Hex,
  type InputOf,
  type OutputOf,
  type Price,
  priceOf,
  type SignedOffer,
  unwrap,
  verifyOffer,
} from '@aitbc/protocol';
import type { BuyerLog } from '../books/log.ts';
import type { NodeClient } from '../chain/node-client.ts';
import type { CoordinatorClient } from '../http/clients.ts';
import { isPrivateUrl } from './private-address.ts';

const rankingFreshMs = 2_000;
const rankingKeptMs = 20_000;
const registrationKeptMs = 60_000;
const entriesMax = 1_000;

/** An offer that was checked. */
export interface Candidate {
  readonly offerId: Hex;
  readonly offer: SignedOffer;
  readonly price: Price;
  /** Address of the provider. */
  readonly provider: string;
  /** Account id of the provider. */
  readonly providerId: Hex;
}

/** Routing wishes as the coordinator takes them. */
export type Wishes = NonNullable<InputOf<typeof coordinatorEndpoints.route>['provider']>;

type Ranked = OutputOf<typeof coordinatorEndpoints.route>['offers'][number];

/** What discovery needs. */
export interface DiscoverDeps {
  readonly node: NodeClient;
  readonly coordinator: Pick<CoordinatorClient, 'route'>;
  readonly nowMs: () => number;
  readonly log: BuyerLog;
  /** Take offers with loopback and private addresses: for a devnet. */
  readonly allowPrivate: boolean;
  readonly wishes: Wishes;
}

/** Finds offers. */
export interface Discovery {
  /** Checked offers for a model, best first. Throws NO_OFFER, or UNAVAILABLE when the coordinator is away. */
  find(model: string, signal?: AbortSignal): Promise<readonly Candidate[]>;
  /** The ranking of a model led nowhere: the next call asks for a new one. */
  forget(model: string): void;
}

interface Ranking {
  readonly atMs: number;
  readonly candidates: readonly Candidate[];
  /** It led nowhere. */
  readonly isDoubted: boolean;
}

/** Discovery with caches of its own. */
export function createDiscovery(deps: DiscoverDeps): Discovery {
  const { nowMs } = deps;
  const rankings = new Map<string, Ranking>();
  const renewing = new Map<string, Promise<Ranking>>();
  const registrations = createRegistrations(deps);

  const renew = (model: string): Promise<Ranking> => {
    const running = renewing.get(model);
    if (running) return running;
    const fresh = rank(deps, registrations, model).then((candidates) => {
      const ranking = { atMs: nowMs(), candidates, isDoubted: false };
      putBounded(rankings, model, ranking);
      return ranking;
    });
    const settled = fresh.finally(() => renewing.delete(model));
    renewing.set(model, settled);
    return settled;
  };

  return {
    async find(model, signal) {
      const known = rankings.get(model);
      const ageMs = known ? nowMs() - known.atMs : Number.POSITIVE_INFINITY;
      const isKept = known !== undefined && known.candidates.length > 0 && ageMs < rankingKeptMs;
      if (isKept && !known.isDoubted) {
        if (ageMs > rankingFreshMs) renew(model).catch((error) => logFailure(deps.log, error));
        return known.candidates;
      }
      const { candidates } = await renew(model).catch((error: unknown) => {
        if (!isKept) throw error;
        logFailure(deps.log, error);
        return known;
      });
      signal?.throwIfAborted();
      if (candidates.length > 0) return candidates;
      throw new AppError('NO_OFFER', { model, reason: 'no offer passed the checks' });
    },
    forget(model) {
      const known = rankings.get(model);
      if (known) rankings.set(model, { ...known, isDoubted: true });
    },
  };
}

function logFailure(log: BuyerLog, error: unknown): void {
  log.debug({ code: asAppError(error).code }, 'a ranking could not be renewed');
}

async function rank(
  deps: DiscoverDeps,
  registrations: Registrations,
  model: string,
): Promise<readonly Candidate[]> {
  const { network } = await deps.node.network();
  const { offers } = await deps.coordinator.route({ models: [model], provider: deps.wishes });
  const checked = await Promise.all(
    offers.map(async (ranked) => {
      try {
        const registeredAuthorizer = await registrations.authorizerOf(
          ranked.offer.payload.provider,
        );
        if (!deps.allowPrivate && isPrivateUrl(ranked.offer.payload.endpoint)) {
          throw new AppError('OFFER_INVALID', { reason: 'its address is in a private network' });
        }
        const check = { nowMs: deps.nowMs(), registeredAuthorizer };
        return candidateOf(ranked, unwrap(verifyOffer(network, ranked.offer, check)));
      } catch (error) {
        const { code, facts } = asAppError(error);
        deps.log.info({ code, ...facts, provider: ranked.offer.payload.provider }, 'offer refused');
        return undefined;
      }
    }),
  );
  return checked.filter((candidate) => candidate !== undefined);
}

function candidateOf({ offer }: Ranked, offerId: Hex): Candidate {
  const { provider } = offer.payload;
  return {
    offerId,
    offer,
    price: priceOf(offer.payload),
    provider,
    providerId: unwrap(accountIdOf(provider)),
  };
}

interface Registrations {
  /** The key registered on chain. Throws PROVIDER_UNKNOWN. */
  authorizerOf(provider: string): Promise<Hex>;
}

function createRegistrations({ node, nowMs }: DiscoverDeps): Registrations {
  const known = new Map<string, { atMs: number; authorizer: Hex }>();
  return {
    async authorizerOf(provider) {
      const cached = known.get(provider);
      if (cached && nowMs() - cached.atMs < registrationKeptMs) return cached.authorizer;
      const { authorizer } = await node.rpc.state_getProvider({ address: provider });
      putBounded(known, provider, { atMs: nowMs(), authorizer });
      return authorizer;
    },
  };
}

function putBounded<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > entriesMax) map.delete(map.keys().next().value as string);
}
