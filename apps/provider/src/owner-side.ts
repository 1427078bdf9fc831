/**
 * What the owner of the machine gets: the inventory of its cards, the benchmark, the statement of earnings,
 * and the two calls that only the owner makes. Paid work does not pass through here.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type {
  Hex,
  IdleReason,
  OutputOf,
  ParsedInputOf,
  providerEndpoints,
  providerOwnerEndpoints,
} from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import { type Benchmark, createBenchmark } from './benchmark/benchmark.ts';
import { readBenchmarks, writeBenchmarks } from './benchmark/benchmark-file.ts';
import type { ChosenEngine } from './choose-engine.ts';
import type { ProviderConfig } from './config.ts';
import type { LinkState } from './coordinator/coordinator-link.ts';
import { createDayUse, dayOf } from './earnings/day-use.ts';
import type { EarningsStore } from './earnings/earnings-queries.ts';
import type { EngineProbe } from './engines/engine.ts';
import type { Gpu } from './inventory/gpu.ts';
import { readInventory } from './inventory/read-inventory.ts';
import { createRunTool, type RunTool } from './inventory/run-tool.ts';

/** The start waits no longer for measurements; what is not measured by then is sold unmeasured. */
const startMs = 180_000;
const dayMs = 86_400_000;

/** What a provider says of its machine. */
export type Claims = OutputOf<typeof providerEndpoints.status>['claims'];

export interface OwnerSideDeps extends ChosenEngine {
  readonly log: Log;
  readonly nowMs: () => number;
  readonly store: EarningsStore;
  readonly runTool?: RunTool | undefined;
}

/** What the running daemon tells of itself; before `attach` it sells nothing. */
export interface Running {
  readonly probe: () => EngineProbe;
  readonly load: () => { readonly running: number; readonly waiting: number };
  readonly offers: () => number;
  readonly linkState: () => LinkState;
  readonly isRegistered: () => boolean;
  /** The owner wants the machine back. */
  readonly isDrained: () => boolean;
}

/** The owner's side. */
export interface OwnerSide {
  /** Reads the cards, and measures what has to be measured before it is sold. Never throws. */
  prepare(signal: AbortSignal): Promise<void>;
  attach(running: Running): void;
  start(): void;
  stop(): void;
  claims(): Claims;
  /** Tokens that the engine has made since the start. */
  engineTokens(): number;
  /** Measured slots of a model, without one of that which takes the fewest jobs; undefined for unmeasured. */
  slots(model?: string): number | undefined;
  readonly handlers: OwnerHandlers;
}

/** Handlers of the owner's calls. */
export interface OwnerHandlers {
  bench(
    input: ParsedInputOf<typeof providerOwnerEndpoints.bench>,
    call: { readonly signal: AbortSignal },
  ): Promise<OutputOf<typeof providerOwnerEndpoints.bench>>;
  earnings(
    input: ParsedInputOf<typeof providerOwnerEndpoints.earnings>,
  ): OutputOf<typeof providerOwnerEndpoints.earnings>;
}

export function createOwnerSide(config: ProviderConfig, deps: OwnerSideDeps): OwnerSide {
  const { engine, log, nowMs, store } = deps;
  let gpus: readonly Gpu[] = [];
  let running: Running = nothingRuns(deps.probe);
  const file = join(config.dataDir, 'benchmark.json');
  const benchmark = createBenchmark({
    ...{ engine, log, nowMs, gpus: () => gpus, probe: () => running.probe() },
    paidJobs: () => running.load().running + running.load().waiting,
    nonce: () => randomBytes(4).readUInt32LE(),
    saved: readBenchmarks(file),
    save: (results) => writeBenchmarks(file, results),
  });
  const reason = () => reasonOf(running, benchmark);
  const dayUse = createDayUse({ nowMs, reason, add: store.addUse });
  const readCards = async () => {
    const inventory = await readInventory(deps.runTool ?? createRunTool());
    gpus = inventory.gpus;
    for (const trouble of inventory.troubles) log.warn({ trouble }, 'a tool of a card maker');
  };
  return {
    async prepare(signal) {
      const cards = readCards();
      if (!mustMeasure(config, deps)) return; // the cards are known a moment later
      await cards;
      const limit = AbortSignal.any([signal, AbortSignal.timeout(startMs)]);
      await benchmark.runMissing(config.models, limit);
    },
    attach(next) {
      running = next;
    },
    start: dayUse.start,
    stop: dayUse.stop,
    claims: () => ({ gpus: gpus.map(claimOf), benchmarks: [...benchmark.results()] }),
    engineTokens: () => engine.gauges().tokens,
    slots: (model) =>
      model === undefined
        ? leastOf(benchmark.results().map(({ slots }) => slots))
        : benchmark.slots(model),
    handlers: {
      async bench({ model }, { signal }) {
        const sold = model === undefined ? config.models : [model];
        return { benchmarks: [...(await benchmark.run(sold, signal))] };
      },
      earnings({ days }) {
        dayUse.write();
        const since = nowMs() - (days - 1) * dayMs;
        const day = dayOf(since);
        const rows = store.earnings(Date.parse(day));
        return { days, rows, use: store.use(day), now: reason() };
      },
    },
  };
}

/** Measured at the start: always, never, or where nothing else tells how many jobs run at once. */
function mustMeasure({ benchmark, slots }: ProviderConfig, { engine }: ChosenEngine): boolean {
  if (benchmark !== 'auto') return benchmark === 'always';
  return slots === 0 && engine.gauges().slots === undefined;
}

function reasonOf(running: Running, benchmark: Benchmark): IdleReason {
  if (running.load().running > 0) return 'busy';
  if (benchmark.isRunning()) return 'measuring';
  if (running.isDrained()) return 'drained';
  if (running.offers() === 0) return 'no_engine';
  if (!running.isRegistered()) return 'not_registered';
  return running.linkState() === 'connected' ? 'not_asked' : 'not_connected';
}

function nothingRuns(probe: EngineProbe): Running {
  return {
    probe: () => probe,
    load: () => ({ running: 0, waiting: 0 }),
    offers: () => 0,
    linkState: () => 'off',
    isRegistered: () => false,
    isDrained: () => false,
  };
}

function leastOf(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : Math.min(...values);
}

function claimOf({
  vendor,
  name,
  idHash,
  memoryBytes,
  sharesMemory,
  slice,
}: Gpu): Claims['gpus'][number] {
  return { vendor, name, idHash: idHash as Hex | null, memoryBytes, sharesMemory, slice };
}
