/**
 * What a strategy is. Sellers choose a price for the next bar, buyers choose whether work that may wait runs now. The
 * same object decides in a back-test, on paper and for real; what differs is who fills its observation and who acts.
 *
 * A strategy is data and pure functions: it gets no clock, no network and no tape, only observations. All it remembers
 * is in the text of `serialise`, so that a process may end between two decisions. Parameters are whole numbers with
 * their unit in the name (`byBps`, `windowBars`, `priceNait`); prices are unit prices (unit-price.ts).
 *
 * Rejected: floating-point parameters (two machines must write the same report); a callback for every job (a decision
 * would then know what came first).
 */
import { AppError } from '@aitbc/protocol';
import type { BarView } from './bars.ts';

/** One parameter. */
export interface ParameterSpec {
  readonly about: string;
  /** Value when nobody says or trains another. */
  readonly usual: bigint;
  readonly least: bigint;
  readonly most: bigint;
  /** Values that training tries; a parameter without them is not trained. */
  readonly tried?: readonly bigint[];
}

/** Parameters by name. */
export type ParameterTable = Readonly<Record<string, ParameterSpec>>;

/** Values by name. */
export type Parameters = Readonly<Record<string, bigint>>;

/** What training may look at: a window that has ended. */
export interface History {
  readonly bars: BarView;
  readonly barMs: number;
  /** What these parameters would have brought in this window, nait. */
  score(parameters: Parameters): bigint;
}

/** The offers of others at this moment. */
export interface OthersNow {
  readonly lowest: bigint | null;
  readonly median: bigint | null;
  readonly offers: number;
}

/** What a strategy of either side sees. */
export interface MarketObservation {
  readonly nowMs: number;
  readonly barMs: number;
  readonly bars: BarView;
  readonly others: OthersNow;
}

/** What a seller sees. */
export interface SellerObservation extends MarketObservation {
  readonly own: {
    /** Unit price that is asked now, and at the very beginning. */
    readonly price: bigint;
    readonly firstPrice: bigint;
    /** What a million tokens cost the seller, nait. */
    readonly cost: bigint;
    /** Share of the slots that were busy in the last bar, 1/10 000. */
    readonly busyBps: bigint;
  };
}

/** The unit price to ask from now on. */
export interface SellerDecision {
  readonly price: bigint;
  readonly reason: string;
}

/** What a buyer of work that may wait sees. */
export interface BuyerObservation extends MarketObservation {
  readonly work: {
    readonly tokens: number;
    readonly arrivedMs: number;
    /** It runs in the last bar before this in any case. */
    readonly deadlineMs: number;
  };
}

/** Whether the work runs now. */
export interface BuyerDecision {
  readonly run: boolean;
  readonly reason: string;
}

/** Decides, one observation after the other. */
export interface Trader<O, D> {
  decide(observation: O): D;
  /** All that it remembers. */
  serialise(): string;
  /** Goes on from there; a text that it cannot read is an error. */
  restore(text: string): void;
}

export type SellerTrader = Trader<SellerObservation, SellerDecision>;
export type BuyerTrader = Trader<BuyerObservation, BuyerDecision>;

interface StrategyOf<S extends string, O, D> {
  readonly name: string;
  readonly side: S;
  /** One sentence, for lists. */
  readonly about: string;
  readonly parameters: ParameterTable;
  /** Parameters out of a window that has ended; without it the usual ones hold. */
  fit?(history: History): Parameters;
  create(parameters: Parameters): Trader<O, D>;
}

export type SellerStrategy = StrategyOf<'seller', SellerObservation, SellerDecision>;
export type BuyerStrategy = StrategyOf<'buyer', BuyerObservation, BuyerDecision>;

/** A strategy of either side. */
export type Strategy = SellerStrategy | BuyerStrategy;

const namePattern = /^[a-z][a-z0-9-]{0,40}$/;

/** Why a value is no strategy, undefined for one. For plugins. */
export function strategyFault(value: unknown): string | undefined {
  const { name, side, about, parameters, create } = (value ?? {}) as Partial<Strategy>;
  if (typeof name !== 'string' || !namePattern.test(name)) return 'it has no name in small letters';
  if (side !== 'seller' && side !== 'buyer') return 'its side is neither seller nor buyer';
  if (typeof about !== 'string') return 'it does not say what it is about';
  if (typeof create !== 'function') return 'it has no create()';
  if (typeof parameters !== 'object' || parameters === null) return 'it has no table of parameters';
  for (const [key, spec] of Object.entries(parameters)) {
    const bounds = [spec?.usual, spec?.least, spec?.most, ...(spec?.tried ?? [])];
    if (bounds.some((bound) => typeof bound !== 'bigint'))
      return `${key} has values that are no bigint`;
  }
  return undefined;
}

/** The usual parameters with others in their place. Throws BAD_REQUEST for an unknown name or a value out of bounds. */
export function parametersOf(table: ParameterTable, given: Parameters = {}): Parameters {
  for (const [name, value] of Object.entries(given)) {
    const spec = table[name];
    const known = Object.keys(table).join(', ') || 'none';
    if (!spec)
      throw new AppError('BAD_REQUEST', { reason: `no parameter ${name}; known: ${known}` });
    if (value < spec.least || value > spec.most) {
      const reason = `${name} ${value} is not between ${spec.least} and ${spec.most}`;
      throw new AppError('BAD_REQUEST', { reason });
    }
  }
  const usual = Object.entries(table).map(([name, spec]) => [name, given[name] ?? spec.usual]);
  return Object.fromEntries(usual) as Parameters;
}

/** Combinations that training tries at most. */
const combinationsMax = 256;

/** Tries the values of the table on the window; the usual ones stay unless others are better, the first of equals wins. */
export function fitByScore(table: ParameterTable, history: History): Parameters {
  let best = parametersOf(table);
  let combinations: Parameters[] = [best];
  for (const [name, { tried = [] }] of Object.entries(table)) {
    if (tried.length === 0) continue;
    const more = combinations.flatMap((some) => tried.map((value) => ({ ...some, [name]: value })));
    if (more.length <= combinationsMax) combinations = more;
  }
  let bestScore = history.score(best);
  for (const parameters of combinations) {
    const score = history.score(parameters);
    if (score > bestScore) [best, bestScore] = [parameters, score];
  }
  return best;
}

/** A trader that remembers nothing. */
export function statelessTrader<O, D>(decide: (observation: O) => D): Trader<O, D> {
  return { decide, serialise: () => '', restore: () => {} };
}
