/**
 * Checks without a network that the keys in a proof of a job are registered on chain: from a trusted block over the
 * blocks of the proof (each step as the light client judges it) to state roots, and from these over Merkle
 * paths to the registrations.
 *
 * Trust begins with a genesis document, or with a block that the reader knows and that is one of the path. Blocks before
 * that one are checked in themselves only, and carry no registration. With neither, everything is checked but
 * where it begins (`isRooted` false): then whoever made up a whole chain is not found out.
 *
 * Limits: a proof has no age. Members of a set that have taken their stake out since can sign another history, so a reader
 * of an old proof should trust a block near it and not the genesis document; `trustedMs` says
 * how old the beginning is. What was registered is proven for the state after that block and for no other.
 * See docs/spec/payments.md, "Proof of a job", and docs/spec/light.md.
 */
import { bytesFromHex, type Clock } from '@aitbc/primitives';
import {
  AppError,
  accept,
  accountIdOf,
  type ChainProof,
  type Genesis,
  type Hex,
  type JobProof,
  type LightBundle,
  lightBundleFromJson,
  limits,
  type Network,
  networkFromGenesis,
  type ProvenJob,
  type ProviderValue,
  providerOfValue,
  type Refusal,
  refuse,
  type Verdict,
  verifyJobProof,
  verifyLightBundle,
  verifyPresence,
} from '@aitbc/protocol';
import { type Anchor, anchorOf, genesisAnchor, judgeStep, type StepRules } from './judge-step.ts';

/** What the reader of a proof believes without one. */
export type ProofTrust =
  | { readonly genesis: Genesis }
  | {
      readonly network: Network;
      /** Length of an epoch; without it, a set is believed only where one before it signed. */
      readonly epochBlocks?: number | undefined;
      readonly height: number;
      readonly hash: Hex;
    }
  | { readonly network: Network };

/** A final block of the path. */
export interface ProvenBlock {
  readonly height: number;
  readonly hash: Hex;
  readonly timeMs: number;
  readonly stateRoot: Hex;
  readonly epoch: number;
  /** Members of the set, and how many of them signed. */
  readonly validators: number;
  readonly votes: number;
}

/** A registration and the block after which it stood. */
export interface ProvenRegistration extends ProviderValue {
  readonly provider: string;
  readonly at: ProvenBlock;
}

/** What the chain part of a proof shows. */
export interface ProvenChain {
  /** False when nothing was trusted that it could begin with. */
  readonly isRooted: boolean;
  /** Time of what trust began with, ms; of the first block when nothing was trusted. */
  readonly trustedMs: number;
  readonly path: readonly ProvenBlock[];
  readonly registrations: readonly ProvenRegistration[];
}

/** A job and the registrations of its providers. */
export interface ProvenOffline {
  readonly job: ProvenJob;
  readonly chain: ProvenChain;
}

const fault = (reason: string): Refusal => refuse('RECEIPT_INVALID', { reason });

/**
 * Checks a proof with its way to the chain: everything, and that each key which signed is the one registered for its
 * provider. Asks nobody. Refusal: RECEIPT_INVALID.
 */
export function verifyProofOffline(
  proof: JobProof,
  trust: ProofTrust,
  clock: Clock,
): Verdict<ProvenOffline> {
  if (!proof.chain) return fault('nothing in it leads to the chain');
  const job = verifyJobProof(networkOf(trust), proof);
  if (!job.ok) return job;
  const chain = verifyChainProof(proof.chain, trust, clock);
  if (!chain.ok) return chain;
  const wrong = keyFault(job.value, chain.value.registrations);
  return wrong ?? accept({ job: job.value, chain: chain.value });
}

/** Each provider of the job has one registration, in the order of the parts, and nobody else has. */
function keyFault(
  { parts }: ProvenJob,
  registrations: readonly ProvenRegistration[],
): Refusal | undefined {
  const providers = providersOf(parts);
  const isSame =
    providers.length === registrations.length &&
    providers.every((provider, at) => registrations[at]?.provider === provider);
  if (!isSame) return fault('its registrations are not those of its providers');
  for (const { provider, authorizer } of parts) {
    const registered = registrations.find((one) => one.provider === provider);
    if (registered?.authorizer !== authorizer) {
      return fault(`${provider} has registered another key`);
    }
  }
  return undefined;
}

/** Addresses of the providers of a job, each once, in the order in which they began. */
export function providersOf(parts: readonly { readonly provider: string }[]): string[] {
  return [...new Set(parts.map(({ provider }) => provider))];
}

