/**
 * The back-test: walk forward. Parameters are fitted on `fitBars` that have ended, the strategy acts on the next
 * `actBars`, and so on; what it remembers goes along through `serialise` and `restore`, as in a real run. The first
 * window is for fitting only. Everything is an argument (seed, fees, costs), so a report comes out again bit for bit
 * from the same tape, and its hash covers the tape.
 *
 * What is compared is profit against a baseline on the same bars: `fixed` for sellers, `buy-always` for buyers. The
 * bounds say whether the difference could be chance; when they include 0 the report claims nothing.
 * See docs/trading.md.
 */
import { canonicalJson, type JsonValue, sha256Hex, utf8 } from '@aitbc/primitives';
import { AppError } from '@aitbc/protocol';
import { viewOf } from './bars.ts';
import { type BuyerSetup, runBuyer } from './buyer-run.ts';
import { runSeller, type SellerSetup } from './seller-run.ts';
import { type Bounds, boundsOf, drawdownOf, hitBpsOf, sharpeMilliOf, sumOf } from './statistics.ts';
import { buyAlways, buyAtPrice } from './strategies/buyers.ts';
import { fixedPrice } from './strategies/sellers.ts';
import {
  type BuyerStrategy,
  type BuyerTrader,
  type History,
  type Parameters,
  parametersOf,
  type SellerStrategy,
  type SellerTrader,
  type Strategy,
} from './strategy.ts';
import { tapeHashOf } from './tape.ts';
import type { RunResult, Span, World } from './world.ts';

/** How a strategy is tested. */
export interface BacktestSetup {
  readonly fitBars: number;
  readonly actBars: number;
  readonly seed: number;
  /** For strategies of sellers. */
  readonly seller: SellerSetup;
  /** For strategies of buyers. */
  readonly buyer: BuyerSetup;
  /** These parameters all the way; nothing is fitted. */
  readonly parameters?: Parameters;
}

/** Parameters from a time on. */
export interface Fold {
  readonly fromMs: number;
  readonly parameters: Parameters;
}

/** A run with its fits. */
export interface WalkResult extends RunResult {
  readonly folds: readonly Fold[];
}

/** What a back-test found. Amounts are nait. */
export interface BacktestReport {
  readonly strategy: string;
  readonly side: Strategy['side'];
  readonly model: string;
  readonly barMs: number;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly periods: number;
  readonly folds: readonly Fold[];
  readonly profitNait: bigint;
  readonly turnoverNait: bigint;
  readonly feesNait: bigint;
  readonly jobs: number;
  readonly tokens: number;
  /** Of the own profits of the periods, in thousandths. */
  readonly sharpeMilli: number | null;
  readonly drawdownNait: bigint;
  readonly hitBps: number | null;
  readonly baselines: readonly { readonly name: string; readonly profitNait: bigint }[];
  /** Against the first baseline, nait a period. */
  readonly excess: Bounds;
  /** Of the difference to the first baseline; `few`: too few periods to say anything. */
  readonly verdict: 'better' | 'worse' | 'chance' | 'few';
  /** What it was tested with: costs, fees, slots, work, windows, seed. */
  readonly setup: Pick<BacktestSetup, 'fitBars' | 'actBars' | 'seed'> & {
    readonly seller?: SellerSetup;
    readonly buyer?: BuyerSetup;
  };
  readonly tapeHash: string;
}

/**
 * Runs a strategy over the tape, window by window; over a part of it when `part` says so. Throws BAD_REQUEST when the
 * tape has too few bars.
 */
export function walkForward(
  world: World,
  strategy: Strategy,
  { part, ...setup }: BacktestSetup & { readonly part?: Span },
): WalkResult {
  const end = world.bars.length;
  const { fitBars } = setup;
  if (end < fitBars + 2) {
    const reason = `the record has ${end} bars; ${fitBars + 2} are needed with this window`;
    throw new AppError('BAD_REQUEST', { reason });
  }
  const folds: Fold[] = [];
  const fold = (from: number): Parameters => {
    const parameters = fitted(world, strategy, { setup, from });
    folds.push({ fromMs: world.bars[from]?.startMs ?? 0, parameters });
    return parameters;
  };
  const span = part ?? { from: fitBars, end };
  const result =
    strategy.side === 'seller'
      ? runSeller(world, setup.seller, { ...span, traderAt: rolling(strategy, fold, setup) })
      : runBuyer(world, setup.buyer, { ...span, traderAt: rolling(strategy, fold, setup) });
  return { ...result, folds };
}

interface Fitting {
  readonly setup: BacktestSetup;
  readonly from: number;
}

function fitted(world: World, strategy: Strategy, { setup, from }: Fitting): Parameters {
  const { parameters, fit } = strategy;
  if (setup.parameters || !fit) return parametersOf(parameters, setup.parameters);
  return parametersOf(parameters, strategy.fit?.(historyOf(world, strategy, { setup, from })));
}

