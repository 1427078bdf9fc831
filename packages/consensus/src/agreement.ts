/**
 * The core of agreement: Simplex for one epoch, as a synchronous function of (state, input) to (state, effects).
 *
 * The leader of a view proposes one block by voting for it. Whoever finds it valid, standing on a certified
 * parent with every view between nullified, votes `notarize`; who sees no such block in time votes `nullify`. A
 * quorum of either is a certificate and opens the next view. A notarization is answered by `finalize`, unless we
 * nullified the view; a quorum of `finalize` makes the block and its ancestors final. There are no locks and
 * there is no fork choice.
 *
 * Safety is three habits, kept in `castVote`: one vote of a kind in a view, never both `nullify` and `finalize`,
 * nothing in views where votes may be forgotten. Every vote reaches the disk before any other effect of its step
 * (`persist` comes first, which also makes it one sync per step). A vote after a crash is one of `ownVotes`, used
 * again and not signed anew. A vote signed by our key that comes back from others is held like one of `ownVotes`.
 *
 * Nothing here waits, reads a clock, draws a random number or touches a socket; the ledger's opinion of a block
 * comes in as `valid`. So the explorer and the simulator run this very code. Rejected: promises and callbacks
 * into the ledger (an interleaving per await, none of them repeatable).
 *
 * Bounds: votes up to `agreementWindow` views ahead, one of a kind for each validator; two unasked blocks for a
 * view; certificates without bound, because only a quorum can make them. See docs/spec/consensus.md.
 */
import type { Certificate, Hex } from '@aitbc/protocol';
import { zeroHash } from '@aitbc/protocol';
import {
  type AgreementState,
  blockIn,
  certifiedHash,
  findBlock,
  type JudgedBlock,
  type ViewRecord,
  viewAt,
} from './agreement-state.ts';
import type {
  AgreedBlock,
  AgreementEffect,
  AgreementInput,
  AgreementOptions,
  AgreementTimer,
} from './agreement-types.ts';
import { finalChain, findTip, judge } from './ancestry.ts';
import {
  agreementWindow,
  castVote,
  countVote,
  isKnown,
  keptFinalViews,
  kindOf,
  takeCertificate,
  takeVote,
} from './ballots.ts';
import { armRetry, enterView, firstHopMs, slowDown, speedUp, startClock } from './pace.ts';
import { fetchNamed, remind, reply } from './remind.ts';
import {
  closeTurn,
  createSetup,
  createTurn,
  isOver,
  maySign,
  namedBlock,
  openView,
  ownVote,
  reaches,
  type Turn,
  wantBlock,
} from './turn.ts';

/** Blocks of one view that are kept unasked; an honest leader makes one. */
const blocksPerView = 2;
const nothing: readonly AgreementEffect[] = Object.freeze([]);
const timers: readonly AgreementTimer[] = Object.freeze(['leader', 'progress', 'retry']);

/** A new state and what to do about it. */
export interface AgreementStep {
  readonly state: AgreementState;
  readonly effects: readonly AgreementEffect[];
}

/** The core: a first state and the step from one to the next. */
export interface Agreement {
  readonly initial: AgreementState;
  /** `nowMs` is a monotonic clock. */
  step(state: AgreementState, input: AgreementInput, nowMs: number): AgreementStep;
}

/** Builds the core of one validator or observer for one epoch. */
export function createAgreement(options: AgreementOptions): Agreement {
  const setup = createSetup(options);
  return {
    initial: initialState(options),
    step(state, input, nowMs) {
      if (isKnown(state, input)) return { state, effects: nothing };
      const turn = createTurn(setup, state, nowMs);
      if (input.type === 'start') start(turn, options);
      else if (state.started) take(turn, input);
      settle(turn);
      const effects = closeTurn(turn);
      return { state: turn.state, effects };
    },
  };
}

function initialState(options: AgreementOptions): AgreementState {
  const { final, validators } = options;
  return {
    started: false,
    view: final.view + 1,
    final,
    finalization: undefined,
    views: [],
    hopMs: firstHopMs(options),
    samplesMs: [],
    clockMs: undefined,
    working: options.paced !== true,
    leaderGone: false,
    seenIn: validators.map(() => final.view),
    askedView: 0,
    fetchedView: 0,
    wanted: [],
    unsaved: [],
  };
}

