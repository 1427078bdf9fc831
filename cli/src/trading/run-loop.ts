/** The loop around a run: plan, show, ask once, act, keep, wait. */
import type { Strategy } from '@aitbc/market';
import { AppError, asAppError } from '@aitbc/protocol';
import { pause } from '../chain/await-final.ts';
import type { Context } from '../context/context.ts';
import { answersFileOf, applyBuyer, type BuyerRun, openRows, planBuyer } from './run-buyer.ts';
import { applySeller, planSeller, type SellerRun } from './run-seller.ts';
import { notRunning, type RunState, saveRun } from './run-state.ts';

/** How a run goes on. */
export interface LoopOptions {
  readonly everyMs: number;
  /** One decision, then the end. */
  readonly once: boolean;
  /** Do not ask before the first act. */
  readonly yes: boolean;
}

/** One round: what was planned and done. */
export interface Round {
  readonly text: string;
  readonly acted: boolean;
  readonly isDone: boolean;
  readonly state: RunState;
}

/** A side's way to make a round; `allow` is asked before the first act. */
export type MakeRound = (state: RunState, allow: (text: string) => Promise<void>) => Promise<Round>;

/** Rounds of a seller. */
export function sellerRounds(context: Context, run: SellerRun): MakeRound {
  return async (before, allow) => {
    const plan = await planSeller(context, run, before);
    const { text, state } = plan;
    if (state.mode === 'paper') return { text, acted: false, isDone: false, state };
    await allow(text);
    const acted = await applySeller(context, run, plan);
    return { text, acted, isDone: false, state };
  };
}

/** Rounds of a buyer; the last one is done when nothing is left to buy. */
export function buyerRounds(context: Context, run: BuyerRun): MakeRound {
  return async (before, allow) => {
    if (openRows(run, before).length === 0) {
      return { text: 'all jobs have run', acted: false, isDone: true, state: before };
    }
    const { run: runs, text, state } = await planBuyer(context, run, before);
    const isLate = Date.now() >= state.deadlineMs;
    if (!runs || state.mode === 'paper') {
      return { text, acted: false, isDone: isLate || runs, state };
    }
    await allow(text);
    const after = await applyBuyer(context, run, state);
    const acted = after.jobs.length > state.jobs.length;
    const isDone = openRows(run, after).length === 0 || isLate;
    const note =
      after.decisions.length > state.decisions.length ? after.decisions.at(-1)?.text : '';
    const more = note ? `; ${note}` : acted ? `; answers: ${answersFileOf(context, after)}` : '';
    return { text: `${text}${more}`, acted, isDone, state: after };
  };
}

/** Runs until it is done, `once`, or Ctrl-C. A moment without the market is waited out. */
export async function runRounds(
  context: Context,
  first: RunState,
  { make, strategy, options }: { make: MakeRound; strategy: Strategy; options: LoopOptions },
): Promise<void> {
  const { out, signal } = context;
  const allow = createAllow(context, options);
  let state = first;
  let isSaved = false;
  try {
    for (;;) {
      const round = await tryRound(context, () => make(state, allow), options);
      if (round) {
        state = saveRun(context, round.state);
        isSaved = true;
        const { text, acted, isDone } = round;
        const { mode, model } = state;
        const line = { strategy: strategy.name, model, mode, acted, isDone, text };
        out.event(line, () => `${mode}: ${text}`);
        if (isDone || options.once) return;
      }
      await pause(options.everyMs, signal);
    }
  } finally {
    if (isSaved) saveRun(context, { ...state, pid: notRunning });
  }
}

/** Undefined when a part of the market was away. */
async function tryRound(
  { out }: Context,
  make: () => Promise<Round>,
  { once, everyMs }: LoopOptions,
): Promise<Round | undefined> {
  try {
    return await make();
  } catch (error) {
    const known = asAppError(error);
    if (once || !known.row.retryable) throw error;
    out.note(`${known.message} The next try is in ${everyMs / 1_000} s.`);
    return undefined;
  }
}

/** Asks before the first act, and never again. Throws CLI_USAGE where nobody can be asked, CANCELLED for a no. */
function createAllow({ ask, out }: Context, { yes }: LoopOptions): (text: string) => Promise<void> {
  let isAllowed = yes;
  return async (text) => {
    if (isAllowed) return;
    if (!ask.isPossible) {
      const reason = `It would do this: ${text}. Say so with --yes, or try it with --paper.`;
      throw new AppError('CLI_USAGE', { reason });
    }
    out.note(`It would do this now, and go on within the limits:\n  ${text}`);
    if (!(await ask.confirm('Do it?'))) throw new AppError('CANCELLED');
    isAllowed = true;
  };
}
