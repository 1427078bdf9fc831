import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { engineFolder } from '../bundled-model.ts';
import type { EngineErrors } from '../engine.ts';
import {
  type LoadCommand,
  type WorkerCommand,
  type WorkerMessage,
  type WorkerModel,
  workerMessage,
} from './worker-messages.ts';

/** Enough of the worker's error output to see why it died. */
const ERROR_TAIL_CHARS = 2_000;
const STOP_TIMEOUT_MS = 2_000;

/** What an owner types when the engine's own packages are missing. */
export const INSTALL_COMMAND =
  'npm ci --prefix apps/provider/engine-llama --omit=optional --ignore-scripts';

/** A running worker with its model loaded. */
export interface WorkerProcess {
  readonly processId: number | undefined;
  readonly model: WorkerModel;
  send(command: WorkerCommand): void;
  /** Ends the process; resolves when it is gone. */
  stop(): Promise<void>;
}

export interface WorkerDeps {
  readonly fail: EngineErrors;
  onMessage(message: WorkerMessage): void;
  /** The process ended after it was ready, wanted or not. */
  onExit(reason: string): void;
}

function assertInstalled(folder: URL, fail: EngineErrors): void {
  if (existsSync(new URL('node_modules/node-llama-cpp/package.json', folder))) return;
  throw fail('ENGINE_UNAVAILABLE', `llama.cpp is not installed; run: ${INSTALL_COMMAND}`);
}

/**
 * One thread of libuv for the native calls of the worker. With several, node-llama-cpp 3.21.1 takes the next tokens of
 * all sequences of a batch at the same time, and llama.cpp puts the rows of logits into their order at the first look
 * at them: a sequence then now and then gets the row of another, and so a token of another buyer's answer (8 of 1 000
 * greedy jobs, four at once, began to differ in mid-answer). Threads that compute are others; they are not bounded.
 */
const WORKER_ENVIRONMENT = { UV_THREADPOOL_SIZE: '1' };

/** The worker gets no environment but its own: it needs none, and the provider's may hold secrets. */
function forkWorker(folder: URL): ChildProcess {
  return fork(fileURLToPath(new URL('worker.mjs', folder)), [], {
    env: WORKER_ENVIRONMENT,
    execArgv: [],
    serialization: 'json',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
}

function collectErrorTail(child: ChildProcess): () => string {
  let tail = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-ERROR_TAIL_CHARS);
  });
  return () => tail.trim();
}

async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  if (child.connected) child.disconnect();
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await gone;
  clearTimeout(timer);
}

/** Sends the load command and listens from then on; resolves with the model when the worker is ready. */
function readyModel(
  child: ChildProcess,
  load: LoadCommand,
  { fail, onMessage, onExit }: WorkerDeps,
): Promise<WorkerModel> {
  const errorTail = collectErrorTail(child);
  return new Promise((resolve, reject) => {
    let ready = false;
    child.on('message', (raw) => {
      const message = workerMessage.parse(raw);
      if (message.t === 'ready') {
        ready = true;
        resolve(message.model);
      } else if (message.t === 'failed') {
        reject(fail('ENGINE_UNAVAILABLE', message.reason));
        child.disconnect();
      } else onMessage(message);
    });
    child.once('error', (cause) => reject(fail('ENGINE_UNAVAILABLE', 'cannot fork', { cause })));
    child.once('exit', (exit, signal) => {
      const how = signal ?? `exit code ${exit}`;
      const reason = `worker ended with ${how} ${errorTail()}`.trim();
      if (ready) onExit(reason);
      else reject(fail('ENGINE_CRASHED', reason));
    });
    child.send(load);
  });
}

/**
 * Starts the worker and loads the model, self-test included. Throws ENGINE_UNAVAILABLE when llama.cpp is
 * not installed or the model cannot be loaded, ENGINE_CRASHED when the process dies while loading.
 */
export async function startWorker(
  load: LoadCommand,
  deps: WorkerDeps,
  folder: URL = engineFolder,
): Promise<WorkerProcess> {
  const { fail } = deps;
  assertInstalled(folder, fail);
  const child = forkWorker(folder);
  const model = await readyModel(child, load, deps);
  return {
    processId: child.pid,
    model,
    send(command) {
      // A worker that just died says so through onExit, which fails its jobs; nothing to add here.
      if (child.connected) child.send(command, () => undefined);
    },
    stop: () => endProcess(child),
  };
}