/** Own votes first: they decide what may still be signed when certificates are acted on. */
function start(turn: Turn, { ownVotes, certificates = [] }: AgreementOptions): void {
  const { state, setup } = turn;
  if (state.started) return;
  state.started = true;
  state.finalization = certificates.find((one) => isFinalizationOf(one, state.final.hash));
  if (isOver(turn)) return;
  let view = state.view;
  for (const vote of ownVotes) {
    if (vote.epoch !== setup.epoch || vote.view <= state.final.view) continue;
    if (!ownVote(turn, vote.kind, vote.view)) countVote(turn, vote);
    view = Math.max(view, vote.view);
  }
  if (setup.lone && Number.isFinite(setup.silentThrough)) {
    view = Math.max(view, setup.silentThrough + 1);
  }
  state.seenIn = state.seenIn.map(() => view);
  for (const certificate of certificates) takeCertificate(turn, certificate);
  state.unsaved = [];
  enterView(turn, view);
  settle(turn);
  remind(turn);
}

function isFinalizationOf(certificate: Certificate, hash: Hex): boolean {
  return certificate.blockHash === hash && kindOf(certificate) === 'finalize';
}

function take(turn: Turn, input: Exclude<AgreementInput, { type: 'start' }>): void {
  if (input.type === 'request') reply(turn, input);
  else if (isOver(turn)) return;
  else if (input.type === 'vote') takeVote(turn, input.vote);
  else if (input.type === 'certificate') takeCertificate(turn, input.certificate);
  else if (input.type === 'block') takeBlock(turn, input.block, input.valid);
  else if (input.type === 'timer') takeTimer(turn, input.timer, input.view);
  else takeWork(turn, input.waiting);
}

function takeWork(turn: Turn, waiting: boolean): void {
  turn.state.working = waiting;
  if (waiting) startClock(turn);
}

function takeTimer(turn: Turn, timer: AgreementTimer, view: number): void {
  const { state } = turn;
  if (view !== state.view || turn.setup.lone) return;
  if (timer === 'retry') {
    remind(turn);
    armRetry(turn);
  } else if (timer === 'leader' && namedBlock(turn, view) !== undefined) fetchNamed(turn);
  else castVote(turn, 'nullify', { view, hash: zeroHash });
}

function takeBlock(turn: Turn, block: AgreedBlock, valid: boolean): void {
  const { state, setup } = turn;
  if (block.view <= state.final.view) return;
  const leader = setup.validators[setup.leaderOf(block.view)];
  if (leader?.publicKey !== block.proposer) return;
  const held = viewAt(state, block.view);
  const known = blockIn(held, block.hash);
  if (known && (known.valid || !valid)) return;
  if (!known && !isRoomFor(turn, held, block)) return;
  const record = openView(turn, block.view);
  const { hash, parent, height, view, proposer } = block;
  const judged: JudgedBlock = { hash, parent, height, view, proposer, valid };
  record.blocks = [...record.blocks.filter((one) => one !== known), judged];
  if (valid) state.wanted = state.wanted.filter((wanted) => wanted.hash !== hash);
  turn.dirty = true;
  turn.blocksDirty = true;
}

function isRoomFor(turn: Turn, held: ViewRecord | undefined, { hash, view }: AgreedBlock): boolean {
  const { state } = turn;
  const isAsked = state.wanted.some((wanted) => wanted.hash === hash);
  if (isAsked || certifiedHash(held) === hash || namedBlock(turn, view) === hash) return true;
  return view <= state.view + agreementWindow && (held?.blocks.length ?? 0) < blocksPerView;
}

/** Acts on what was learned until nothing is left to do. */
function settle(turn: Turn): void {
  for (;;) {
    const certificate = turn.news.shift();
    if (certificate) actOn(turn, certificate);
    else if (turn.blocksDirty) {
      turn.blocksDirty = false;
      commit(turn);
    } else if (turn.dirty) {
      turn.dirty = false;
      actInView(turn);
    } else return;
  }
}

function actOn(turn: Turn, certificate: Certificate): void {
  const { state } = turn;
  const { view, blockHash } = certificate;
  if (view <= state.final.view) return;
  const kind = kindOf(certificate);
  if (view === state.view && kind === 'nullify') slowDown(turn);
  if (view === state.view && kind === 'notarize') speedUp(turn);
  if (kind === 'notarize' && !viewAt(state, view)?.nullification) {
    castVote(turn, 'finalize', { view, hash: blockHash });
  }
  if (kind !== 'nullify' && !findBlock(state, blockHash)?.valid) wantBlock(turn, blockHash, view);
  if (kind !== 'nullify') turn.blocksDirty = true;
  turn.dirty = true;
  if (view >= state.view) enterView(turn, view + 1);
}

