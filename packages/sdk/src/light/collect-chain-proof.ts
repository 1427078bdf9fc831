/**
 * Collects what a proof of a job needs of the chain: the registration of each provider with its path to a state root, and
 * the final blocks that lead there from a block that its reader trusts. The node is asked and not believed:
 * what it gives is checked as the reader will check it.
 */
import { type Clock, hex } from '@aitbc/primitives';
import {
  AppError,
  accountIdOf,
  blockHashOf,
  type ChainProof,
  type LightBundle,
  lightBundleToJson,
  limits,
  networkFromGenesis,
  unwrap,
  verifyLightBundle,
  zStateProof,
} from '@aitbc/protocol';
import { findPath, type PathRules } from './find-path.ts';
import { type Anchor, anchorOf, genesisAnchor } from './judge-step.ts';
import type { LightSource, LightTrust, StateAnswer } from './types.ts';
import { verifyChainProof } from './verify-chain-proof.ts';

/** Whose registrations, and from which block on. */
export interface ChainProofWish {
  /** Addresses, each once. */
  readonly providers: readonly string[];
  readonly trust: LightTrust;
}

interface Entry extends StateAnswer {
  readonly provider: string;
}

/**
 * The registrations of providers, proven from `trust` on. Throws PROVIDER_UNKNOWN, LIGHT_HEADER_UNPROVEN,
 * RECEIPT_INVALID when a path does not hold, or what the source throws.
 */
export async function collectChainProof(
  { providers, trust }: ChainProofWish,
  { source, clock }: { readonly source: LightSource; readonly clock: Clock },
  signal?: AbortSignal,
): Promise<ChainProof> {
  const entries: Entry[] = [];
  for (const provider of providers) {
    const key = `p${unwrap(accountIdOf(provider))}`;
    const answer = await source.getState(key, signal);
    if (!answer.value) throw new AppError('PROVIDER_UNKNOWN', { account: provider });
    entries.push({ provider, ...answer });
  }
  const path = await pathOf({ trust, entries, source, nowMs: clock.nowMs() }, signal);
  const chain: ChainProof = {
    path: path.map(lightBundleToJson),
    registrations: entries.map(({ provider, bundle, value, proof }) => ({
      provider,
      height: heightOf(path, bundle),
      value: hex(value ?? new Uint8Array(0)),
      proof: zStateProof.parse(proof),
    })),
  };
  unwrap(verifyChainProof(chain, trust, clock));
  return chain;
}

/** Blocks in a row may have one state; the newest of them names it. */
function heightOf(path: readonly LightBundle[], { header }: LightBundle): number {
  const same = path.findLast((one) => one.header.stateRoot === header.stateRoot);
  return (same?.header ?? header).height;
}

interface Way {
  readonly trust: LightTrust;
  readonly entries: readonly Entry[];
  readonly source: LightSource;
  readonly nowMs: number;
}

/** All blocks from the trusted one to the highest of the entries, in order. */
async function pathOf(way: Way, signal?: AbortSignal): Promise<LightBundle[]> {
  const { source, entries } = way;
  const rules = rulesOf(way);
  const path: LightBundle[] = [];
  let anchor = await firstAnchor(way, rules, signal);
  if (anchor.bundle) path.push(anchor.bundle);
  const targets = entries.map(({ bundle }) => bundle);
  for (const target of targets.toSorted((a, b) => a.header.height - b.header.height)) {
    const { height } = target.header;
    const isKnown =
      height === anchor.height && blockHashOf(rules.network, target.header) === anchor.hash;
    if (isKnown) continue;
    const fetch = (at: number) => source.getBundle(at, signal);
    const found = await findPath(anchor, target, { rules, fetch });
    if (found.kind !== 'trusted') throw unproven(source, height, 'no way leads to it');
    path.push(...found.anchors.flatMap(({ bundle }) => bundle ?? []));
    anchor = found.anchors.at(-1) ?? anchor;
  }
  return path;
}

function rulesOf({ trust, nowMs }: Way): PathRules {
  const latestMs = nowMs + limits.clockSkewMs;
  if (!('genesis' in trust)) return { ...trust, latestMs };
  const { epochBlocks } = trust.genesis.params;
  return { network: networkFromGenesis(trust.genesis), epochBlocks, latestMs };
}

async function firstAnchor(
  { trust, source }: Way,
  { network, epochBlocks }: PathRules,
  signal?: AbortSignal,
): Promise<Anchor> {
  if ('genesis' in trust) return genesisAnchor(trust.genesis);
  const bundle = await source.getBundle(trust.height, signal);
  const hash = unwrap(verifyLightBundle(network, bundle));
  if (hash !== trust.hash) throw unproven(source, trust.height, `its hash is ${hash}`);
  return anchorOf(bundle, hash, epochBlocks);
}

function unproven({ name }: LightSource, height: number, reason: string): AppError {
  return new AppError('LIGHT_HEADER_UNPROVEN', { height, source: name, reason });
}
