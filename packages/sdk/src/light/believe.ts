/**
 * Belief in a bundle: a way of steps from a trusted header, and the word of the other sources.
 *
 * With more than one source, at least one other must name the same hash for the height. A source that names another
 * one is either wrong, when its bundle cannot be proven, or it shows an attack: two final blocks of one height
 * need a third of the stake to cheat. Then the client stops for good and gives both bundles and the evidence.
 */
import {
  AppError,
  asAppError,
  blockHashOf,
  conflictsOf,
  type LightBundle,
  type Network,
  refuse,
} from '@aitbc/protocol';
import { abortError } from '../http/transport.ts';
import type { Anchors } from './anchors.ts';
import { findPath, type Path, type PathRules } from './find-path.ts';
import type { Anchor } from './judge-step.ts';
import type {
  LightAttack,
  LightRefusal,
  LightResult,
  LightSource,
  TrustedHeader,
} from './types.ts';

const witnessTries = 10; // nodes are milliseconds apart

/** What a client works with. */
export interface LightState {
  readonly network: Network;
  readonly anchors: Anchors;
  readonly sources: readonly LightSource[];
  readonly trustingPeriodMs: number;
  readonly retryMs: number;
  rules(): PathRules;
  nowMs(): number;
  wait(ms: number, signal?: AbortSignal): Promise<void>;
  /** The refusal of all further questions, once an attack was seen. */
  fork: LightRefusal | undefined;
}

/** A bundle and who gave it. */
export interface Claim {
  readonly source: LightSource;
  readonly bundle: LightBundle;
}

/** Believes a bundle or says why not. Throws what the source throws. */
export async function believe(
  state: LightState,
  claim: Claim,
  signal?: AbortSignal,
): Promise<LightResult<TrustedHeader>> {
  const { source, bundle } = claim;
  const base = state.anchors.baseOf(bundle.header);
  if (!base) return unproven(claim, 'it is older than all headers that are known here');
  const ageMs = state.nowMs() - base.timeMs;
  if (ageMs >= state.trustingPeriodMs) {
    return refuse('LIGHT_TRUST_EXPIRED', { ageMs, trustingPeriodMs: state.trustingPeriodMs });
  }
  const path = await pathTo(state, { base, source, bundle }, signal);
  if (path.kind === 'refused') return unproven(claim, path.reason);
  if (path.kind === 'fork') return stop(state, base.bundle, bundle);
  const hash = blockHashOf(state.network, bundle.header);
  if (!state.anchors.has(bundle.header.height, hash)) {
    const doubt = await crossCheck(state, { ...claim, base, hash }, signal);
    if (doubt) return doubt;
    state.anchors.add(path.anchors);
  }
  return { ok: true, value: { header: bundle.header, hash, validators: bundle.validators } };
}

/** Refusal of a claim. */
export function unproven({ source, bundle }: Claim, reason: string): LightRefusal {
  const { height } = bundle.header;
  return refuse('LIGHT_HEADER_UNPROVEN', { height, source: source.name, reason });
}

function pathTo(
  state: LightState,
  { base, source, bundle }: Claim & { readonly base: Anchor },
  signal?: AbortSignal,
): Promise<Path> {
  const fetch = (height: number) => source.getBundle(height, signal);
  return findPath(base, bundle, { rules: state.rules(), fetch });
}

interface Checked extends Claim {
  readonly base: Anchor;
  readonly hash: string;
}

/** Why the other sources do not carry a proven bundle, undefined when they do. */
async function crossCheck(
  state: LightState,
  checked: Checked,
  signal?: AbortSignal,
): Promise<LightRefusal | undefined> {
  const others = state.sources.filter((source) => source !== checked.source);
  const words = await Promise.all(others.map((other) => wordOf(state, { checked, other }, signal)));
  const conflict = words.find((word) => typeof word === 'object');
  if (conflict) return stop(state, checked.bundle, conflict);
  if (others.length === 0 || words.includes('same')) return undefined;
  const { height } = checked.bundle.header;
  const reason = `no other source confirms block ${height} of ${checked.source.name}`;
  return refuse('UNAVAILABLE', { what: 'A second source', reason });
}

/** What another source says of the height: the same hash, nothing to use, or a proven bundle with another hash. */
async function wordOf(
  state: LightState,
  { checked, other }: { readonly checked: Checked; readonly other: LightSource },
  signal?: AbortSignal,
): Promise<'same' | 'nothing' | LightBundle> {
  const { base, hash } = checked;
  const { height } = checked.bundle.header;
  try {
    const bundle = await bundleSoon(state, { other, height }, signal);
    if (bundle.header.height !== height) return 'nothing';
    if (blockHashOf(state.network, bundle.header) === hash) return 'same';
    const path = await pathTo(state, { base, source: other, bundle }, signal);
    return path.kind === 'refused' ? 'nothing' : bundle;
  } catch (error) {
    refusalOf(error, signal);
    return 'nothing';
  }
}

/** The bundle of a height that a source may have in a moment. */
async function bundleSoon(
  state: LightState,
  { other, height }: { readonly other: LightSource; readonly height: number },
  signal?: AbortSignal,
): Promise<LightBundle> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await other.getBundle(height, signal);
    } catch (error) {
      if (asAppError(error).code !== 'NOT_FOUND' || tries >= witnessTries) throw error;
    }
    await state.wait(state.retryMs, signal);
  }
}

/** The refusal that an error of a source is; throws what is none: a bug, or the caller's own stop. */
export function refusalOf(error: unknown, signal?: AbortSignal): LightRefusal {
  if (signal?.aborted) throw abortError(signal);
  const known = asAppError(error);
  if (known.code === 'INTERNAL') throw error;
  return refuse(known.code, known.facts);
}

/** Ends all trust. */
function stop(
  state: LightState,
  first: LightBundle | undefined,
  second: LightBundle,
): LightRefusal {
  if (!first) throw new AppError('INTERNAL', { reason: 'a genesis block cannot be forked' });
  const evidence = conflictsOf(state.network, first, second);
  const attack: LightAttack = { first, second, evidence };
  const [a, b] = [first, second].map(({ header }) => blockHashOf(state.network, header));
  const facts = { height: first.header.height, first: a as string, second: b as string };
  state.fork = { ...refuse('LIGHT_FORK', facts), attack };
  return state.fork;
}