/** The window that ends before the bar `from`, with the score of parameters in it. */
export function historyOf(world: World, strategy: Strategy, { setup, from }: Fitting): History {
  const span: Span = { from: Math.max(0, from - setup.fitBars), end: from };
  const { bars, barMs } = world;
  const knownMs = span.end === 0 ? 0 : (bars[span.end - 1]?.startMs ?? 0) + barMs;
  return {
    bars: viewOf(bars, span.end, span.from),
    barMs,
    score(parameters) {
      const { periods } =
        strategy.side === 'seller'
          ? runSeller(world, setup.seller, { ...span, knownMs, ...always(strategy, parameters) })
          : runBuyer(world, setup.buyer, { ...span, ...always(strategy, parameters) });
      return sumOf(periods.map(({ profitNait }) => profitNait));
    },
  };
}

function always<T>(strategy: { create(parameters: Parameters): T }, parameters: Parameters) {
  const trader = strategy.create(parameters);
  return { traderAt: () => trader };
}

/** The trader of each bar: a new one at every window, with what the last one remembers. */
function rolling(
  strategy: SellerStrategy,
  fold: (from: number) => Parameters,
  setup: BacktestSetup,
): (at: number) => SellerTrader;
function rolling(
  strategy: BuyerStrategy,
  fold: (from: number) => Parameters,
  setup: BacktestSetup,
): (at: number) => BuyerTrader;
function rolling(
  strategy: Strategy,
  fold: (from: number) => Parameters,
  { fitBars, actBars }: BacktestSetup,
): (at: number) => SellerTrader | BuyerTrader {
  let trader: SellerTrader | BuyerTrader | undefined;
  let until = fitBars;
  return (at) => {
    if (trader && at < until) return trader;
    const next = strategy.create(fold(at));
    if (trader) next.restore(trader.serialise());
    trader = next;
    until = at + actBars;
    return trader;
  };
}

/** The whole back-test. Throws BAD_REQUEST when the tape has too few bars. */
export function backtest(world: World, strategy: Strategy, setup: BacktestSetup): BacktestReport {
  const { tape, barMs, bars } = world;
  const { parameters: _given, ...plain } = setup;
  const own = walkForward(world, strategy, setup);
  const rivals = strategy.side === 'seller' ? [fixedPrice] : [buyAlways, buyAtPrice];
  const others = rivals.map((rival) => ({ rival, result: walkForward(world, rival, plain) }));
  const profits = own.periods.map(({ profitNait }) => profitNait);
  const first = others[0]?.result.periods ?? [];
  const differences = profits.map((profit, at) => profit - (first[at]?.profitNait ?? 0n));
  const excess = boundsOf(differences, setup);
  const total = (of: 'turnoverNait' | 'feesNait') => sumOf(own.periods.map((one) => one[of]));
  const count = (of: 'jobs' | 'tokens') => own.periods.reduce((sum, one) => sum + one[of], 0);
  return {
    ...{ strategy: strategy.name, side: strategy.side, model: tape.model, barMs },
    fromMs: bars[setup.fitBars]?.startMs ?? tape.fromMs,
    untilMs: (bars.at(-1)?.startMs ?? tape.untilMs) + barMs,
    ...{ periods: own.periods.length, folds: own.folds, profitNait: sumOf(profits) },
    ...{ turnoverNait: total('turnoverNait'), feesNait: total('feesNait') },
    ...{ jobs: count('jobs'), tokens: count('tokens'), sharpeMilli: sharpeMilliOf(profits) },
    ...{ drawdownNait: drawdownOf(profits), hitBps: hitBpsOf(differences) },
    baselines: others.map(({ rival, result }) => ({
      name: rival.name,
      profitNait: sumOf(result.periods.map(({ profitNait }) => profitNait)),
    })),
    ...{
      excess,
      verdict: verdictOf(excess, profits.length),
      setup: usedOf(strategy, setup),
      tapeHash: tapeHashOf(tape),
    },
  };
}

function usedOf({ side }: Strategy, setup: BacktestSetup): BacktestReport['setup'] {
  const { fitBars, actBars, seed, seller, buyer } = setup;
  return { fitBars, actBars, seed, ...(side === 'seller' ? { seller } : { buyer }) };
}

/** Below that redrawn histories say nothing. */
const periodsMin = 30;

function verdictOf({ lowNait, highNait }: Bounds, periods: number): BacktestReport['verdict'] {
  if (periods < periodsMin) return 'few';
  if (lowNait > 0n) return 'better';
  return highNait < 0n ? 'worse' : 'chance';
}

/** SHA-256 of a report, hex. The same tape and setup give the same one. */
export function reportHashOf(report: BacktestReport): string {
  const plain = (_key: string, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value;
  const text = JSON.stringify(report, plain);
  return sha256Hex(utf8(canonicalJson(JSON.parse(text) as JsonValue)));
}
