/**
 * When this machine is measured, and what becomes of the results.
 *
 *   at the start   a model without a result of this engine version and these weights is measured before it is
 *                  offered, where only a measurement can tell how many jobs it takes at once
 *   on demand      by the owner, while nothing is paid for: a paid job ends the measurement within one token
 *
 * The newest result of a model is kept, shown as a claim, and gives its slots. Models that only make vectors
 * are not measured. A model that fails is told and left without a result; the others are measured.
 */
import { AppError, asAppError } from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import type { Engine, EngineModel, EngineProbe } from '../engines/engine.ts';
import type { Gpu } from '../inventory/gpu.ts';
import { judgeSpeed } from './bound-speed.ts';
import { slotsOfLadder } from './count-slots.ts';
import { type ModelBenchmark, measureModel } from './measure-model.ts';

/** A model that takes longer is not measured. */
const modelMs = 120_000;
/** How often a running measurement looks for paid jobs. */
const lookMs = 5;

export interface BenchmarkDeps {
  readonly engine: Engine;
  readonly probe: () => EngineProbe;
  readonly gpus: () => readonly Gpu[];
  /** Jobs that run or wait. */
  readonly paidJobs: () => number;
  readonly nowMs: () => number;
  readonly nonce: () => number;
  readonly log: Log;
  /** Results of earlier lives, and where new ones go. */
  readonly saved: readonly ModelBenchmark[];
  save(results: readonly ModelBenchmark[]): void;
}

/** The results and how to get new ones. */
export interface Benchmark {
  /** Measures the models by these names, all when there is none. Throws ENGINE_BUSY and CANCELLED. */
  run(names: readonly string[], signal: AbortSignal): Promise<readonly ModelBenchmark[]>;
  /** Measures what has no result that still holds; never throws. */
  runMissing(names: readonly string[], signal: AbortSignal): Promise<void>;
  /** Newest results of the models that the engine has now. */
  results(): readonly ModelBenchmark[];
  /** Measured slots of a model; undefined for one that was not measured. */
  slots(model: string): number | undefined;
  isRunning(): boolean;
}

export function createBenchmark(deps: BenchmarkDeps): Benchmark {
  const { log, probe } = deps;
  const newest = new Map(deps.saved.map((result) => [result.model, result]));
  let isRunning = false;

  const current = (model: EngineModel): ModelBenchmark | undefined => {
    const result = newest.get(model.name);
    return result && holds(result, model, probe()) ? result : undefined;
  };
  const measure = async (models: readonly EngineModel[], signal: AbortSignal): Promise<void> => {
    for (const model of models) {
      try {
        const result = await resultOf(model, deps, signal);
        newest.set(model.name, result);
        deps.save([...newest.values()]);
        log.info(shownOf(result), 'measured');
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        log.warn({ err: error, model: model.name }, 'a model could not be measured');
        if (models.length === 1) throw troubleOf(error, model);
      }
    }
  };
  const alone = async (models: readonly EngineModel[], signal: AbortSignal): Promise<void> => {
    if (isRunning) throw busyError(deps, 'it is being measured');
    isRunning = true;
    const watch = watchForJobs(deps, signal);
    try {
      await measure(models, watch.signal);
    } finally {
      watch.stop();
      isRunning = false;
    }
  };
  const wanted = (names: readonly string[]): EngineModel[] =>
    probe().models.filter(
      ({ name, serves }) =>
        (names.length === 0 || names.includes(name)) && (serves ?? ['chat']).includes('chat'),
    );
  const results = () => probe().models.flatMap((model) => current(model) ?? []);
  return {
    async run(names, signal) {
      await alone(wanted(names), signal);
      return results().filter(({ model }) => names.length === 0 || names.includes(model));
    },
    async runMissing(names, signal) {
      const missing = wanted(names).filter((model) => !current(model));
      await alone(missing, signal).catch((error: unknown) => {
        if (!signal.aborted) log.warn({ err: error }, 'the machine was not measured');
      });
    },
    results,
    slots(name) {
      const model = probe().models.find((candidate) => candidate.name === name);
      return model && current(model)?.slots;
    },
    isRunning: () => isRunning,
  };
}

function troubleOf(error: unknown, { name }: EngineModel): AppError {
  const isLate = error instanceof Error && error.name === 'TimeoutError';
  if (!isLate) return asAppError(error);
  return new AppError(
    'TIMEOUT',
    { what: `Measuring ${name}`, timeoutMs: modelMs },
    { cause: error },
  );
}

/** A result holds for the same weights on the same engine. */
function holds(result: ModelBenchmark, model: EngineModel, probe: EngineProbe): boolean {
  const { engine, version } = probe;
  const isSameEngine = result.engine === engine && result.engineVersion === version;
  return isSameEngine && result.digest === (model.digest ?? '');
}

async function resultOf(
  model: EngineModel,
  deps: BenchmarkDeps,
  signal: AbortSignal,
): Promise<ModelBenchmark> {
  const { engine, version } = deps.probe();
  // A stream that fails takes those beside it along.
  const ending = new AbortController();
  const limit = AbortSignal.any([signal, ending.signal, AbortSignal.timeout(modelMs)]);
  const measured = await measureModel(model, deps, limit).finally(() => ending.abort());
  const plausibility = judgeSpeed({
    model: model.name,
    parameters: model.parameters,
    quantization: model.quantization,
    tokensPerSecond: measured.decodeTokensPerSecond,
    gpus: engine === 'embedded' ? [] : deps.gpus(),
  });
  return {
    model: model.name,
    digest: model.digest ?? '',
    engine,
    engineVersion: version,
    measuredAtMs: deps.nowMs(),
    slots: slotsOfLadder(measured.ladder),
    ...measured,
    plausibility,
  };
}

/** Aborts with ENGINE_BUSY when a paid job comes: its answer goes first, and the measurement would be wrong. */
function watchForJobs(deps: BenchmarkDeps, signal: AbortSignal) {
  const ending = new AbortController();
  const look = () => {
    if (deps.paidJobs() > 0) ending.abort(busyError(deps, 'paid jobs run, and they go first'));
  };
  look();
  const timer = setInterval(look, lookMs);
  return {
    signal: AbortSignal.any([signal, ending.signal]),
    stop: () => clearInterval(timer),
  };
}

function busyError({ engine }: BenchmarkDeps, reason: string): AppError {
  return new AppError('ENGINE_BUSY', { engine: engine.kind, reason });
}

function shownOf({ model, slots, decodeTokensPerSecond, plausibility }: ModelBenchmark) {
  const tokensPerSecond = Math.round(decodeTokensPerSecond * 10) / 10;
  return { model, slots, tokensPerSecond, plausibility: plausibility.verdict };
}
