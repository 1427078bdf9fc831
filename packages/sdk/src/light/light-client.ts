/**
 * A light client: it holds no state and believes no node. It starts from one thing it is told to trust, a genesis document
 * or a recent block hash, follows the headers in steps (judge-step.ts) and checks each account, absence,
 * transaction and receipt against a header it has proven. Several sources are compared (believe.ts).
 *
 * It never goes back: an answer about the state from a block below the newest known one is refused, so
 * nobody can show it a balance of yesterday. After two final blocks of one height it answers nothing any more.
 *
 * Limits: a block older than all known headers, or than the trusting period, cannot be proven; a chain that rests for
 * longer than that needs a new hash to start from. See docs/spec/light.md.
 */
import { type Clock, equalBytes, sha256 } from '@aitbc/primitives';
import {
  AppError,
  accountIdOf,
  accountOfValue,
  bytes32,
  type Hex,
  limits,
  type Network,
  networkFromGenesis,
  refuse,
  verifyAbsence,
  verifyLightBundle,
  verifyListItem,
  verifyPresence,
} from '@aitbc/protocol';
import { pause } from '../chain/pause.ts';
import { createAnchors } from './anchors.ts';
import { believe, type Claim, type LightState, refusalOf, unproven } from './believe.ts';
import { guardSource } from './guard-source.ts';
import { type Anchor, anchorOf, genesisAnchor } from './judge-step.ts';
import type {
  LightOptions,
  LightRefusal,
  LightResult,
  LightSource,
  LightTrust,
  StateAnswer,
  TrustedHeader,
  TxAnswer,
  VerifiedAccount,
  VerifiedState,
  VerifiedTx,
} from './types.ts';

const retryMsDefault = 200;

