/**
 * Which snapshot to believe. The header of an offer is proven from the genesis document, or from a block that the operator
 * trusts, by certificates alone:
 *
 *   1. while the newest trusted header is older than the trusting period, from epoch to epoch: the last block of each
 *      names the set of the next. That is as good as fetching all blocks, and as slow to forge;
 *   2. from there on as a light client does: steps that a third of the trusted stake carries, and the word of a
 *      second peer.
 *
 * Rejected: the word of most peers (peers cost nothing to make). See docs/spec/consensus.md, "Joining".
 */
import { epochOf, genesisBlock, lastHeightOf } from '@aitbc/chain';
import type { Clock } from '@aitbc/primitives';
import {
  AppError,
  asAppError,
  blockHashOf,
  type Genesis,
  type Hex,
  type LightBundle,
  type Network,
  verifyLightBundle,
} from '@aitbc/protocol';
import { createLightClient, type LightSource } from '@aitbc/sdk';
import type { Offer, Questions } from './questions.ts';

/** Of the time for which a stake can still be lost, the part in which its holder is believed: 4 days of 7. */
const trustedPart = 4 / 7;
const bundlesAhead = 16;

/** A block that the operator trusts. */
export interface TrustedBlock {
  readonly height: number;
  readonly hash: Hex;
}

/** What trust starts from. */
export interface TrustOptions {
  readonly genesis: Genesis;
  readonly network: Network;
  readonly trustedBlock: TrustedBlock | undefined;
}

/** What trust uses. */
export interface TrustDeps {
  readonly questions: Pick<Questions, 'bundleOf'>;
  readonly clock: Clock;
  /** Peers that are asked; those with an offer come first, the newest first of all. */
  readonly peers: readonly Hex[];
  readonly offers: ReadonlyMap<Hex, Offer>;
}

/** The newest offered block that can be proven. Throws AppError LIGHT_*, or why no peer helped. */
export async function proveOffer(
  options: TrustOptions,
  deps: TrustDeps,
  signal: AbortSignal,
): Promise<LightBundle & { readonly hash: Hex }> {
  const { genesis, network } = options;
  const trustingPeriodMs = Math.floor(genesis.params.stakeUnbondingMs * trustedPart);
  const oldestMs = deps.clock.nowMs() - trustingPeriodMs;
  const young = await walkEpochs(options, deps, { oldestMs, signal });
  const { epochBlocks } = genesis.params;
  const trust = young ? { network, epochBlocks, ...young } : { genesis };
  const sources = deps.peers.map((peer) => sourceOf(deps, peer));
  const client = createLightClient({ trust, trustingPeriodMs }, { sources, clock: deps.clock });
  const proven = await client.update(signal);
  if (!proven.ok) throw new AppError(proven.code, proven.facts);
  const { header, hash, validators } = proven.value;
  const offered = [...deps.offers.values()].find(
    ({ bundle }) => blockHashOf(network, bundle.header) === hash,
  );
  if (!offered)
    throw new AppError('INTERNAL', { reason: 'a block was proven that nobody offered' });
  return { header, hash, validators, certificate: offered.bundle.certificate };
}

/** A peer as a light client sees it: its newest block is that of its snapshot. */
function sourceOf({ questions, offers }: TrustDeps, peer: Hex): LightSource {
  const offer = offers.get(peer);
  const nothing = (): never => {
    throw new AppError('NOT_FOUND', { what: `snapshot of the node ${peer}` });
  };
  return {
    name: `the node ${peer}`,
    async getBundle(at) {
      if (offer && (at === 'latest' || at === offer.bundle.header.height)) return offer.bundle;
      return at === 'latest' ? nothing() : questions.bundleOf(peer, at);
    },
    getState: async () => nothing(),
    getTx: async () => nothing(),
  };
}

/** Where the walk stands: the block that is trusted, and the set that must sign the one after it. */
interface Step extends TrustedBlock {
  readonly timeMs: number;
  readonly nextSetHash: Hex;
}

interface Walk {
  /** Headers before this time prove nothing by stake that can still be lost. */
  readonly oldestMs: number;
  readonly signal: AbortSignal;
}

