/**
 * One step under way: a working copy of the state, what was learned and not yet acted on, and the effects so
 * far. Only what a step touches is copied. A turn lives inside one call of `step`.
 */
import type { Certificate, Hex, Validator, Vote, VoteKind } from '@aitbc/protocol';
import { createSchedule, type LeaderOf, quorumOf, zeroHash } from '@aitbc/protocol';
import { type AgreementState, emptyView, type ViewRecord, viewAt } from './agreement-state.ts';
import type { AgreementEffect, AgreementOptions } from './agreement-types.ts';
import type { Scheme } from './scheme.ts';

/** What stays the same while a core lives. */
export interface Setup {
  readonly epoch: number;
  readonly validators: readonly Validator[];
  readonly scheme: Scheme;
  /** Our place in the set, -1 for an observer. */
  readonly self: number;
  /** The only validator of its set: no timers, no sends. */
  readonly lone: boolean;
  readonly leaderOf: LeaderOf;
  readonly lastHeight: number;
  readonly silentThrough: number;
  readonly hopMinMs: number;
  readonly hopMaxMs: number;
  readonly quorum: Weight;
  /** Stake that holds at least one honest validator: more than liars may have. */
  readonly blocking: Weight;
}

/** An amount of stake, and the fewest validators that can reach it: a cheap test before the exact one. */
export interface Weight {
  readonly stake: bigint;
  readonly voters: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
/** A record that this turn may write to. */
export type OpenView = Mutable<ViewRecord>;

/** See the head of this file. */
export interface Turn {
  readonly setup: Setup;
  readonly nowMs: number;
  readonly state: Mutable<AgreementState>;
  readonly effects: AgreementEffect[];
  /** Own votes signed in this turn. */
  readonly signed: Vote[];
  /** Those of `signed` that go out on their own; our own proposal carries its vote. */
  readonly sends: Vote[];
  /** Certificates that are in their view's record and not yet acted on. */
  readonly news: Certificate[];
  /** Something that the present view waits for may have come. */
  dirty: boolean;
  /** Blocks or finalizations came: something may be final or missing. */
  blocksDirty: boolean;
  readonly open: OpenView[];
  ownsViews: boolean;
}

/** The fixed part of a core. */
export function createSetup(options: AgreementOptions): Setup {
  const { validators, self } = options;
  const quorum = quorumOf(validators);
  const total = validators.reduce((sum, { stake }) => sum + stake, 0n);
  return {
    epoch: options.epoch,
    validators,
    scheme: options.scheme,
    self: validators.findIndex(({ publicKey }) => publicKey === self),
    lone: validators.length === 1,
    leaderOf: options.leaderOf ?? createSchedule(validators),
    lastHeight: options.lastHeight,
    silentThrough: options.silentThrough,
    hopMinMs: options.hopMinMs,
    hopMaxMs: options.hopMaxMs,
    quorum: weightOf(validators, quorum),
    blocking: weightOf(validators, total - quorum + 1n),
  };
}

function weightOf(validators: readonly Validator[], stake: bigint): Weight {
  const stakes = validators.map((validator) => validator.stake).sort((a, b) => (a < b ? 1 : -1));
  let sum = 0n;
  const voters = stakes.findIndex((each) => {
    sum += each;
    return sum >= stake;
  });
  return { stake, voters: voters + 1 };
}

/** A turn on a state. */
export function createTurn(setup: Setup, state: AgreementState, nowMs: number): Turn {
  return {
    setup,
    nowMs,
    state: { ...state },
    effects: [],
    signed: [],
    sends: [],
    news: [],
    dirty: false,
    blocksDirty: false,
    open: [],
    ownsViews: false,
  };
}

/** The effects of a turn: own votes reach the disk before anything else happens. */
export function closeTurn(turn: Turn): readonly AgreementEffect[] {
  const { effects, signed, sends, state, setup } = turn;
  if (sends.length > 0 && !setup.lone) effects.push({ type: 'sendVotes', votes: sends });
  if (signed.length === 0) return effects;
  const certificates = state.unsaved;
  state.unsaved = [];
  return [{ type: 'persist', votes: signed, certificates }, ...effects];
}

/** The record of a view for writing. */
export function openView(turn: Turn, view: number): OpenView {
  const held = viewAt(turn.state, view);
  if (held && turn.open.includes(held)) return held;
  const record: OpenView = held ? { ...held } : emptyView(view);
  const views = turn.ownsViews ? (turn.state.views as ViewRecord[]) : turn.state.views.slice();
  let at = views.length;
  while (at > 0 && (views[at - 1] as ViewRecord).view >= view) at -= 1;
  views.splice(at, held ? 1 : 0, record);
  turn.state.views = views;
  turn.ownsViews = true;
  turn.open.push(record);
  return record;
}

/** True when the stake of these votes for one hash reaches a weight. */
export function reaches(
  setup: Setup,
  votes: readonly (Vote | undefined)[],
  target: { readonly weight: Weight; readonly blockHash: Hex },
): boolean {
  let stake = 0n;
  for (const vote of votes) {
    if (vote?.blockHash !== target.blockHash) continue;
    stake += (setup.validators[vote.validator] as Validator).stake;
  }
  return stake >= target.weight.stake;
}

/** Our own vote of a kind in a view. */
export function ownVote(turn: Turn, kind: VoteKind, view: number): Vote | undefined {
  return viewAt(turn.state, view)?.[kind].votes[turn.setup.self];
}

/** True when we may sign in a view at all. */
export function maySign({ setup }: Turn, view: number): boolean {
  return setup.self >= 0 && view > setup.silentThrough;
}

/** True when the last block of the epoch is final: there is nothing left to agree on. */
export function isOver({ setup, state }: Turn): boolean {
  return state.final.height >= setup.lastHeight;
}

/** The block that the leader of a view voted for first. */
export function namedBlock(turn: Turn, view: number): Hex | undefined {
  return viewAt(turn.state, view)?.notarize.votes[turn.setup.leaderOf(view)]?.blockHash;
}

/** Remembers that a block is needed and asks for it, once until the retry timer. */
export function wantBlock(turn: Turn, hash: Hex, view: number): void {
  const { state } = turn;
  if (hash === zeroHash || state.wanted.some((wanted) => wanted.hash === hash)) return;
  if (state.wanted.length >= wantedBlocks) return;
  state.wanted = [...state.wanted, { hash, view }];
  turn.effects.push({ type: 'fetchBlock', hash, view });
}

/** Blocks asked for at a time; ancestors are found one by one, so more would not be quicker. */
const wantedBlocks = 32;
