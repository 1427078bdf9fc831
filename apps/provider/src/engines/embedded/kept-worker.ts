import type { AppError } from '@aitbc/protocol';
import { createEngineErrors } from '../engine.ts';
import type { LoadCommand, WorkerMessage } from './worker-messages.ts';
import { startWorker, type WorkerProcess } from './worker-process.ts';

/** More threads than free cores stall llama.cpp: 2 threads 99 tokens/s, 1 thread 1 159 on a busy machine. */
const THREADS_DEFAULT = 1;
const RESTART_DELAY_MS = 200;
const RESTART_DELAY_MS_MAX = 30_000;
/** A worker that lived this long did not die of its start: the delay begins at its lowest again. */
const CALM_MS = 60_000;

export interface EmbeddedOptions {
  readonly modelPath: string;
  /** Default: `general.name` of the file. */
  readonly name?: string;
  readonly slots?: number;
  /** Tokens per slot; default and upper bound: the context the model was trained for. */
  readonly contextMax?: number;
  readonly threads?: number;
  readonly restartDelayMs?: number;
  /** Where worker.mjs and its packages lie; default: beside this app. */
  readonly engineFolder?: URL;
}

export interface KeptWorkerDeps {
  readonly slots: number;
  onMessage(message: WorkerMessage): void;
  onGone(error: AppError): void;
}

function loadCommandOf(options: EmbeddedOptions, slots: number): LoadCommand {
  const { modelPath, name, contextMax, threads = THREADS_DEFAULT } = options;
  return {
    t: 'load',
    modelPath,
    slots,
    threads,
    ...(name === undefined ? {} : { name }),
    ...(contextMax === undefined ? {} : { contextMax }),
  };
}

/** A worker that is started again when it dies; the states are told in embedded-engine.ts. */
export function createKeptWorker(options: EmbeddedOptions, deps: KeptWorkerDeps) {
  const fail = createEngineErrors('embedded');
  const firstDelayMs = options.restartDelayMs ?? RESTART_DELAY_MS;
  let state: 'stopped' | 'starting' | 'ready' | 'restarting' = 'stopped';
  let child: WorkerProcess | undefined;
  let delayMs = firstDelayMs;
  let readyAtMs = 0;
  let timer: NodeJS.Timeout | undefined;
  let starting: Promise<void> | undefined;

  async function startOnce(): Promise<void> {
    const started = await startWorker(
      loadCommandOf(options, deps.slots),
      { fail, onMessage: deps.onMessage, onExit },
      options.engineFolder,
    );
    if (state === 'stopped') return started.stop();
    child = started;
    readyAtMs = performance.now();
    state = 'ready';
  }

  function onExit(reason: string): void {
    child = undefined;
    if (state === 'stopped') return;
    if (performance.now() - readyAtMs > CALM_MS) delayMs = firstDelayMs;
    deps.onGone(fail('ENGINE_CRASHED', reason));
    restartLater();
  }

  function restartLater(): void {
    state = 'restarting';
    timer = setTimeout(() => {
      // A failed restart is not lost: the state stays `restarting`, which every request is told.
      starting = startOnce().catch(() => {
        if (state !== 'stopped') restartLater();
      });
    }, delayMs);
    delayMs = Math.min(delayMs * 2, RESTART_DELAY_MS_MAX);
  }

  return {
    state: () => state,
    processId: () => child?.processId,
    current(): WorkerProcess {
      if (child) return child;
      const reason =
        state === 'restarting' ? 'it died and is being started again' : `it is ${state}`;
      throw fail('ENGINE_UNAVAILABLE', reason, { facts: { retryAfterMs: delayMs } });
    },
    async start(): Promise<void> {
      if (state !== 'stopped') return;
      state = 'starting';
      starting = startOnce();
      await starting.catch((error: unknown) => {
        state = 'stopped';
        throw error;
      });
    },
    async stop(): Promise<void> {
      state = 'stopped';
      clearTimeout(timer);
      const last = child;
      child = undefined;
      deps.onGone(fail('ENGINE_UNAVAILABLE', 'it was stopped'));
      await starting?.catch(() => undefined);
      await last?.stop();
    },
  };
}