/** Reports what became final, oldest first, and forgets what is below it. */
function commit(turn: Turn): void {
  const { state, effects } = turn;
  for (let at = state.views.length - 1; at >= 0; at -= 1) {
    const { view, finalization } = state.views[at] as ViewRecord;
    if (view <= state.final.view) return;
    if (!finalization) continue;
    const found = finalChain(state, finalization);
    if (found.type === 'lacksBlock') wantBlock(turn, found.hash, view);
    if (found.type !== 'chain') continue;
    for (const block of found.blocks) {
      effects.push({
        type: 'commit',
        block: pointOf(block),
        certificate: finalizationOf(turn, block) ?? finalization,
      });
    }
    finish(turn, found.blocks.at(-1) as JudgedBlock, finalization);
    return;
  }
}

function pointOf({ hash, parent, height, view, proposer }: JudgedBlock): AgreedBlock {
  return { hash, parent, height, view, proposer };
}

function finalizationOf({ state }: Turn, { view, hash }: AgreedBlock): Certificate | undefined {
  const finalization = viewAt(state, view)?.finalization;
  return finalization?.blockHash === hash ? finalization : undefined;
}

function finish(turn: Turn, { hash, height }: AgreedBlock, finalization: Certificate): void {
  const { state, effects, setup } = turn;
  const { view } = finalization;
  state.final = { hash, height, view };
  state.finalization = finalization;
  state.views = state.views.filter((record) => record.view > view - keptFinalViews);
  state.wanted = state.wanted.filter((wanted) => wanted.view > view);
  state.unsaved = state.unsaved.filter((certificate) => certificate.view > view);
  turn.ownsViews = true;
  if (!isOver(turn) || setup.lone) return;
  for (const timer of timers) effects.push({ type: 'disarm', timer });
}

/** Votes and proposes in the present view as far as that is possible now. */
function actInView(turn: Turn): void {
  if (isOver(turn) || !maySign(turn, turn.state.view)) return;
  const { state, setup } = turn;
  const { view } = state;
  if (!ownVote(turn, 'notarize', view)) {
    if (setup.leaderOf(view) === setup.self) propose(turn);
    else notarize(turn, namedBlock(turn, view));
  }
  const { votes, count } = viewAt(state, view)?.nullify ?? { votes: [], count: 0 };
  if (count < setup.blocking.voters || state.view !== view) return;
  if (!reaches(setup, votes, { weight: setup.blocking, blockHash: zeroHash })) return;
  castVote(turn, 'nullify', { view, hash: zeroHash });
}

/** Votes for the block that the leader named, refuses it, or asks for what is missing to judge it. */
function notarize(turn: Turn, hash: Hex | undefined): void {
  if (hash === undefined) return;
  startClock(turn);
  const { view } = turn.state;
  const judgement = judge(turn, hash);
  if (judgement.type === 'vote') castVote(turn, 'notarize', { view, hash });
  else if (judgement.type === 'refuse') castVote(turn, 'nullify', { view, hash: zeroHash });
  else if (judgement.type === 'lacksBlock') wantBlock(turn, judgement.hash, view);
  else if (judgement.type === 'lacksCertificates') {
    fetchCertificates(turn, judgement.fromView, judgement.toView);
  }
}

function fetchCertificates(turn: Turn, fromView: number, toView: number): void {
  const { state, effects } = turn;
  if (state.fetchedView >= state.view) return;
  state.fetchedView = state.view;
  effects.push({ type: 'fetchCertificates', fromView, toView });
}

/** As the leader: asks the shell for a block once, votes for it when it comes. */
function propose(turn: Turn): void {
  const { state, setup, effects } = turn;
  const { view } = state;
  const own = viewAt(state, view)?.blocks.find((block) => block.valid);
  if (own) {
    if (judge(turn, own.hash).type === 'vote') voteAsLeader(turn, own.hash);
    return;
  }
  const tip = findTip(turn);
  if (tip.type === 'lacksBlock') wantBlock(turn, tip.hash, tip.view);
  else if (tip.type === 'lacksCertificate') {
    fetchCertificates(turn, state.final.view + 1, tip.view);
  } else if (tip.point.height === setup.lastHeight) voteAsLeader(turn, tip.point.hash);
  else if (state.askedView < view) {
    state.askedView = view;
    const { hash, height, view: of } = tip.point;
    effects.push({ type: 'propose', view, parent: { hash, height, view: of } });
  }
}

function voteAsLeader(turn: Turn, hash: Hex): void {
  const vote = castVote(turn, 'notarize', { view: turn.state.view, hash });
  if (!vote) return;
  turn.sends.splice(turn.sends.indexOf(vote), 1);
  if (!turn.setup.lone) turn.effects.push({ type: 'sendProposal', hash, vote });
  startClock(turn);
}
