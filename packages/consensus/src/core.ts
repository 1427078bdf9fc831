/**
 * The core of agreement: Simplex, as a synchronous function of (state, input) to (state, effects).
 *
 * Views are numbered from 1. The leader of a view proposes one block on the tip, the notarized block of
 * the highest view. Whoever finds it valid votes `notarize`; a quorum of those is a certificate, moves
 * everybody to the next view and is answered by `finalize`; a quorum of `finalize` makes the block and all
 * its ancestors final. One validator is the same code: its own votes are the quorum, and one `block`
 * input runs through to `commit`.
 *
 * Safety rests on three habits here: at most one vote of a kind in a view (`hasVoted`), none in a view
 * that may hold one from before a restart (`votedView`), and every vote reaches the disk before any
 * other effect of its step (`persistVotes` comes first, which also makes it one sync per step).
 *
 * Nothing in here waits, reads a clock, draws a random number or touches a socket; the ledger's opinion
 * of a block comes in as `valid`. So a simulator can run this very code. Rejected: promises and callbacks
 * into the ledger (an interleaving per await, none of them repeatable).
 *
 * Not built yet: nullify votes and with them leader change, evidence, fetching what was missed. Until
 * then a view ends only by its block. See docs/spec/consensus.md.
 */
import type { Certificate, Hex, Validator, Vote } from '@aitbc/protocol';
import { createSchedule, voteKinds } from '@aitbc/protocol';
import {
  certificateOf,
  emptyRound,
  hasVoted,
  withBlock,
  withCertificate,
  withOwnVote,
  withVote,
} from './round.ts';
import type { Ballot, Scheme } from './scheme.ts';
import type {
  BlockRef,
  CoreEffect,
  CoreInput,
  CoreState,
  FinalPoint,
  Round,
  Step,
} from './types.ts';

/** Views above the final one that are kept; votes and blocks beyond are dropped, and none is signed there. */
export const viewWindow = 256;
/** Proposals kept for one view; an honest leader makes one. */
const blocksPerView = 2;

/** What a core needs to know at its start. */
export interface CoreOptions {
  readonly validators: readonly Validator[];
  readonly scheme: Scheme;
  /** Our public key, hex; without one, or with one outside the set, the core observes. */
  readonly self?: Hex;
  /** Where the stored chain ends. */
  readonly final: FinalPoint;
  /** Highest view in the vote log, 0 for none. */
  readonly votedView: number;
}

/** The core: a first state and the step from one to the next. */
export interface Core {
  readonly initial: CoreState;
  step(state: CoreState, input: CoreInput): Step;
}

/** Builds the core of one validator or observer. */
export function createCore(options: CoreOptions): Core {
  const context = {
    validators: options.validators,
    scheme: options.scheme,
    self: options.validators.findIndex(({ publicKey }) => publicKey === options.self),
    leaderOf: createSchedule(options.validators),
  };
  const initial: CoreState = {
    started: false,
    view: Math.max(options.votedView, options.final.view) + 1,
    votedView: options.votedView,
    askedView: 0,
    final: options.final,
    rounds: new Map(),
  };
  return {
    initial,
    step(state, input) {
      const draft: Draft = { ...context, state, votes: [], commits: [], effects: [] };
      take(draft, input);
      if (draft.state.started) settle(draft);
      return { state: draft.state, effects: effectsOf(draft) };
    },
  };
}

/** One step under way: the state so far and the effects collected. */
interface Draft {
  readonly validators: readonly Validator[];
  readonly scheme: Scheme;
  /** Our index, -1 for an observer. */
  readonly self: number;
  readonly leaderOf: (view: number) => number;
  state: CoreState;
  readonly votes: Vote[];
  readonly commits: CoreEffect[];
  readonly effects: CoreEffect[];
}

function effectsOf(draft: Draft): CoreEffect[] {
  const persist: CoreEffect[] =
    draft.votes.length > 0 ? [{ type: 'persistVotes', votes: draft.votes }] : [];
  return [...persist, ...draft.commits, ...draft.effects];
}

