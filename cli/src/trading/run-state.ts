/**
 * A run of a strategy, on disk after each decision: whoever starts it again goes on where it was, with what the
 * strategy remembers, the prices of the last hours (for the limit on change) and what was spent.
 */
import { join } from 'node:path';
import type { Parameters, PriceAt } from '@aitbc/market';
import type { Context } from '../context/context.ts';
import { isAlive } from '../devnet/devnet-file.ts';
import {
  bigintsOf,
  documentsIn,
  fileNameOf,
  readDocument,
  tradingDir,
  writeDocument,
} from './trading-folder.ts';

/** One decision. */
export interface RunDecision {
  readonly atMs: number;
  /** What was decided and done, in one line. */
  readonly text: string;
}

/** A job of a buyer. */
export interface RunJob {
  readonly row: number;
  readonly jobId: string;
  readonly state: string;
  /** nait */
  readonly charged: bigint;
  readonly atMs: number;
}

/** Everything about a run. */
export interface RunState {
  readonly strategy: string;
  readonly side: 'seller' | 'buyer';
  readonly model: string;
  readonly mode: 'paper' | 'live';
  readonly parameters: Parameters;
  readonly startedAtMs: number;
  /** What the strategy remembers. */
  readonly memory: string;
  /** Process that runs it, or `notRunning`. */
  readonly pid: number;
  /** Seller: price list at the beginning, and unit prices in force since. */
  readonly firstPrices: Parameters;
  readonly prices: readonly PriceAt[];
  /** Buyer: hash of the jobs, deadline, spent, reserved for jobs that have not ended. */
  readonly jobsHash: string;
  readonly deadlineMs: number;
  readonly jobs: readonly RunJob[];
  readonly spentNait: bigint;
  readonly decisions: readonly RunDecision[];
}

/** In place of a process id. */
export const notRunning = 0;

const decisionsKept = 200;
const hourMs = 3_600_000;

/** Folder of the runs. */
export function runsDir(context: Pick<Context, 'home'>): string {
  return tradingDir(context, 'runs');
}

/** The file of a run: one for each strategy, model and mode. */
export function runFileOf(
  context: Pick<Context, 'home'>,
  { strategy, model, mode }: Pick<RunState, 'strategy' | 'model' | 'mode'>,
): string {
  return join(runsDir(context), fileNameOf(`${mode}-${strategy}`, model));
}

/** Writes a run, and answers what is kept of it: the newest decisions, and the prices of the last hour. */
export function saveRun(context: Pick<Context, 'home'>, state: RunState): RunState {
  const kept = {
    ...state,
    decisions: state.decisions.slice(-decisionsKept),
    prices: keptPrices(state.prices),
  };
  writeDocument(runFileOf(context, state), kept);
  return kept;
}

/** The limit on change needs the price that was in force an hour ago and all since. */
function keptPrices(prices: readonly PriceAt[]): readonly PriceAt[] {
  const sinceMs = (prices.at(-1)?.atMs ?? 0) - hourMs;
  const first = prices.findLastIndex(({ atMs }) => atMs <= sinceMs);
  return prices.slice(Math.max(0, first));
}

type Written<T> = {
  readonly [K in keyof T]: T[K] extends bigint ? string : T[K];
};

/** A run from its file, undefined when there is none. */
export function readRun(file: string): RunState | undefined {
  const found = readDocument(file) as
    | (Omit<Written<RunState>, 'parameters' | 'firstPrices' | 'prices' | 'jobs'> & {
        readonly parameters: Record<string, string>;
        readonly firstPrices: Record<string, string>;
        readonly prices: readonly Written<PriceAt>[];
        readonly jobs: readonly Written<RunJob>[];
      })
    | undefined;
  if (!found) return undefined;
  return {
    ...found,
    parameters: bigintsOf(found.parameters),
    firstPrices: bigintsOf(found.firstPrices),
    prices: found.prices.map(({ atMs, price }) => ({ atMs, price: BigInt(price) })),
    jobs: found.jobs.map((job) => ({ ...job, charged: BigInt(job.charged) })),
    spentNait: BigInt(found.spentNait),
  };
}

/** All runs of this user. */
export function allRuns(context: Pick<Context, 'home'>): RunState[] {
  const dir = runsDir(context);
  return documentsIn(dir).flatMap((name) => readRun(join(dir, name)) ?? []);
}

/** True while a process runs it. */
export function isRunning({ pid }: Pick<RunState, 'pid'>): boolean {
  return pid !== notRunning && isAlive(pid);
}

/** A run that has decided nothing. */
export function newRun(
  about: Pick<RunState, 'strategy' | 'side' | 'model' | 'mode' | 'parameters'> & {
    readonly nowMs: number;
  },
): RunState {
  const { nowMs, ...rest } = about;
  return {
    ...rest,
    startedAtMs: nowMs,
    pid: process.pid,
    memory: '',
    ...{ firstPrices: {}, prices: [], jobs: [], decisions: [], jobsHash: '' },
    deadlineMs: 0,
    spentNait: 0n,
  };
}
