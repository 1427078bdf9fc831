/**
 * Who trades in a market run, and under which terms: one endpoint is the node of the chain, the others are providers
 * and buyers in turn. Beside them there are people who send other transactions (see commerce/). Every second buyer
 * spends by a mandate of its owner.
 */
import { type GenesisBlock, genesisBlock } from '@aitbc/chain';
import type { OfferTerms } from '@aitbc/market';
import { hex, keyPairFromSeed, utf8 } from '@aitbc/primitives';
import {
  addressOf,
  type ChainParams,
  devnetParams,
  type FeeTable,
  fullCharge,
  type Genesis,
  type Hex,
  type Network,
  networkFromGenesis,
  type OfferPayload,
  offerIdOf,
  priceOf,
  type SignedOffer,
  signDocument,
  txKinds,
} from '@aitbc/protocol';
import { digestId } from '../commerce/audits.ts';
import type { Person } from '../commerce/scene.ts';
import { createRandom } from '../engine/random.ts';
import type { Plan } from '../faults/plan.ts';
import { feeNait, genesisTimeMs, marketParams } from '../whole/ground.ts';

export const nodeEndpoint = 0;
export const promptBound = 20;
export const model = 'tiny';

/** A standing offer, ready for admission. */
export interface StandingOffer {
  readonly signed: SignedOffer;
  readonly terms: OfferTerms;
  readonly windowTokens: number;
}

/** Someone who trades. */
export interface Party {
  readonly endpoint: number;
  readonly kind: 'provider' | 'buyer';
  readonly person: Person;
  /** Signs vouchers of a buyer; a provider signs with its own key. */
  readonly hotKey: Person;
  /** A buyer whose hot key spends by a mandate. */
  readonly isMandated: boolean;
}

export interface MarketGround {
  readonly genesis: Genesis;
  readonly network: Network;
  readonly first: GenesisBlock;
  readonly validators: readonly Person[];
  readonly people: readonly Person[];
  readonly parties: readonly Party[];
  /** Offers by endpoint of their provider. */
  readonly offers: ReadonlyMap<number, StandingOffer>;
  readonly withdrawDelayMs: number;
  /** Longer than all faults of the run together: no withdrawal ends before its provider has seen it. */
  readonly isDelayLong: boolean;
  readonly jobMaxNait: bigint;
}

const balanceNait = 1_000_000_000_000n;
/** Enough for a jury of three, and five others for an appeal. */
const folkCount = 12;
const validatorCount = 4;
const shortDelaysMs = [1_000, 5_000];

export const outputMax = 48;

/** The kind of party at an endpoint; the first endpoint is the node. */
export function partyKindAt(endpoint: number): 'node' | 'provider' | 'buyer' {
  if (endpoint === nodeEndpoint) return 'node';
  return endpoint % 2 === 1 ? 'provider' : 'buyer';
}

/** Every second buyer spends by a mandate. */
export function isMandatedAt(endpoint: number): boolean {
  return endpoint % 4 === 2;
}

/** The ground of a plan. */
export function createMarketGround(plan: Plan): MarketGround {
  const random = createRandom(plan.seed).fork('market');
  const people = Array.from({ length: folkCount }, (_, at) => personOf(1 + at));
  const validators = Array.from({ length: validatorCount }, (_, at) => personOf(101 + at));
  const parties = Array.from({ length: plan.nodes - 1 }, (_, at) => partyAt(at + 1));
  const genesis = genesisOf({ people, validators, parties });
  const network = networkFromGenesis(genesis);
  const isDelayLong = random.chance(0.7);
  const withdrawDelayMs = isDelayLong ? 3_600_000 : random.pick(shortDelaysMs);
  const offers = new Map<number, StandingOffer>();
  for (const { kind, endpoint, person } of parties) {
    if (kind !== 'provider') continue;
    const windowTokens = random.pick([1, 4, 8, 16]);
    offers.set(endpoint, offerOf({ network, person, windowTokens, withdrawDelayMs }));
  }
  const jobMaxNait = random.pick([0n, 400n, 100_000n]);
  const first = genesisBlock(genesis);
  const rest = { withdrawDelayMs, isDelayLong, jobMaxNait };
  return { genesis, network, first, validators, people, parties, offers, ...rest };
}

function personOf(seed: number): Person {
  const pair = keyPairFromSeed(new Uint8Array(32).fill(seed));
  return { id: hex(pair.publicKey), secretKey: pair.secretKey };
}

function partyAt(endpoint: number): Party {
  const kind = partyKindAt(endpoint) === 'provider' ? 'provider' : 'buyer';
  const person = personOf(30 + endpoint);
  const hotKey = kind === 'buyer' ? personOf(65 + endpoint) : person;
  return { endpoint, kind, person, hotKey, isMandated: isMandatedAt(endpoint) };
}

interface Cast {
  readonly people: readonly Person[];
  readonly validators: readonly Person[];
  readonly parties: readonly Party[];
}

function genesisOf({ people, validators, parties }: Cast): Genesis {
  const fees = Object.fromEntries(Object.keys(txKinds).map((kind) => [kind, `${feeNait}`]));
  const params: ChainParams = {
    ...devnetParams,
    ...marketParams,
    fees: fees as FeeTable,
    epochBlocks: 20,
    missedViewsMax: 1_000,
  };
  const ids = parties.flatMap(({ person, hotKey }) => [person.id, hotKey.id]);
  const funded = new Set([...people.map(({ id }) => id), ...ids]);
  return {
    network: 'simulation',
    timeMs: genesisTimeMs,
    accounts: [...funded].map((id) => ({ address: addressOf(id), balance: `${balanceNait}` })),
    validators: validators.map(({ id }, at) => ({
      publicKey: id,
      stake: `${10n * BigInt(devnetParams.validatorStakeMin)}`,
      owner: addressOf((people[at] as Person).id),
    })),
    params,
  };
}

function offerOf(terms: {
  readonly network: Network;
  readonly person: Person;
  readonly windowTokens: number;
  readonly withdrawDelayMs: number;
}): StandingOffer {
  const { network, person, windowTokens, withdrawDelayMs } = terms;
  const payload: OfferPayload = {
    v: 1,
    network: network.caip2,
    provider: addressOf(person.id),
    authorizer: person.id,
    endpoint: 'https://simulated',
    model,
    digest: `sha256:${digestId}`,
    quantization: 'F16',
    contextMax: 4_096,
    outputMax,
    price: { inputPerMTok: '5000000', outputPerMTok: '10300000', perRequest: '7' },
    windowTokens,
    serves: ['chat'],
    canResume: true,
    firstTokenMs: 60_000,
    withdrawDelayMsMin: withdrawDelayMs,
    validFromMs: genesisTimeMs,
    validUntilMs: genesisTimeMs + 86_400_000,
  };
  const signer = { publicKey: person.id, secretKey: person.secretKey };
  const signed = signDocument({ tag: 'offer', network }, payload, signer) as SignedOffer;
  const price = priceOf(payload);
  const jobMax = fullCharge(price, { promptTokens: promptBound, outputTokens: outputMax });
  const offerId = offerIdOf(network, payload);
  const standing = { offerId, price, withdrawDelayMsMin: withdrawDelayMs, jobMax };
  return { signed, terms: standing, windowTokens };
}

/** The token at a position of the answer to a body: the same at every provider, because the weights are. */
export function tokenAt(bodyDigest: Hex, position: number): string {
  return `${bodyDigest.slice(position % 60, (position % 60) + 2)}${position} `;
}

export function bodyOf(key: string, tokens: number): Uint8Array {
  return utf8(JSON.stringify({ key, tokens }));
}
