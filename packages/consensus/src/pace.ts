/**
 * Time in agreement: the clock of a view, its timers, and the estimate Δ of the longest hop.
 *
 *   leader     2Δ after the clock started   no proposal → nullify;  0 when the leader is held for gone
 *   progress   3Δ after the clock started   no certificate → nullify
 *   retry      min(2Δ, 20 × lower bound), again and again while the view lasts
 *
 * The clock of a view starts with the view, or with the first work in it: an idle chain times out nowhere. Δ doubles
 * when a view with a live leader was nullified, up to its upper bound, and shrinks by half of the way per
 * notarized view towards four times the tenth of the last 15 times to notarization in order of size. Not the largest:
 * less than a third of the leaders may lie about their speed. Growing with the samples was rejected for the
 * same reason; growth comes from nullified views alone. Half of the way, because less than a third of the
 * leaders may also vote and never propose: two notarized views must take back more than one nullified view
 * adds. With an eighth of the way, one such leader of four drove Δ to its upper bound and kept it there.
 */
import type { AgreementTimer } from './agreement-types.ts';
import { silentViews } from './ballots.ts';
import { maySign, namedBlock, type Turn } from './turn.ts';

const samplesKept = 15;
const sampleUsed = 9; // index of the tenth smallest: two thirds of the samples are at most this
const sampleFactor = 4; // a sample is about two hops when we lead and one when others do, plus execution
const shrinkPart = 2;
const startFactor = 2;
const retryHopsMin = 20;

/** Δ at the start of a core, ms. */
export function firstHopMs({ hopMinMs, hopMaxMs }: { hopMinMs: number; hopMaxMs: number }): number {
  return Math.min(hopMinMs * startFactor, hopMaxMs);
}

/** Enters a view: its timers replace those of the view before. */
export function enterView(turn: Turn, view: number): void {
  const { state } = turn;
  state.view = view;
  state.clockMs = undefined;
  state.leaderGone = isLeaderGone(turn);
  turn.dirty = true;
  if (turn.setup.lone) return;
  if (state.working || namedBlock(turn, view) !== undefined) startClock(turn);
  armRetry(turn);
}

/** Starts the clock of the present view, unless it runs. */
export function startClock(turn: Turn): void {
  const { state, setup } = turn;
  if (state.clockMs !== undefined || setup.lone) return;
  state.clockMs = turn.nowMs;
  if (!maySign(turn, state.view)) return;
  if (namedBlock(turn, state.view) === undefined) {
    arm(turn, 'leader', state.leaderGone ? 0 : 2 * state.hopMs);
  }
  arm(turn, 'progress', 3 * state.hopMs);
}

/** Arms the timer that repeats what may have been lost. */
export function armRetry(turn: Turn): void {
  const { state, setup } = turn;
  arm(turn, 'retry', Math.min(2 * state.hopMs, retryHopsMin * setup.hopMinMs));
}

function arm({ effects, state }: Turn, timer: AgreementTimer, delayMs: number): void {
  effects.push({ type: 'arm', timer, view: state.view, delayMs: Math.ceil(delayMs) });
}

/** True when the leader showed no vote for many views in which a quorum did. */
function isLeaderGone({ setup, state }: Turn): boolean {
  const leader = setup.leaderOf(state.view);
  const since = state.view - silentViews;
  if (leader === setup.self || (state.seenIn[leader] as number) >= since) return false;
  let stake = 0n;
  setup.validators.forEach((validator, index) => {
    if (index === setup.self || (state.seenIn[index] as number) >= since) stake += validator.stake;
  });
  return stake >= setup.quorum.stake;
}

/** The present view was nullified. */
export function slowDown({ state, setup }: Turn): void {
  if (state.leaderGone) return;
  state.hopMs = Math.min(state.hopMs * 2, setup.hopMaxMs);
}

/** The present view was notarized. */
export function speedUp(turn: Turn): void {
  const { state, setup } = turn;
  if (state.clockMs === undefined) return;
  const samplesMs = [...state.samplesMs, turn.nowMs - state.clockMs].slice(-samplesKept);
  state.samplesMs = samplesMs;
  const sorted = samplesMs.toSorted((a, b) => a - b);
  const used = sorted[Math.min(sampleUsed, sorted.length - 1)] as number;
  const target = Math.max(setup.hopMinMs, sampleFactor * used);
  const excess = state.hopMs - target;
  if (excess > 0) state.hopMs -= Math.max(excess / shrinkPart, Math.min(excess, 1));
}