/** From the start of trust to a header that is young enough; undefined when the genesis document itself is. */
async function walkEpochs(
  options: TrustOptions,
  deps: TrustDeps,
  walk: Walk,
): Promise<TrustedBlock | undefined> {
  const { genesis, trustedBlock } = options;
  let last: unknown;
  for (const peer of deps.peers) {
    try {
      const first = trustedBlock ? await shownBlock(options, deps, peer) : genesisStep(genesis);
      const { height, hash } = await walkWith(options, { deps, peer, first }, walk);
      return height === 0 ? undefined : { height, hash };
    } catch (error) {
      walk.signal.throwIfAborted();
      if (asAppError(error).code === 'INTERNAL') throw error;
      last = error;
    }
  }
  throw last ?? new AppError('UNAVAILABLE', { what: 'A snapshot', reason: 'no peer is there' });
}

function genesisStep(genesis: Genesis): Step {
  const { header, hash } = genesisBlock(genesis);
  return { height: 0, hash, timeMs: header.timeMs, nextSetHash: header.nextValidatorsHash };
}

/** The block that the operator trusts, as a peer shows it. */
async function shownBlock(
  { network, trustedBlock }: TrustOptions,
  { questions }: TrustDeps,
  peer: Hex,
): Promise<Step> {
  const { height, hash } = trustedBlock as TrustedBlock;
  const bundle = await questions.bundleOf(peer, height);
  const got = blockHashOf(network, bundle.header);
  if (got !== hash) throw unproven(peer, { height, reason: `its hash is ${got}, not ${hash}` });
  return stepOf(bundle, hash);
}

function stepOf({ header }: LightBundle, hash: Hex): Step {
  const { height, timeMs, nextValidatorsHash: nextSetHash } = header;
  return { height, hash, timeMs, nextSetHash };
}

async function walkWith(
  options: TrustOptions,
  { deps, peer, first }: { readonly deps: TrustDeps; readonly peer: Hex; readonly first: Step },
  { oldestMs, signal }: Walk,
): Promise<Step> {
  const { params } = options.genesis;
  const heights = [...deps.offers.values()].map(({ bundle }) => bundle.header.height);
  const goal = Math.max(0, ...heights);
  let at = first;
  while (at.timeMs <= oldestMs) {
    signal.throwIfAborted();
    const epoch = epochOf(params, at.height + 1);
    const wanted = Array.from({ length: bundlesAhead }, (_, ahead) =>
      lastHeightOf(params, epoch + ahead),
    ).filter((height) => height <= goal);
    if (wanted.length === 0) return at;
    const bundles = wanted.map((height) => deps.questions.bundleOf(peer, height));
    for (const [place, bundle] of (await Promise.all(bundles)).entries()) {
      if (at.timeMs > oldestMs) break;
      at = nextStep(options, { at, bundle, peer, height: wanted[place] as number });
    }
  }
  return at;
}

interface Claimed {
  readonly at: Step;
  readonly bundle: LightBundle;
  readonly peer: Hex;
  readonly height: number;
}

/** The last block of the epoch that follows, signed by the set that was announced for it. */
function nextStep({ network, genesis }: TrustOptions, { at, bundle, peer, height }: Claimed): Step {
  const { header } = bundle;
  const sound = verifyLightBundle(network, bundle);
  const rules: readonly (readonly [boolean, string])[] = [
    [sound.ok, sound.ok ? '' : String(sound.facts.reason)],
    [header.height === height, 'it is of another height'],
    [header.epoch === epochOf(genesis.params, height), 'its epoch is not that of its height'],
    [header.timeMs > at.timeMs, 'its time is not in the order of the heights'],
    [header.validatorsHash === at.nextSetHash, 'the epoch before announced another set'],
  ];
  const broken = rules.find(([holds]) => !holds);
  if (broken || !sound.ok) throw unproven(peer, { height, reason: broken?.[1] ?? '' });
  return stepOf(bundle, sound.value);
}

function unproven(peer: Hex, facts: { readonly height: number; readonly reason: string }) {
  return new AppError('LIGHT_HEADER_UNPROVEN', { ...facts, source: `the node ${peer}` });
}