function take(draft: Draft, input: CoreInput): void {
  if (input.type === 'start') takeStart(draft);
  else if (input.type === 'block') takeBlock(draft, input.block, input.valid);
  else if (input.type === 'vote') takeVote(draft, input.vote);
  else if (input.type === 'certificate') takeCertificate(draft, input.certificate);
  else takeTimer(draft, input.view);
}

function takeStart(draft: Draft): void {
  if (draft.state.started) return;
  draft.state = { ...draft.state, started: true };
  arm(draft);
}

function takeBlock(draft: Draft, block: BlockRef, valid: boolean): void {
  if (!valid || !isWithinWindow(draft.state, block.view)) return;
  const leader = draft.validators[draft.leaderOf(block.view)];
  if (leader?.publicKey !== block.proposer) return;
  const round = roundOf(draft.state, block.view);
  const wanted = certifiedHash(round) === block.hash;
  if (round.blocks.has(block.hash) || (round.blocks.size >= blocksPerView && !wanted)) return;
  putRound(draft, withBlock(round, block));
}

function takeVote(draft: Draft, vote: Vote): void {
  if (vote.kind === 'nullify' || !isWithinWindow(draft.state, vote.view)) return;
  const round = roundOf(draft.state, vote.view);
  if (hasVoted(round, vote.kind, vote.validator)) return;
  if (!draft.scheme.verifyVote(vote)) return;
  putRound(draft, withVote(round, vote));
}

function takeCertificate(draft: Draft, certificate: Certificate): void {
  const kind = certifiedKinds.find((name) => voteKinds[name] === certificate.kind);
  if (!kind || !isWithinWindow(draft.state, certificate.view)) return;
  const round = roundOf(draft.state, certificate.view);
  if (certificateOf(round, kind) || !draft.scheme.verifyCertificate(certificate)) return;
  putRound(draft, withCertificate(round, kind, certificate));
}

/** Repeats what may have been lost: our votes and the certificates of this view and the one before. */
function takeTimer(draft: Draft, view: number): void {
  const { state } = draft;
  if (view !== state.view || !state.started) return;
  for (const round of [roundOf(state, view - 1), roundOf(state, view)]) {
    for (const vote of round.own)
      draft.effects.push({ type: 'send', message: { type: 'vote', vote } });
    for (const kind of certifiedKinds) sendCertificate(draft, certificateOf(round, kind));
  }
  arm(draft);
}

const certifiedKinds = ['notarize', 'finalize'] as const;

/** Does everything that the state now allows, until nothing is left to do. */
function settle(draft: Draft): void {
  let before: CoreState;
  do {
    before = draft.state;
    notarize(draft);
    certify(draft);
    finalize(draft);
    advance(draft);
    commit(draft);
  } while (draft.state !== before);
  propose(draft);
}

/** Votes for the block of the current view when it stands on the tip. */
function notarize(draft: Draft): void {
  const { state } = draft;
  const tip = tipOf(state);
  if (!tip) return;
  for (const block of roundOf(state, state.view).blocks.values()) {
    const fits = block.parent === tip.hash && block.height === tip.height + 1;
    if (fits) vote(draft, { kind: 'notarize', epoch: 0, view: block.view, blockHash: block.hash });
  }
}

/** Turns quorums into certificates and sends them. */
function certify(draft: Draft): void {
  for (const { view, tallies } of draft.state.rounds.values()) {
    for (const [name, tally] of tallies) {
      const [kind, blockHash] = name.split(':') as [(typeof certifiedKinds)[number], Hex];
      const round = roundOf(draft.state, view);
      if (certificateOf(round, kind)) continue;
      const certificate = draft.scheme.assemble({ kind, epoch: 0, view, blockHash }, tally);
      if (!certificate) continue;
      putRound(draft, withCertificate(round, kind, certificate));
      sendCertificate(draft, certificate);
    }
  }
}

/** Answers each notarization with our finalize vote. */
function finalize(draft: Draft): void {
  for (const { view, notarization } of draft.state.rounds.values()) {
    if (notarization) {
      vote(draft, { kind: 'finalize', epoch: 0, view, blockHash: notarization.blockHash });
    }
  }
}

