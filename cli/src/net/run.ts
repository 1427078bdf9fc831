/**
 * One run of the chaos network: plan, town, agents at work while the schedule is played, healing, audit.
 * The parts that act and check are given, so that this file only says what happens when.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { identityFromSeed } from '@aitbc/node/testing';
import { AppError } from '@aitbc/protocol';
import { sharedHead } from './chain/agreement.ts';
import { type Load, startLoad } from './chain/load.ts';
import type { NodesView } from './chain/nodes-view.ts';
import { checkTown } from './chain/town-rows.ts';
import { startWatch, type Watch } from './chain/watch.ts';
import type {
  Agents,
  CheckInvariants,
  Engines,
  Fault,
  Finals,
  InvariantRow,
  LiveCounts,
  Plan,
  StartAgents,
  StartEngines,
} from './contract.ts';
import { startEquivocators } from './faults/equivocator.ts';
import { type Play, playFaults } from './faults/play-faults.ts';
import { type Planted, preparePlant } from './plant/plant.ts';
import { againLine } from './screen/again.ts';
import { bringUpTown, type OpenTown } from './town/bring-up-town.ts';
import { hasBroker } from './town/broker.ts';
import { layOut } from './town/layout.ts';

/** Who acts and who checks. */
export interface Cast {
  readonly startEngines: StartEngines;
  readonly startAgents: StartAgents;
  readonly checkInvariants: CheckInvariants;
}

/** What can be watched while a run goes on. */
export interface LiveRun {
  readonly plan: Plan;
  phase: string;
  /** Milliseconds of `plan.forMs` that are over. */
  passedMs(): number;
  readonly open: OpenTown | undefined;
  readonly play: Play | undefined;
  readonly watch: Watch | undefined;
  counts(): LiveCounts | undefined;
  acknowledged(): number;
}

/** What a run is told to do. */
export interface RunOptions {
  readonly plan: Plan;
  readonly plant: string | undefined;
  /** Folders stay, also when all is well. */
  readonly keep: boolean;
  /** Aborts on Ctrl-C: everything is ended, and the run throws CANCELLED. */
  readonly signal: AbortSignal;
  onPhase(live: LiveRun): void;
  onFault(fault: Fault, what: 'begins' | 'ends' | 'left out', why?: string): void;
}

/** What came out. */
export interface NetReport {
  readonly plan: Plan;
  readonly plant: string | null;
  readonly lines: string;
  readonly hasRedis: boolean;
  readonly leftOut: readonly { readonly kind: string; readonly why: string }[];
  readonly counts: LiveCounts;
  readonly blocks: number;
  readonly transfers: number;
  readonly upMs: number;
  readonly healMs: number;
  readonly starts: number;
  readonly rows: readonly InvariantRow[];
  readonly isWell: boolean;
  /** Where logs and data are, when they were kept. */
  readonly home: string | null;
  /** The command line of the same run. */
  readonly again: string;
}

/** From this length on each third must see progress; a shorter run is one part, in which a fault may fill a third. */
const longRunMs = 60_000;
const lookMs = 100;
const watchEveryMs = 200;
const payEveryMs = 500;
const firstJobMs = 30_000;
const healTimeoutMs = 90_000;

/** Runs it. Throws what bringing up throws, and CANCELLED. */
export async function runNet(options: RunOptions, cast: Cast): Promise<NetReport> {
  const home = mkdtempSync(join(tmpdir(), 'aitbc-net-'));
  mkdirSync(join(home, 'logs'));
  let isWell = false;
  try {
    const report = await runIn(home, options, cast);
    isWell = report.isWell;
    return isWell && !options.keep ? { ...report, home: null } : report;
  } catch (error) {
    isWell = options.signal.aborted;
    throw error;
  } finally {
    if (isWell && !options.keep) rmSync(home, { recursive: true, force: true });
  }
}

async function runIn(home: string, options: RunOptions, cast: Cast): Promise<NetReport> {
  const { plan, signal, plant } = options;
  const begunMs = performance.now();
  const planted = plant === undefined ? undefined : preparePlant(plant, home);
  const layout = await layOut(plan, home, hasBroker());
  const engines = await cast.startEngines(plan, layout.facts);
  const live = createLive(options);
  let open: OpenTown | undefined;
  try {
    open = await bringUpTown({ layout, engines, planted, signal, tell: live.enter });
    live.open = open;
    const upMs = performance.now() - begunMs;
    const stage: Stage = { layout, open, engines, cast, options, live, planted };
    return { ...(await playOut(stage)), upMs, home };
  } catch (error) {
    if (signal.aborted) throw new AppError('CANCELLED', undefined, { cause: error });
    throw error;
  } finally {
    await open?.stop(!signal.aborted);
    await engines.stop();
  }
}

interface Live extends LiveRun {
  open: OpenTown | undefined;
  play: Play | undefined;
  watch: Watch | undefined;
  agents: Agents | undefined;
  load: Load | undefined;
  begunMs: number | undefined;
  enter(phase: string): void;
}

function createLive({ plan, onPhase }: RunOptions): Live {
  const live: Live = {
    plan,
    phase: '',
    ...{ open: undefined, play: undefined, watch: undefined, agents: undefined },
    ...{ load: undefined, begunMs: undefined },
    passedMs: () => (live.begunMs === undefined ? 0 : performance.now() - live.begunMs),
    counts: () => live.agents?.counts(),
    acknowledged: () => live.load?.acknowledged.length ?? 0,
    enter(phase) {
      live.phase = phase;
      onPhase(live);
    },
  };
  return live;
}

