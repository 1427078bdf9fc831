/** `aitbc ai-trading run`: a strategy on the real market, on paper or live. */
import type { Strategy } from '@aitbc/market';
import { AppError } from '@aitbc/protocol';
import { findServed, providerOwner } from '../../ai/owner/served.ts';
import { defineCommand } from '../../command/define-command.ts';
import { decimal, positiveInteger } from '../../command/parse-values.ts';
import type { Context } from '../../context/context.ts';
import { findStrategy } from '../../trading/load-strategies.ts';
import { aitAmount, barMsOf, setupOptions, tapeOptions } from '../../trading/market-options.ts';
import {
  emptyWorld,
  hasModel,
  openMarketRecord,
  recordEvents,
  worldFrom,
} from '../../trading/record-events.ts';
import { buyerRounds, type MakeRound, runRounds, sellerRounds } from '../../trading/run-loop.ts';
import { isRunning, newRun, type RunState, readRun, runFileOf } from '../../trading/run-state.ts';
import { chooseParameters, parametersFromText } from '../../trading/trained.ts';
import { readWork, type Work } from '../../trading/work-file.ts';

const hourMs = 3_600_000;
const bpsInPercent = 100;
const nothing: Work = { rows: [], hash: '' };

const options = {
  strategy: { flags: '-s, --strategy <name>', help: 'as `strategies` lists it', required: true },
  model: tapeOptions.model,
  paper: { flags: '--paper', help: 'decide and keep the decisions, change nothing; the default' },
  live: { flags: '--live', help: 'act; needs limits' },
  yes: { flags: '-y, --yes', help: 'with --live: do not ask before the first act' },
  once: { flags: '--once', help: 'one decision, then end' },
  every: {
    flags: '--every <seconds>',
    help: 'time between two decisions',
    default: '60',
    parse: positiveInteger,
  },
  bar: tapeOptions.bar,
  days: tapeOptions.days,
  parameters: {
    flags: '--parameters <list>',
    help: 'name=value,…; default: the trained ones, else the usual ones',
    parse: parametersFromText,
  },
  floor: {
    flags: '--floor <ait>',
    help: 'seller: never less for a million tokens',
    parse: aitAmount,
  },
  ceiling: {
    flags: '--ceiling <ait>',
    help: 'never more for a million tokens, of sellers and of buyers',
    parse: aitAmount,
  },
  maxChange: {
    flags: '--max-change <percent>',
    help: 'seller: most change of the price within an hour',
    parse: decimal,
  },
  cost: setupOptions.cost,
  dataDir: { flags: '--data-dir <dir>', help: 'seller: folder of the provider' },
  jobs: {
    flags: '--jobs <path>',
    help: 'buyer: one chat a line, {"messages": [], "max_tokens": 200}',
  },
  budget: { flags: '--budget <ait>', help: 'buyer: most that is spent', parse: aitAmount },
  deadline: {
    flags: '--deadline <hours>',
    help: 'buyer: by then the jobs have run, at or below the ceiling',
    default: '6',
    parse: decimal,
  },
} as const;

interface Input {
  readonly model: string;
  readonly mode: RunState['mode'];
  readonly bar: string;
  readonly days: number;
  readonly every: number;
  readonly floor: bigint | undefined;
  readonly ceiling: bigint | undefined;
  readonly maxChange: number | undefined;
  readonly cost: bigint;
  readonly dataDir: string | undefined;
  readonly jobs: string | undefined;
  readonly budget: bigint | undefined;
  readonly deadline: number;
}

