/**
 * Catches a strategy, or a fault of the engine, that knows the future. The tape is cut at some moments; behind each cut
 * everything is once left out and once shuffled (with a seed), and the bars around it are run. Whoever decides by the past alone decides the same up to
 * and at the cut in all three. The cuts lie at the beginnings of bars in which a price moves, so that a look at the next
 * bar alone shows, too. Called for every back-test of the command line, plugins included.
 *
 * Limit: a plugin that reads a file of its own about the future gives itself the same answers each time.
 */

import { type BacktestSetup, walkForward } from './backtest.ts';
import type { Bar } from './bars.ts';
import { createDraws } from './statistics.ts';
import type { Strategy } from './strategy.ts';
import type { Quote, Tape, TapeJob } from './tape.ts';
import { worldOf } from './world.ts';

/** The first decision that the future changed. */
export interface LookAhead {
  readonly atMs: number;
  readonly cutMs: number;
  readonly change: 'left out' | 'shuffled';
  readonly decided: string;
  readonly otherwise: string;
}

/** Where the cuts are, as shares of what is tested; each moves on to the next bar in which a price moves. */
const cuts = [0.1, 0.35, 0.6, 0.85];
/** What is run of the tape: bars in front of a cut, which are compared, and behind it. */
const barsBefore = 48;
const barsBehind = 24;

/** The first decision before a cut that differs when what comes behind it does; undefined when there is none. */
export function findLookAhead(
  tape: Tape,
  strategyFor: (tape: Tape) => Strategy,
  { barMs, ...setup }: BacktestSetup & { readonly barMs: number },
): LookAhead | undefined {
  const { bars } = worldOf(tape, barMs);
  for (const share of cuts) {
    const from = setup.fitBars + Math.floor((bars.length - setup.fitBars) * share);
    const at = movingBar(bars, from);
    const part = {
      from: Math.max(setup.fitBars, at - barsBefore),
      end: Math.min(bars.length, at + barsBehind),
    };
    const decisionsOf = (some: Tape) =>
      walkForward(worldOf(some, barMs), strategyFor(some), { ...setup, part }).decisions;
    const cutMs = bars[at]?.startMs ?? tape.untilMs;
    const whole = decisionsOf(tape);
    for (const [change, changed] of changes) {
      const decisions = decisionsOf(changed(tape, cutMs, setup.seed));
      const before = whole.filter(({ startMs }) => startMs <= cutMs);
      const found = before.findIndex((one, index) => one.text !== decisions[index]?.text);
      const [decided, otherwise] = [before[found], decisions[found]];
      if (decided) {
        const texts = { decided: decided.text, otherwise: otherwise?.text ?? 'nothing' };
        return { atMs: decided.startMs, cutMs, change, ...texts };
      }
    }
  }
  return undefined;
}

const changes = [
  ['left out', leftOut],
  ['shuffled', shuffled],
] as const;

/** The first bar from a number on that ends at other prices than the one before; the number itself without any. */
function movingBar(bars: readonly Bar[], from: number): number {
  for (let at = Math.max(1, from); at < bars.length; at += 1) {
    const [before, bar] = [bars[at - 1], bars[at]];
    if (bar?.lowestOffer !== before?.lowestOffer || bar?.close !== before?.close) return at;
  }
  return from;
}

/** Nothing began and nobody moved after the cut. The tape stays as long, so that the same work comes. */
function leftOut(tape: Tape, cutMs: number): Tape {
  return {
    ...tape,
    jobs: tape.jobs.filter(({ startMs }) => startMs <= cutMs),
    quotes: tape.quotes.filter(({ atMs }) => atMs <= cutMs),
  };
}

/** What began and who moved after the cut, with the prices of others. */
function shuffled(tape: Tape, cutMs: number, seed: number): Tape {
  const draw = createDraws(seed);
  return {
    ...tape,
    jobs: swapLater(tape.jobs, ({ startMs }) => startMs > cutMs, draw),
    quotes: swapLater(tape.quotes, ({ atMs }) => atMs > cutMs, draw),
  };
}

function swapLater<T extends TapeJob | Quote>(
  rows: readonly T[],
  isLater: (row: T) => boolean,
  draw: () => number,
): T[] {
  const prices = rows.filter(isLater).map(({ price }) => price);
  for (let at = prices.length - 1; at > 0; at -= 1) {
    const other = Math.floor(draw() * (at + 1));
    [prices[at], prices[other]] = [prices[other] as bigint | null, prices[at] as bigint | null];
  }
  let next = 0;
  return rows.map((row) => {
    if (!isLater(row)) return row;
    const price = prices[next] ?? null;
    next += 1;
    return { ...row, price };
  });
}
