/**
 * The offers of this provider: one signed price per model, renewed at half of its life. An older offer is
 * honoured until it runs out, also across a restart and a change of prices: it is signed. A restart that
 * changes nothing goes on with the offers of the last life, so that a buyer's retry names the same offer.
 *
 * The owner may ask other prices for a model while the daemon runs; a restart forgets them and asks what is
 * configured. Each such change is a new signed offer beside those that still hold, so their number is bounded.
 */
import type { OfferTerms } from '@aitbc/market';
import { canonicalJson, type JsonValue } from '@aitbc/primitives';
import {
  AppError,
  type DocumentSigner,
  fullCharge,
  type Hex,
  limits,
  type Network,
  type OfferPayload,
  offerIdOf,
  priceOf,
  type SignedOffer,
  signDocument,
} from '@aitbc/protocol';
import type { EngineModel } from '../engines/engine.ts';

/** An offer this provider stands by. */
export interface StandingOffer {
  readonly offerId: Hex;
  readonly signed: SignedOffer;
  readonly payload: OfferPayload;
  readonly terms: OfferTerms;
}

/** What every offer of this provider has in common. */
export interface OfferTemplate {
  readonly provider: string;
  readonly endpoint: string;
  readonly price: OfferPayload['price'];
  readonly windowTokens: number;
  readonly outputMax: number;
  readonly firstTokenMs: number;
  readonly withdrawDelayMsMin: number;
  /** Which models are sold as verifiable: all, none, or those whose engine is known to decode greedily and exactly. */
  readonly verifiable: 'auto' | 'on' | 'off';
}

/** Where offers are kept across restarts. */
export interface OfferStore {
  offers(nowMs: number): SignedOffer[];
  saveOffer(offerId: Hex, offer: SignedOffer): void;
}

export interface OfferBookDeps {
  readonly network: Network;
  readonly signer: DocumentSigner;
  readonly store: OfferStore;
  readonly nowMs: () => number;
}

/** The offers. */
export interface OfferBook {
  /** Makes, or renews where half of the life is over, the offers of these models; true when one is new. */
  refresh(models: readonly EngineModel[]): boolean;
  /** The newest offer of a model. */
  current(model: string): StandingOffer | undefined;
  /** All newest offers. */
  list(): readonly StandingOffer[];
  /**
   * Asks other prices for a model from now on; the same prices are the same offer. Throws MODEL_UNKNOWN for what is
   * not sold, RATE_LIMITED when too many offers hold.
   */
  reprice(model: string, price: OfferPayload['price']): StandingOffer;
  /** An offer with its id and terms, whether it still holds or not. */
  standing(signed: SignedOffer): StandingOffer;
  /** An offer that still holds, by its id. */
  find(offerId: Hex): StandingOffer | undefined;
}

/** About seven changes a minute for a day, which is how long an offer holds. */
const standingMax = 10_000;
const retryAfterSeconds = 60;