/** Checks the path and the registrations. Refusal: RECEIPT_INVALID. */
export function verifyChainProof(
  chain: ChainProof,
  trust: ProofTrust,
  clock: Pick<Clock, 'nowMs'>,
): Verdict<ProvenChain> {
  const bundles: LightBundle[] = [];
  for (const json of chain.path) {
    const bundle = lightBundleFromJson(json);
    if (!bundle.ok) return fault(String(bundle.facts.reason));
    bundles.push(bundle.value);
  }
  const walked = walk(bundles, trust, clock);
  if (!walked.ok) return walked;
  const { anchors, rootAt } = walked.value;
  const trusted = byState(anchors.slice(rootAt));
  const registrations: ProvenRegistration[] = [];
  for (const row of chain.registrations) {
    const proven = registrationOf(row, trusted.get(row.height));
    if (!proven.ok) return proven;
    registrations.push(proven.value);
  }
  const isRooted = 'genesis' in trust || 'hash' in trust;
  const root = 'genesis' in trust ? trust.genesis : anchors[rootAt];
  const trustedMs = root?.timeMs ?? 0;
  return accept({ isRooted, trustedMs, path: anchors.map(blockOf), registrations });
}

/** Blocks by height; of those in a row with one state the newest, so that each registration has one spelling. */
function byState(anchors: readonly Anchor[]): ReadonlyMap<number, Anchor> {
  const newest = new Map(anchors.map((anchor) => [anchor.bundle?.header.stateRoot, anchor]));
  return new Map([...newest.values()].map((anchor) => [anchor.height, anchor]));
}

interface Walked {
  readonly anchors: readonly Anchor[];
  /** Place of the first block that is trusted. */
  readonly rootAt: number;
}

function walk(
  bundles: readonly LightBundle[],
  trust: ProofTrust,
  clock: Pick<Clock, 'nowMs'>,
): Verdict<Walked> {
  const rules = rulesOf(trust, clock.nowMs());
  const begun = beginOf(bundles, trust, rules);
  if (!begun.ok) return begun;
  const anchors: Anchor[] = [];
  let anchor = begun.value;
  for (const bundle of bundles) {
    if (bundle !== anchor.bundle) {
      if (bundle.header.height <= anchor.height) return fault('its blocks are not in order');
      const step = judgeStep(anchor, bundle, rules);
      if (step.kind !== 'trusted') return fault(stepFault(bundle, step));
      anchor = step.anchor;
    }
    anchors.push(anchor);
  }
  const rootAt = 'hash' in trust ? anchors.findIndex((one) => isBlock(one, trust)) : 0;
  return rootAt < 0
    ? fault('the trusted block is none of its blocks')
    : accept({ anchors, rootAt });
}

/** The genesis document, or the first block, which proves that a set signed it and not which set. */
function beginOf(
  [first]: readonly LightBundle[],
  trust: ProofTrust,
  { network, epochBlocks }: StepRules,
): Verdict<Anchor> {
  if ('genesis' in trust) return accept(genesisAnchor(trust.genesis));
  if (!first) return fault('it has no block');
  const sound = verifyLightBundle(network, first);
  if (!sound.ok) return fault(String(sound.facts.reason));
  return accept(anchorOf(first, sound.value, epochBlocks));
}

function isBlock(anchor: Anchor, block: { readonly height: number; readonly hash: Hex }): boolean {
  return anchor.height === block.height && anchor.hash === block.hash;
}

function stepFault(
  { header }: LightBundle,
  step: Exclude<ReturnType<typeof judgeStep>, { kind: 'trusted' }>,
): string {
  const why = step.kind === 'refused' ? step.reason : 'the block before it does not carry it';
  return `block ${header.height} is not proven: ${why}`;
}

function networkOf(trust: ProofTrust): Network {
  return 'genesis' in trust ? networkFromGenesis(trust.genesis) : trust.network;
}

function rulesOf(trust: ProofTrust, nowMs: number): StepRules {
  const latestMs = nowMs + limits.clockSkewMs;
  const epochBlocks =
    'genesis' in trust
      ? trust.genesis.params.epochBlocks
      : 'hash' in trust
        ? trust.epochBlocks
        : undefined;
  return { network: networkOf(trust), epochBlocks, latestMs };
}

function registrationOf(
  row: ChainProof['registrations'][number],
  anchor: Anchor | undefined,
): Verdict<ProvenRegistration> {
  const { provider, proof } = row;
  if (!anchor?.bundle) return fault(`the registration of ${provider} is of no proven block`);
  const account = accountIdOf(provider);
  const value = bytesFromHex(row.value, row.value.length / 2);
  const { stateRoot } = anchor.bundle.header;
  const holds =
    account.ok &&
    value !== undefined &&
    proof.kind === 'presence' &&
    verifyPresence(stateRoot, { key: `p${account.value}`, value }, proof);
  if (!holds) return fault(`the registration of ${provider} does not stand in the state`);
  const registered = providerOfValue(value);
  if (!registered.ok) return fault(String(registered.facts.reason));
  return accept({ provider, ...registered.value, at: blockOf(anchor) });
}

function blockOf({ bundle, hash, height, timeMs, epoch }: Anchor): ProvenBlock {
  if (!bundle || hash === undefined) {
    throw new AppError('INTERNAL', { reason: 'a genesis document is no block of a path' });
  }
  const { stateRoot } = bundle.header;
  const validators = bundle.validators.length;
  const votes = bundle.certificate.votes.length;
  return { height, hash, timeMs, stateRoot, epoch, validators, votes };
}