/** Enters the view after the highest certified one. */
function advance(draft: Draft): void {
  const next = highestCertified(draft.state)?.view ?? draft.state.final.view;
  if (next < draft.state.view) return;
  draft.state = { ...draft.state, view: next + 1 };
  arm(draft);
}

/** Reports each block that became final, oldest first, and forgets its view and those below. */
function commit(draft: Draft): void {
  const { state } = draft;
  const targets = [...state.rounds.values()].filter(({ finalization }) => finalization);
  targets.sort((a, b) => b.view - a.view);
  for (const { finalization } of targets) {
    const chain = chainTo(state, finalization as Certificate);
    if (!chain) continue;
    for (const block of chain) {
      const certificate = finalOf(state, block) ?? (finalization as Certificate);
      draft.commits.push({ type: 'commit', block, certificate });
    }
    const { hash, height, view } = chain[chain.length - 1] as BlockRef;
    const rounds = new Map([...state.rounds].filter(([at]) => at > view));
    draft.state = { ...state, final: { hash, height, view }, rounds };
    return;
  }
}

/** Asks for a block once, when we lead the current view and know the tip. */
function propose(draft: Draft): void {
  const { state } = draft;
  const parent = tipOf(state);
  if (!parent || draft.leaderOf(state.view) !== draft.self) return;
  if (state.askedView >= state.view || state.view <= state.votedView) return;
  draft.state = { ...state, askedView: state.view };
  draft.effects.push({ type: 'propose', view: state.view, parent });
}

function vote(draft: Draft, ballot: Ballot): void {
  const { state, self, scheme } = draft;
  const round = roundOf(state, ballot.view);
  if (self < 0 || ballot.view <= state.votedView) return;
  if (hasVoted(round, ballot.kind, self)) return;
  const signed = scheme.sign(ballot);
  if (!signed) return;
  putRound(draft, withOwnVote(round, signed));
  draft.votes.push(signed);
  draft.effects.push({ type: 'send', message: { type: 'vote', vote: signed } });
}

function sendCertificate(draft: Draft, certificate: Certificate | undefined): void {
  if (!certificate) return;
  draft.effects.push({ type: 'send', message: { type: 'certificate', certificate } });
}

/** A lone validator has nobody to remind, so it arms no timer. */
function arm(draft: Draft): void {
  if (draft.validators.length > 1) draft.effects.push({ type: 'arm', view: draft.state.view });
}

function isWithinWindow({ final, votedView }: CoreState, view: number): boolean {
  return view > final.view && view <= Math.max(final.view, votedView) + viewWindow;
}

function roundOf(state: CoreState, view: number): Round {
  return state.rounds.get(view) ?? emptyRound(view);
}

function putRound(draft: Draft, round: Round): void {
  const rounds = new Map(draft.state.rounds).set(round.view, round);
  draft.state = { ...draft.state, rounds };
}

function certifiedHash(round: Round): Hex | undefined {
  return (round.notarization ?? round.finalization)?.blockHash;
}

function highestCertified(state: CoreState): Round | undefined {
  let highest: Round | undefined;
  for (const round of state.rounds.values()) {
    if (certifiedHash(round) && round.view > (highest?.view ?? -1)) highest = round;
  }
  return highest;
}

/** The block to build on, or undefined while its body is missing. */
function tipOf(state: CoreState): FinalPoint | undefined {
  const round = highestCertified(state);
  if (!round) return state.final;
  return round.blocks.get(certifiedHash(round) as Hex);
}

/** Blocks from above the final one up to the certified one, or undefined while one is missing. */
function chainTo(state: CoreState, certificate: Certificate): BlockRef[] | undefined {
  const chain: BlockRef[] = [];
  let hash = certificate.blockHash;
  for (const round of [...state.rounds.values()].sort((a, b) => b.view - a.view)) {
    const block = round.blocks.get(hash);
    if (!block) continue;
    chain.unshift(block);
    hash = block.parent;
  }
  return chain.length > 0 && hash === state.final.hash ? chain : undefined;
}

function finalOf(state: CoreState, block: BlockRef): Certificate | undefined {
  const { finalization } = roundOf(state, block.view);
  return finalization?.blockHash === block.hash ? finalization : undefined;
}
