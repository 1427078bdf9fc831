/**
 * What a buyer of work that may wait would have paid. Every `everyBars` a piece of work comes; it has to be done within
 * `slackBars`. At the beginning of each bar the strategy says whether it runs. In the last bar it runs in any case, so
 * that all strategies buy the same work and only their bills differ.
 *
 * Work is bought along the offers that stand at that moment, cheapest first, at most `depthTokens` of one provider in
 * a bar: a large piece of work drives its own price up. What finds no offer stays for the next bar; in the
 * last bar it counts as bought at the dearest offer that was ever seen, so that nobody profits from work left undone.
 * Each bar in which something is bought costs the fee of a deposit.
 *
 * The profit of a piece of work is its bill at the baseline (buy-always) less its own bill.
 * Limits: the unit price stands for every mix of prompt and output; sellers do not answer to the demand.
 */
import { sortPrices } from './bars.ts';
import { type BuyerTrader, statelessTrader } from './strategy.ts';
import {
  boardOf,
  type Made,
  othersOf,
  type Period,
  type RunResult,
  type Span,
  seenAt,
  type World,
} from './world.ts';

/** The work of a buyer. */
export interface BuyerSetup {
  /** Tokens of one piece of work. */
  readonly workTokens: number;
  readonly everyBars: number;
  readonly slackBars: number;
  /** Tokens that one provider sells in one bar. */
  readonly depthTokens: number;
  readonly fees: { readonly depositNait: bigint };
}

interface Work {
  readonly startMs: number;
  /** Number of the last bar it may run in. */
  readonly lastBar: number;
  tokens: number;
  billNait: bigint;
  feesNait: bigint;
}

interface BuyerRunOptions extends Span {
  readonly traderAt: (at: number) => BuyerTrader;
}

const tokensPerMTok = 1_000_000n;

/** Runs a buyer over a span; work whose time reaches beyond it does not come. Profits are against buying at once. */
export function runBuyer(world: World, setup: BuyerSetup, options: BuyerRunOptions): RunResult {
  const own = bills(world, setup, options);
  const atOnce = statelessTrader(() => ({ run: true, reason: 'always' }));
  const base = bills(world, setup, { ...options, traderAt: () => atOnce });
  const periods = own.works.map((work, at): Period => {
    const other = base.works[at] as Work;
    const billNait = work.billNait + work.feesNait;
    return {
      startMs: work.startMs,
      profitNait: other.billNait + other.feesNait - billNait,
      turnoverNait: work.billNait,
      feesNait: work.feesNait,
      jobs: 1,
      tokens: setup.workTokens,
    };
  });
  return { periods, decisions: own.decisions };
}

function bills(world: World, setup: BuyerSetup, { traderAt, from, end }: BuyerRunOptions) {
  const { workTokens, everyBars, slackBars, depthTokens } = setup;
  const board = boardOf(world, undefined);
  const works: Work[] = [];
  const decisions: Made[] = [];
  let open: Work[] = [];
  let dearest = 0n;
  for (let at = from; at < end; at += 1) {
    const seen = seenAt(world, at);
    board.advance(seen.nowMs);
    const prices = sortPrices([...board.prices.values()]);
    const highest = prices.at(-1) ?? 0n;
    if (highest > dearest) dearest = highest;
    if ((at - from) % everyBars === 0 && at + slackBars < end) {
      const work = { startMs: seen.nowMs, lastBar: at + slackBars, tokens: workTokens };
      works.push({ ...work, billNait: 0n, feesNait: 0n });
      open.push(works.at(-1) as Work);
    }
    const aisle = createAisle(prices, depthTokens);
    const others = othersOf(board.prices);
    for (const work of open) {
      const deadlineMs = seen.nowMs + (work.lastBar - at + 1) * world.barMs;
      const wish = { tokens: work.tokens, arrivedMs: work.startMs, deadlineMs };
      const { run, reason } = traderAt(at).decide({ ...seen, others, work: wish });
      const mustRun = at === work.lastBar;
      decisions.push({ startMs: seen.nowMs, text: `${run} ${mustRun} ${reason}` });
      if (run || mustRun) buy(work, aisle, { setup, mustRun, dearest });
    }
    open = open.filter(({ tokens }) => tokens > 0);
  }
  return { works, decisions };
}

/** The offers of one moment; what was taken of one is gone for this bar. */
function createAisle(prices: readonly bigint[], depthTokens: number) {
  const left = prices.map((price) => ({ price, tokens: depthTokens }));
  return {
    take(tokens: number): { readonly taken: number; readonly costNait: bigint } {
      let open = tokens;
      let cost = 0n;
      for (const offer of left) {
        const part = Math.min(open, offer.tokens);
        offer.tokens -= part;
        open -= part;
        cost += billOf(part, offer.price);
        if (open === 0) break;
      }
      return { taken: tokens - open, costNait: cost };
    },
  };
}

interface Purchase {
  readonly setup: BuyerSetup;
  readonly mustRun: boolean;
  readonly dearest: bigint;
}

function buy(
  work: Work,
  market: ReturnType<typeof createAisle>,
  { setup, mustRun, dearest }: Purchase,
): void {
  const { taken, costNait } = market.take(work.tokens);
  work.tokens -= taken;
  work.billNait += costNait;
  if (taken > 0) work.feesNait += setup.fees.depositNait;
  if (!mustRun || work.tokens === 0) return;
  work.billNait += billOf(work.tokens, dearest);
  work.tokens = 0;
}

/** Rounded up, as the bill of a job is. */
function billOf(tokens: number, price: bigint): bigint {
  return (BigInt(tokens) * price + tokensPerMTok - 1n) / tokensPerMTok;
}