export default defineCommand({
  summary: 'Run a strategy on the market as it is: on paper, or live within limits',
  details:
    'A seller reprices the offers of your own provider. A buyer runs jobs of a file that may wait, through your gateway. What it does is kept, so a run that was stopped goes on. Live, the first act is shown before it happens.',
  options,
  examples: [
    {
      line: 'aitbc ai-trading run --strategy undercut --model qwen3:8b --paper',
      note: 'only watches',
    },
    {
      line: 'aitbc ai-trading run --strategy undercut --model qwen3:8b --live --floor 0.05 --ceiling 0.4 --max-change 20',
      note: 'reprices your provider by at most 20 % an hour',
    },
    {
      line: 'aitbc ai-trading run --strategy deadline-aware --model qwen3:8b --live --jobs jobs.jsonl --budget 0.5 --ceiling 0.2 --deadline 8',
      note: 'buys within eight hours, for half an AIT at most',
    },
  ],
  async run(context, { options: given }) {
    if (given.live && given.paper) throw usage('--live and --paper exclude each other');
    const mode = given.live ? ('live' as const) : ('paper' as const);
    const input: Input = { ...given, mode };
    const { strategy } = await findStrategy(context, given.strategy);
    assertLimits(strategy, input);
    const work = strategy.side === 'buyer' ? readWork(given.jobs ?? '') : nothing;
    const typed = given.parameters;
    const { parameters } = chooseParameters(context, strategy, { model: input.model, typed });
    const state = stateFor(context, strategy, { input, work, parameters });
    const make = await roundsFor(context, strategy, { input, work });
    const { once, yes, every } = given;
    const loop = { everyMs: every * 1_000, once, yes };
    await runRounds(context, state, { make, strategy, options: loop });
  },
});

function usage(reason: string): AppError {
  return new AppError('CLI_USAGE', { reason: `${reason}. See: aitbc ai-trading run --help` });
}

function assertLimits({ side }: Strategy, input: Input): void {
  const { mode, jobs, floor, ceiling, maxChange, budget } = input;
  if (side === 'buyer' && jobs === undefined) throw usage('A buyer needs --jobs');
  if (mode === 'paper') return;
  const limits =
    side === 'seller' ? { floor, ceiling, 'max-change': maxChange } : { budget, ceiling };
  const missing = Object.entries(limits).flatMap(([name, value]) =>
    value === undefined ? [`--${name}`] : [],
  );
  if (missing.length > 0) throw usage(`--live needs limits: ${missing.join(', ')}`);
  if (floor !== undefined && ceiling !== undefined && floor > ceiling) {
    throw usage('--floor is above --ceiling');
  }
}

interface Start {
  readonly input: Input;
  readonly work: Work;
  readonly parameters: RunState['parameters'];
}

/** The run as it was left, where it is the same; else a new one. */
function stateFor(
  context: Context,
  { name: strategy, side }: Strategy,
  { input, work, parameters }: Start,
): RunState {
  const { model, mode } = input;
  const nowMs = Date.now();
  const known = readRun(runFileOf(context, { strategy, model, mode }));
  if (known && isRunning(known) && known.pid !== process.pid) {
    throw usage(`Process ${known.pid} runs ${strategy} for ${model} already`);
  }
  const goesOn =
    known && known.jobsHash === work.hash && (side === 'seller' || nowMs < known.deadlineMs);
  if (goesOn) return { ...known, parameters, pid: process.pid };
  const fresh = newRun({ strategy, side, model, mode, parameters, nowMs });
  return { ...fresh, jobsHash: work.hash, deadlineMs: nowMs + Math.round(input.deadline * hourMs) };
}

async function roundsFor(
  context: Context,
  strategy: Strategy,
  { input, work }: Pick<Start, 'input' | 'work'>,
): Promise<MakeRound> {
  const { model, days, cost: costNait } = input;
  const record = await openMarketRecord(context);
  const world = async () => {
    await recordEvents(context, record);
    const wish = { model, days, barMs: barMsOf(input.bar) };
    return hasModel(record, model) ? worldFrom(record, wish) : emptyWorld(record, wish);
  };
  const most = 2n ** 63n;
  const ceilingNait = input.ceiling ?? most;
  if (strategy.side === 'buyer') {
    const { budget: budgetNait = most, every } = input;
    const limits = { budgetNait, ceilingNait, everyMs: every * 1_000 };
    return buyerRounds(context, { strategy, work, world, ...limits });
  }
  const client = await providerOwner(context, findServed(context, input.dataDir));
  const changeBpsPerHour = BigInt(Math.round((input.maxChange ?? 100) * bpsInPercent));
  const limits = { floorNait: input.floor ?? 0n, ceilingNait, changeBpsPerHour };
  return sellerRounds(context, { strategy, client, limits, costNait, world });
}