interface Stage {
  readonly layout: Awaited<ReturnType<typeof layOut>>;
  readonly open: OpenTown;
  readonly engines: Engines;
  readonly cast: Cast;
  readonly options: RunOptions;
  readonly live: Live;
  readonly planted: Planted | undefined;
}

type Outcome = Omit<NetReport, 'upMs' | 'home'>;

async function playOut(stage: Stage): Promise<Outcome> {
  const { layout, open, engines, cast, options, live, planted } = stage;
  const { plan, signal } = options;
  const nodes = nodesView(stage);
  const watch = startWatch(nodes, watchEveryMs);
  const payers = layout.payers.map(({ seed }) => identityFromSeed(Buffer.from(seed, 'hex')));
  const load = startLoad(nodes, payers, payEveryMs);
  const agents = await cast.startAgents(plan, open.town, signal);
  const equivocators = await startEquivocators(layout);
  try {
    Object.assign(live, { watch, load, agents });
    live.enter('first job');
    await firstJob(agents, signal);
    const play = playFaults({ ...open, layout }, options.onFault, signal);
    Object.assign(live, { play, begunMs: performance.now() });
    live.enter('work');
    const progress = await work(live, signal);
    live.enter('healing');
    const healBegunMs = performance.now();
    const down = await heal(stage, play);
    const books = await agents.stop();
    await load.stop();
    const healMs = performance.now() - healBegunMs;
    live.enter('audit');
    for (const liar of equivocators) liar.stop();
    signal.throwIfAborted();
    const finals: Finals = { ...watch, thirds: progress.blocks };
    const town = { nodes, ledger: { acknowledged: load.acknowledged, watch, begins: new Map() } };
    const own = await checkTown({ ...stage, ...town, load, down, progress });
    const theirs = await audited(() =>
      cast.checkInvariants({ plan, town: open.town, engines, books, finals }),
    );
    planted?.assertDone();
    const rows = [...own, ...theirs];
    return {
      again: againLine(plan, planted?.plant.name),
      ...{ plan, plant: planted?.plant.name ?? null, lines: layout.lines.kind, healMs, rows },
      hasRedis: layout.facts.redisUrl !== undefined,
      leftOut: play.played.flatMap(({ fault, leftOut }) =>
        leftOut === undefined ? [] : [{ kind: fault.kind, why: leftOut }],
      ),
      ...{ counts: books.counts, blocks: watch.top(), transfers: load.acknowledged.length },
      starts: [...open.crew.starts().values()].reduce((sum, count) => sum + count, 0),
      isWell: rows.every(({ broken }) => broken.length === 0),
    };
  } finally {
    for (const liar of equivocators) liar.stop();
    const ends = Promise.allSettled([watch.stop(), load.stop(), signal.aborted && agents.stop()]);
    if (!signal.aborted) await ends; // else they end with the daemons, soon
  }
}

/** The time counts from the first whole answer: before it channels are opened, which takes what the machine takes. */
async function firstJob(agents: Agents, signal: AbortSignal): Promise<void> {
  const end = performance.now() + firstJobMs;
  while (agents.counts().jobsCompleted === 0 && performance.now() < end) {
    await sleep(lookMs, undefined, { signal });
  }
}

/** What cannot be audited is no pass: the trouble is a row. */
async function audited(check: () => Promise<InvariantRow[]>): Promise<InvariantRow[]> {
  try {
    return await check();
  } catch (error) {
    const broken = [(error as Error).stack ?? String(error)];
    return [{ name: 'audit', claim: 'the audit comes to its end', checked: 1, broken }];
  }
}

/** Blocks and jobs of each part of the time. */
export interface Progress {
  readonly blocks: readonly number[];
  readonly jobs: readonly number[];
}

/** Lets the time pass; what was reached is read at the end of each part. */
async function work(live: Live, signal: AbortSignal): Promise<Progress> {
  const [blocks, jobs]: [number[], number[]] = [[], []];
  const reached = () => [live.watch?.top() ?? 0, live.counts()?.jobsCompleted ?? 0] as const;
  let [block, job] = reached();
  const parts = live.plan.forMs >= longRunMs ? 3 : 1;
  for (let part = 1; part <= parts; part += 1) {
    while (live.passedMs() < (live.plan.forMs * part) / parts) {
      await sleep(lookMs, undefined, { signal });
    }
    const [top, completed] = reached();
    blocks.push(top - block);
    jobs.push(completed - job);
    [block, job] = [top, completed];
  }
  return { blocks, jobs };
}

/** Everything is whole again: names of daemons that did not come back. */
async function heal({ open, layout }: Stage, play: Play): Promise<string[]> {
  await play.done;
  await open.broker?.start();
  const down = await open.crew.allUp(healTimeoutMs);
  if (down.length > 0) return down;
  const shared = sharedHead(nodesView({ open, layout }), 0, healTimeoutMs);
  await shared.catch(() => {}); // the row `one chain` says what stands in the way
  return down;
}

/** The honest nodes; those of liars never run. */
function nodesView({ layout, open }: Pick<Stage, 'layout' | 'open'>): NodesView {
  const { nodes, network, genesis } = layout.facts;
  return {
    ...{ network, genesis },
    awake: () =>
      [...nodes.keys()].filter((at) => {
        const { role, name } = nodes[at] ?? { role: 'silent', name: '' };
        return role === 'honest' && open.crew.isUp(name);
      }),
    url: (at) => nodes[at]?.url ?? '',
  };
}
