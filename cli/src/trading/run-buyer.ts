/**
 * One decision of a buyer's strategy on the market as it is now, and the jobs that it runs.
 *
 * Jobs go through the gateway, one after the other, each with an idempotency key made of the run and its line: a run that
 * was killed and goes on pays for no job twice. Before each job the dearest bill it could have at any offer of the ranking
 * is set against what is left of the budget, and the first offer against the ceiling, so neither is passed whichever
 * offer the gateway takes. What was charged is read from the receipts.
 */
import { appendFileSync } from 'node:fs';
import { type BuyerStrategy, unitPriceOf, viewOf, type World } from '@aitbc/market';
import { amountOf, fullCharge, priceOf } from '@aitbc/protocol';
import { readJob } from '../ai/job-text.ts';
import { aitText } from '../amounts.ts';
import type { Context } from '../context/context.ts';
import { counted } from '../wording.ts';
import { othersNow } from './live-view.ts';
import { type RunJob, type RunState, runFileOf, saveRun } from './run-state.ts';
import { usageBound, type Work, type WorkRow } from './work-file.ts';

/** A buyer's run. */
export interface BuyerRun {
  readonly strategy: BuyerStrategy;
  readonly work: Work;
  readonly budgetNait: bigint;
  /** Unit price that is never passed, not at the deadline either. */
  readonly ceilingNait: bigint;
  /** Time between two decisions: the last one before the deadline runs what is left. */
  readonly everyMs: number;
  world(): Promise<World>;
}

/** What it would do. */
export interface BuyerPlan {
  readonly run: boolean;
  readonly text: string;
  readonly state: RunState;
}

/** Decides; nothing is bought. */
export async function planBuyer(
  context: Context,
  run: BuyerRun,
  state: RunState,
): Promise<BuyerPlan> {
  const { strategy, ceilingNait } = run;
  const world = await run.world();
  const others = await othersNow(context, state.model);
  const nowMs = Date.now();
  const open = openRows(run, state);
  const tokens = open.reduce((sum, at) => sum + tokensOf(run.work.rows[at] as WorkRow), 0);
  const trader = strategy.create(state.parameters);
  if (state.memory !== '') trader.restore(state.memory);
  const { startedAtMs: arrivedMs, deadlineMs } = state;
  const wanted = trader.decide({
    ...{ nowMs, barMs: world.barMs, bars: viewOf(world.bars, world.bars.length), others },
    work: { tokens, arrivedMs, deadlineMs },
  });
  const isLast = nowMs + run.everyMs >= deadlineMs;
  const isDear = others.lowest === null || others.lowest > ceilingNait;
  const goes = (wanted.run || isLast) && !isDear;
  const why = isDear
    ? 'no offer at or below the ceiling'
    : isLast && !wanted.run
      ? 'the deadline'
      : wanted.reason;
  const what = `${counted(open.length, 'job')}, cheapest ${others.lowest === null ? '–' : aitText(others.lowest)}`;
  const text = `${goes ? 'run' : 'wait'} ${what}: ${why}`;
  const decisions = [...state.decisions, { atMs: nowMs, text }];
  return { run: goes, text, state: { ...state, memory: trader.serialise(), decisions } };
}

/** Runs what is open within budget and ceiling; the state is on disk after each job. */
export async function applyBuyer(
  context: Context,
  run: BuyerRun,
  before: RunState,
): Promise<RunState> {
  let state = before;
  for (const row of openRows(run, state)) {
    const { refusal, boundNait } = await checkRow(context, run, { state, row });
    if (refusal !== undefined) return withDecision(state, refusal);
    const job = await buyRow(context, run, { state, row, boundNait });
    const jobs = [...state.jobs, job];
    const spentNait = jobs.reduce((sum, { charged }) => sum + charged, 0n);
    state = saveRun(context, { ...state, jobs, spentNait });
  }
  return state;
}

/** Lines that were not bought yet. */
export function openRows({ work }: Pick<BuyerRun, 'work'>, { jobs }: RunState): number[] {
  const done = new Set(jobs.map(({ row }) => row));
  return work.rows.flatMap((_row, at) => (done.has(at) ? [] : [at]));
}

function withDecision(state: RunState, text: string): RunState {
  return { ...state, decisions: [...state.decisions, { atMs: Date.now(), text }] };
}

interface RowOf {
  readonly state: RunState;
  readonly row: number;
}

/** The dearest bill the job could have, and why it must not be bought now. */
async function checkRow(
  { clients, signal }: Context,
  { work, budgetNait, ceilingNait }: BuyerRun,
  { state, row }: RowOf,
): Promise<{ readonly refusal?: string; readonly boundNait: bigint }> {
  const { coordinator } = await clients();
  const { offers } = await coordinator.route({ models: [state.model], limit: 20 }, { signal });
  const usage = usageBound(work.rows[row] as WorkRow);
  const lists = offers.map(({ offer }) => priceOf(offer.payload));
  const [first] = lists;
  const boundNait = lists
    .map((list) => fullCharge(list, usage))
    .reduce((a, b) => (a > b ? a : b), 0n);
  if (!first || unitPriceOf(first) > ceilingNait) {
    return { refusal: 'stopped: the first offer is above the ceiling', boundNait };
  }
  if (state.spentNait + boundNait <= budgetNait) return { boundNait };
  const may = `job ${row + 1} may cost ${aitText(boundNait)}`;
  return { refusal: `stopped: ${aitText(state.spentNait)} are spent, and ${may}`, boundNait };
}

/** A job that failed counts as if it had cost its bound: what it did cost is not known here. */
async function buyRow(
  context: Context,
  { work }: BuyerRun,
  { state, row, boundNait }: RowOf & { readonly boundNait: bigint },
): Promise<RunJob> {
  const { clients, signal } = context;
  const { gateway, coordinator } = await clients();
  const idempotencyKey = `ai-trading-${state.jobsHash.slice(0, 24)}-${state.startedAtMs}-${row}`;
  const chat = work.rows[row] as WorkRow;
  const request = { model: state.model, ...chat, messages: [...chat.messages], idempotencyKey };
  const { jobId } = await gateway.submitJob(request, { signal });
  const ended = await readJob(context, jobId, { wait: true });
  const atMs = Date.now();
  if (ended.state !== 'completed') {
    return { row, jobId, state: ended.state, charged: boundNait, atMs };
  }
  const { answer, receipt } = await coordinator.jobResult({ jobId }, { signal });
  const line = { row, jobId, answer, charged: receipt.payload.charged };
  appendFileSync(answersFileOf(context, state), `${JSON.stringify(line)}\n`, { mode: 0o600 });
  return { row, jobId, state: ended.state, charged: amountOf(receipt.payload.charged), atMs };
}

/** Where the answers of a run are, one JSON object a line. */
export function answersFileOf(context: Pick<Context, 'home'>, state: RunState): string {
  return runFileOf(context, state).replace(/\.json$/, '.answers.jsonl');
}

function tokensOf(row: WorkRow): number {
  const { promptTokens, outputTokens } = usageBound(row);
  return promptTokens + outputTokens;
}