/** What the client uses. */
export interface LightDeps {
  /** At least one; the first is asked first, the others are compared with it. */
  readonly sources: readonly LightSource[];
  readonly clock: Clock;
  /** `pause` when left out. */
  readonly wait?: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/** A light client. Refusals: LIGHT_*, or the code of a source that failed. Throws CANCELLED when the signal aborts. */
export interface LightClient {
  /** Proves the newest final header of a source. */
  update(signal?: AbortSignal): Promise<LightResult<TrustedHeader>>;
  /** Value of a state key (kind letter and 64 hex digits), or proven absence. */
  verifyState(key: string, signal?: AbortSignal): Promise<LightResult<VerifiedState>>;
  /** Balances of an address; zeros, with a proof of absence, for an unknown one. */
  verifyAccount(address: string, signal?: AbortSignal): Promise<LightResult<VerifiedAccount>>;
  /** A final transaction with its receipt. */
  verifyTx(txId: Hex, signal?: AbortSignal): Promise<LightResult<VerifiedTx>>;
}

type Ask<T> = (source: LightSource, state: LightState) => Promise<LightResult<T>>;

/** Creates a light client. Asks nothing before the first call. Throws RangeError without a source. */
export function createLightClient(options: LightOptions, given: LightDeps): LightClient {
  if (given.sources.length === 0) throw new RangeError('a light client needs a source');
  const deps = { ...given, sources: given.sources.map(guardSource) };
  let state: LightState | undefined;
  const ask = async <T>(question: Ask<T>, signal?: AbortSignal): Promise<LightResult<T>> => {
    if (!state) {
      const first = await firstAnchor(options, deps, signal);
      if (!first.ok) return first;
      state ??= stateOf(options, deps, first.value);
    }
    return askSources(state, question, signal);
  };
  const client: LightClient = {
    update(signal) {
      return ask(async (source, at) => {
        const claim = { source, bundle: await source.getBundle('latest', signal) };
        return isBehind(at, claim) ?? believe(at, claim, signal);
      }, signal);
    },
    verifyState: (key, signal) =>
      ask(async (source, at) => {
        const answer = await source.getState(key, signal);
        const claim = { source, bundle: answer.bundle };
        const behind = isBehind(at, claim);
        if (behind) return behind;
        const trusted = await believe(at, claim, signal);
        return trusted.ok ? stateOfAnswer(claim, { key, answer, at: trusted.value }) : trusted;
      }, signal),
    async verifyAccount(address, signal) {
      const account = accountIdOf(address);
      if (!account.ok) return account;
      const entry = await client.verifyState(`a${account.value}`, signal);
      return entry.ok ? accountOf(entry.value) : entry;
    },
    verifyTx: (txId, signal) =>
      ask(async (source, at) => {
        const answer = await source.getTx(txId, signal);
        const claim = { source, bundle: answer.bundle };
        const trusted = await believe(at, claim, signal);
        return trusted.ok ? txOfAnswer(claim, { txId, answer, at: trusted.value }) : trusted;
      }, signal),
  };
  return client;
}

function stateOf(options: LightOptions, deps: LightDeps, first: Anchor): LightState {
  const { trust, trustingPeriodMs, clockSkewMs = limits.clockSkewMs } = options;
  const { network, epochBlocks } = groundOf(trust);
  return {
    network,
    anchors: createAnchors(first),
    sources: deps.sources,
    trustingPeriodMs,
    retryMs: options.retryMs ?? retryMsDefault,
    rules: () => ({ network, epochBlocks, latestMs: deps.clock.nowMs() + clockSkewMs }),
    nowMs: () => deps.clock.nowMs(),
    wait: deps.wait ?? pause,
    fork: undefined,
  };
}

function groundOf(trust: LightTrust): { network: Network; epochBlocks: number } {
  if (!('genesis' in trust)) return trust;
  const { epochBlocks } = trust.genesis.params;
  return { network: networkFromGenesis(trust.genesis), epochBlocks };
}

/** Where trust begins; a block hash must be shown by a source first. */
async function firstAnchor(
  { trust }: LightOptions,
  { sources }: LightDeps,
  signal?: AbortSignal,
): Promise<LightResult<Anchor>> {
  if ('genesis' in trust) return { ok: true, value: genesisAnchor(trust.genesis) };
  const { network, epochBlocks, height, hash } = trust;
  return firstAnswer(sources, signal, async (source) => {
    const bundle = await source.getBundle(height, signal);
    const sound = verifyLightBundle(network, bundle);
    const claim = { source, bundle };
    if (!sound.ok) return unproven(claim, String(sound.facts.reason));
    if (sound.value !== hash) return unproven(claim, `its hash is ${sound.value}, not ${hash}`);
    return { ok: true, value: anchorOf(bundle, hash, epochBlocks) };
  });
}

function askSources<T>(
  state: LightState,
  question: Ask<T>,
  signal?: AbortSignal,
): Promise<LightResult<T>> {
  return firstAnswer(state.sources, signal, async (source) => {
    const answer = state.fork ?? (await question(source, state));
    return state.fork ?? answer; // another question may have found the fork meanwhile
  });
}

const lastWords: readonly string[] = ['LIGHT_FORK', 'LIGHT_TRUST_EXPIRED'];

/** The first good answer; else the last refusal, or one that no other source can heal. */
async function firstAnswer<T>(
  sources: readonly LightSource[],
  signal: AbortSignal | undefined,
  question: (source: LightSource) => Promise<LightResult<T>>,
): Promise<LightResult<T>> {
  let last: LightResult<T> | undefined;
  for (const source of sources) {
    try {
      last = await question(source);
    } catch (error) {
      last = refusalOf(error, signal);
    }
    if (last.ok || lastWords.includes(last.code)) break;
  }
  if (!last) throw new AppError('INTERNAL', { reason: 'a light client has no source' });
  return last;
}

/** Refusal of an answer from below what is known. */
function isBehind({ anchors }: LightState, claim: Claim): LightRefusal | undefined {
  const known = anchors.newest().height;
  if (claim.bundle.header.height >= known) return undefined;
  return unproven(claim, `block ${known} is known already`);
}

function stateOfAnswer(
  { source }: Claim,
  of: { readonly key: string; readonly answer: StateAnswer; readonly at: TrustedHeader },
): LightResult<VerifiedState> {
  const { key, at } = of;
  const { value, proof } = of.answer;
  const { stateRoot, height } = at.header;
  const holds =
    proof.kind === 'presence'
      ? value !== undefined && verifyPresence(stateRoot, { key, value }, proof)
      : value === undefined && verifyAbsence(stateRoot, key, proof);
  if (holds) return { ok: true, value: { at, value } };
  const reason = 'its path does not lead to the state root';
  return refuse('LIGHT_PROOF_INVALID', {
    what: `Entry ${key}`,
    source: source.name,
    height,
    reason,
  });
}

function accountOf({ at, value }: VerifiedState): LightResult<VerifiedAccount> {
  if (!value) return { ok: true, value: { at, exists: false, balance: 0n, nonce: 0, vault: 0n } };
  const account = accountOfValue(value);
  return account.ok ? { ok: true, value: { at, exists: true, ...account.value } } : account;
}

/** Both lists of a block have one item for each transaction, and a receipt begins with the id. */
function txOfAnswer(
  { source }: Claim,
  of: { readonly txId: Hex; readonly answer: TxAnswer; readonly at: TrustedHeader },
): LightResult<VerifiedTx> {
  const { txId, at } = of;
  const { txProof, receipt, receiptProof } = of.answer;
  const { txRoot, receiptRoot, height } = at.header;
  const id = bytes32(txId);
  const rules: readonly (readonly [boolean, string])[] = [
    [verifyListItem(txRoot, id, txProof), 'its path does not lead to the root of transactions'],
    [
      verifyListItem(receiptRoot, sha256(receipt), receiptProof),
      'the path of its receipt does not lead to the root of receipts',
    ],
    [txProof.index === receiptProof.index, 'the receipt stands in another place'],
    [equalBytes(receipt.subarray(0, id.length), id), 'the receipt is of another transaction'],
  ];
  const broken = rules.find(([holds]) => !holds);
  if (!broken) return { ok: true, value: { at, index: txProof.index, receipt } };
  const what = `Transaction ${txId}`;
  return refuse('LIGHT_PROOF_INVALID', { what, source: source.name, height, reason: broken[1] });
}
