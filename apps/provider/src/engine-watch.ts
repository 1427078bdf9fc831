/**
 * Keeps the offers in step with the engine: what it no longer has, what crashes again and again, and everything while
 * the owner wants the machine back, is not offered.
 *
 * The engine is looked at from time to time, and at once when a job found it gone. A model whose engine crashed three
 * times in a minute goes off sale (circuit breaker of `@aitbc/market`); when its time is over it is asked for
 * one token, and comes back when it gives one.
 */
import { type CircuitBreaker, createCircuitBreaker } from '@aitbc/market';
import { asAppError, type Refusal, refuse } from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import type { Engine, EngineModel, EngineProbe } from './engines/engine.ts';
import type { OfferBook } from './offers/offer-book.ts';

/** How often the engine is looked at, and how often while it is gone. */
const watchMs = 30_000;
const goneMs = 1_000;
const probeMs = 10_000;
/** A test may have to load its model first. */
const testMs = 60_000;
export const breakerOptions = {
  ...{ crashesMax: 3, windowMs: 60_000, openMs: 10_000, openMsMax: 600_000 },
};

export interface WatchDeps {
  readonly engine: Engine;
  readonly offers: OfferBook;
  /** Models the owner sells; empty for all. */
  readonly wanted: readonly string[];
  readonly onChange: () => void;
  readonly log: Log;
  readonly nowMs: () => number;
}

/** The watch. */
export interface EngineWatch {
  start(): void;
  stop(): void;
  probe(): EngineProbe;
  /** A running job of the model failed. */
  failed(error: unknown, model: string): void;
  /** ENGINE_UNAVAILABLE while the model is off sale because of its crashes. */
  refusal(model: string): Refusal | undefined;
  /** Offers are withdrawn until it is told otherwise. */
  sell(isSelling: boolean): void;
}

interface Watch {
  readonly deps: WatchDeps;
  readonly breakers: Map<string, CircuitBreaker>;
  readonly tests: Map<string, ReturnType<typeof setTimeout>>;
  readonly ending: AbortController;
  probe: EngineProbe;
  isGone: boolean;
  isSelling: boolean;
  isLooking: boolean;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** A watch that begins with what was found at the start. */
export function createEngineWatch(first: EngineProbe, deps: WatchDeps): EngineWatch {
  const watch: Watch = {
    ...{ deps, breakers: new Map(), tests: new Map(), ending: new AbortController() },
    ...{ probe: first, isGone: false, isSelling: true, isLooking: false, timer: undefined },
  };
  const { engine, nowMs } = deps;
  return {
    start() {
      offer(watch);
      lookLater(watch);
    },
    stop() {
      watch.ending.abort();
      clearTimeout(watch.timer);
      for (const test of watch.tests.values()) clearTimeout(test);
    },
    probe: () => watch.probe,
    failed(error, model) {
      const trouble = engine.classify(error);
      if (trouble === 'gone') void look(watch);
      if (trouble === 'crash') crashed(watch, model);
    },
    refusal(model) {
      const breaker = watch.breakers.get(model);
      if (!breaker || breaker.state(nowMs()) === 'closed') return undefined;
      const retryAfterSeconds = Math.max(Math.ceil(breaker.opensForMs(nowMs()) / 1_000), 1);
      const reason = 'it crashed several times';
      return refuse('ENGINE_UNAVAILABLE', { engine: engine.kind, reason, retryAfterSeconds });
    },
    sell(isSelling) {
      watch.isSelling = isSelling;
      offer(watch);
    },
  };
}

/** Makes the offers fit to what can be sold now. */
function offer({ deps, breakers, probe, isGone, isSelling }: Watch): void {
  const { offers, wanted, nowMs, onChange } = deps;
  const isSold = ({ name }: EngineModel): boolean =>
    (wanted.length === 0 || wanted.includes(name)) &&
    (breakers.get(name)?.state(nowMs()) ?? 'closed') === 'closed';
  const before = offers.list().length;
  const isNew = offers.refresh(isGone || !isSelling ? [] : probe.models.filter(isSold));
  if (isNew || offers.list().length !== before) onChange();
}

function lookLater(watch: Watch): void {
  clearTimeout(watch.timer);
  if (watch.ending.signal.aborted) return;
  watch.timer = setTimeout(() => void look(watch), watch.isGone ? goneMs : watchMs);
}

async function look(watch: Watch): Promise<void> {
  if (watch.isLooking) return;
  watch.isLooking = true;
  const { engine, log } = watch.deps;
  const wasGone = watch.isGone;
  try {
    watch.probe = await engine.probe(AbortSignal.timeout(probeMs));
    watch.isGone = false;
    if (wasGone) log.info('the engine answers again');
  } catch (error) {
    watch.isGone = true;
    if (!wasGone) {
      log.warn({ err: error }, 'the engine does not answer; its offers are withdrawn');
    }
  } finally {
    watch.isLooking = false;
  }
  if (!watch.ending.signal.aborted) offer(watch);
  lookLater(watch);
}

function crashed(watch: Watch, model: string): void {
  const { nowMs, log } = watch.deps;
  const breaker = watch.breakers.get(model) ?? createCircuitBreaker(breakerOptions);
  watch.breakers.set(model, breaker);
  breaker.crashed(nowMs());
  const openMs = breaker.opensForMs(nowMs());
  if (openMs === 0 || watch.tests.has(model) || watch.ending.signal.aborted) return;
  log.error({ model, openMs }, 'the engine crashed several times; the model goes off sale');
  offer(watch);
  const run = () => void test(watch, model);
  watch.tests.set(model, setTimeout(run, openMs));
}

/** Half-open: one token tells whether the model is back. */
async function test(watch: Watch, name: string): Promise<void> {
  const { breakers, tests, deps, ending } = watch;
  const { nowMs, log, engine } = deps;
  const signal = AbortSignal.any([ending.signal, AbortSignal.timeout(testMs)]);
  const model = watch.probe.models.find((one) => one.name === name);
  let failure: unknown;
  try {
    if (model) await askForToken(engine, model, signal);
  } catch (error) {
    failure = asAppError(error);
  }
  tests.delete(name);
  if (ending.signal.aborted) return;
  if (failure) {
    log.warn({ err: failure, model: name }, 'the model does not work yet');
    crashed(watch, name);
    return;
  }
  breakers.get(name)?.worked(nowMs());
  log.info({ model: name }, 'the model works again');
  offer(watch);
}

async function askForToken(
  engine: Engine,
  { name, serves = ['chat'] }: EngineModel,
  signal: AbortSignal,
): Promise<void> {
  if (!serves.includes('chat')) {
    await engine.embed({ model: name, inputs: ['test'] }, { signal });
    return;
  }
  const request = {
    model: name,
    messages: [{ role: 'user', content: 'Hi' }],
    maxTokens: 1,
  } as const;
  for await (const event of engine.generate(request, { signal })) if (event.type === 'end') return;
}