/** An offer book that starts with the offers of earlier lives; the template is asked at every offer. */
export function createOfferBook(template: () => OfferTemplate, deps: OfferBookDeps): OfferBook {
  const { network, signer, store, nowMs } = deps;
  const standing = new Map<Hex, StandingOffer>();
  const newest = new Map<string, StandingOffer>();
  const asked = new Map<string, OfferPayload['price']>();
  let sold: readonly EngineModel[] = [];
  for (const signed of store.offers(nowMs())) {
    if (signed.signer !== signer.publicKey || signed.payload.network !== network.caip2) continue;
    const offer = standingOf(network, signed);
    standing.set(offer.offerId, offer);
  }
  /** The longest valid offer of an earlier life that says the same. */
  const kept = (payload: OfferPayload): StandingOffer | undefined =>
    [...standing.values()]
      .filter((offer) => !isStale(offer, nowMs()) && saysTheSame(offer.payload, payload))
      .sort((a, b) => b.payload.validUntilMs - a.payload.validUntilMs)[0];
  const make = (model: EngineModel): void => {
    const price = asked.get(model.name);
    const payload = payloadOf({ ...template(), ...(price && { price }) }, model, deps);
    const known = newest.has(model.name) ? undefined : kept(payload);
    if (known) {
      newest.set(model.name, known);
      return;
    }
    const signed = signDocument({ tag: 'offer', network }, payload, signer) as SignedOffer;
    const offer = standingOf(network, signed);
    store.saveOffer(offer.offerId, signed);
    standing.set(offer.offerId, offer);
    newest.set(model.name, offer);
  };
  return {
    refresh(models) {
      sold = models;
      const names = new Set(models.map(({ name }) => name));
      for (const name of newest.keys()) if (!names.has(name)) newest.delete(name);
      for (const [id, { payload }] of standing) {
        if (payload.validUntilMs < nowMs()) standing.delete(id);
      }
      const stale = models.filter(({ name }) => isStale(newest.get(name), nowMs()));
      stale.forEach(make);
      return stale.length > 0;
    },
    current: (model) => newest.get(model),
    list: () => [...newest.values()],
    reprice(model, price) {
      const known = newest.get(model);
      const engineModel = sold.find(({ name }) => name === model);
      if (!known || !engineModel) {
        throw new AppError('MODEL_UNKNOWN', { model });
      }
      if (isSamePrice(known.payload.price, price)) return known;
      if (standing.size >= standingMax) {
        throw new AppError('RATE_LIMITED', { retryAfterSeconds });
      }
      asked.set(model, price);
      make(engineModel);
      return newest.get(model) as StandingOffer;
    },
    standing: (signed) => standingOf(network, signed),
    find(offerId) {
      const offer = standing.get(offerId);
      return offer && nowMs() <= offer.payload.validUntilMs ? offer : undefined;
    },
  };
}

function isStale(offer: StandingOffer | undefined, nowMs: number): boolean {
  return !offer || offer.payload.validUntilMs - nowMs < limits.offerLifetimeMs / 2;
}

function isSamePrice(one: OfferPayload['price'], other: OfferPayload['price']): boolean {
  return canonicalJson(one) === canonicalJson(other);
}

function saysTheSame(one: OfferPayload, other: OfferPayload): boolean {
  const timeless = (payload: OfferPayload) =>
    canonicalJson({ ...payload, validFromMs: 0, validUntilMs: 0 } as JsonValue);
  return timeless(one) === timeless(other);
}

function payloadOf(
  template: OfferTemplate,
  model: EngineModel,
  { network, signer, nowMs }: OfferBookDeps,
): OfferPayload {
  const now = nowMs();
  const { verifiable, ...common } = template;
  return {
    v: 1,
    network: network.caip2,
    authorizer: signer.publicKey,
    model: model.name,
    digest: model.digest ?? '',
    quantization: (model.quantization ?? '').slice(0, 16),
    contextMax: model.contextMax,
    serves: [...(model.serves ?? ['chat'])],
    canResume: model.resume === 'exact',
    validFromMs: now,
    validUntilMs: now + limits.offerLifetimeMs,
    ...common,
    ...(isVerifiable(model, verifiable) ? { verifiable: true } : {}),
    outputMax: Math.min(template.outputMax, model.contextMax),
  };
}

/** The promise names weights by their digest, and is for chats. */
function isVerifiable(model: EngineModel, wanted: OfferTemplate['verifiable']): boolean {
  const { digest = '', serves = ['chat'], verifiable = false } = model;
  if (digest === '' || !serves.includes('chat')) return false;
  return wanted === 'auto' ? verifiable : wanted === 'on';
}

function standingOf(network: Network, signed: SignedOffer): StandingOffer {
  const { payload } = signed;
  const offerId = offerIdOf(network, payload);
  const price = priceOf(payload);
  const most = { promptTokens: payload.contextMax, outputTokens: payload.outputMax };
  const { withdrawDelayMsMin } = payload;
  const terms = { offerId, price, withdrawDelayMsMin, jobMax: fullCharge(price, most) };
  return { offerId, signed, payload, terms };
}
