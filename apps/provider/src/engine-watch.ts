/** Keeps the offers in step with the engine: what it no longer has is no longer offered. */
import type { Log } from '@aitbc/service';
import type { Engine, EngineModel, EngineProbe } from './engines/engine.ts';
import type { OfferBook } from './offers/offer-book.ts';

const watchMs = 30_000;
const probeMs = 10_000;

export interface WatchDeps {
  readonly engine: Engine;
  readonly offers: OfferBook;
  /** Models the owner sells; empty for all. */
  readonly wanted: readonly string[];
  readonly onChange: () => void;
  readonly log: Log;
}

/** The watch. */
export interface EngineWatch {
  start(): void;
  stop(): void;
  probe(): EngineProbe;
}

/** A watch that begins with what was found at the start. */
export function createEngineWatch(first: EngineProbe, deps: WatchDeps): EngineWatch {
  const { engine, offers, log } = deps;
  let probe = first;
  let timer: ReturnType<typeof setInterval> | undefined;
  const offer = (models: readonly EngineModel[]): void => {
    const before = offers.list().length;
    const isNew = offers.refresh(sold(models, deps.wanted));
    if (isNew || offers.list().length !== before) deps.onChange();
  };
  const look = async (): Promise<void> => {
    try {
      probe = await engine.probe(AbortSignal.timeout(probeMs));
      offer(probe.models);
    } catch (error) {
      log.warn({ err: error }, 'the engine does not answer; its offers are withdrawn');
      offer([]);
    }
  };
  return {
    start() {
      offer(first.models);
      timer = setInterval(() => void look(), watchMs);
    },
    stop: () => clearInterval(timer),
    probe: () => probe,
  };
}

function sold(models: readonly EngineModel[], wanted: readonly string[]): readonly EngineModel[] {
  return wanted.length === 0 ? models : models.filter(({ name }) => wanted.includes(name));
}
