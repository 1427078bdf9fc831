/**
 * The embedded engine: llama.cpp through node-llama-cpp, in a child process, with a GGUF file by path.
 *
 * Model: the child holds `slots` sequences. This side knows which requests are on their way (jobs.ts),
 * refuses what does not fit (ENGINE_BUSY; the provider owns the queue) and grants tokens: a job starts
 * with RUN_AHEAD_TOKENS and gets more only as the consumer pulls, so an unpaid job stands still.
 *
 * States: stopped → starting → ready → (worker dies) restarting → ready. While restarting, requests get
 * ENGINE_UNAVAILABLE with `retryAfterMs`. Delays double up to a limit and start again from the lowest
 * after a minute without a crash.
 *
 * A broken answer is continued exactly at temperature 0 (engine-llama/replay.mjs), at others as well as
 * its text allows.
 *
 * Audits (engine-llama/audit.mjs) come last: there is one at a time, it starts only where a slot is free, its tokens wait
 * behind those of paid jobs in a batch, and it is given up when a paid job needs its slot.
 *
 * Limits: one model per engine; the sequence is cleared between jobs, so no prompt of one buyer stays
 * in memory for another and greedy answers repeat exactly. Vectors of texts are made one text after another. Rejected: running llama.cpp inside the
 * provider process, because a crash in native code would end paid jobs of other engines too.
 */
import { AppError, type ReplayMeasure } from '@aitbc/protocol';
import {
  classifyEngineError,
  createEngineErrors,
  type Engine,
  type EngineAudit,
  type EngineEmbeddings,
  type EngineEmbedRequest,
  type EngineEvent,
  type EngineRequest,
  RUN_AHEAD_TOKENS,
} from '../engine.ts';
import { createEventQueue } from '../event-queue.ts';
import { createJobs, failJob, type Job, type Jobs } from './jobs.ts';
import { createKeptWorker, type EmbeddedOptions } from './kept-worker.ts';
import type { WorkerEnd, WorkerMessage, WorkerRequest } from './worker-messages.ts';
import type { WorkerProcess } from './worker-process.ts';

/** Slots of the small default model; each costs one context of memory. */
const SLOTS_DEFAULT = 4;
/** Grants go out in groups, so that they cost one message for several tokens. */
const GRANT_TOKENS = RUN_AHEAD_TOKENS / 2;
/** What every model can do here. */
const abilities = { serves: ['chat', 'embed'], resume: 'exact' } as const;

/** The embedded engine, with the process id of its worker for the owner's process list. */
export interface EmbeddedEngine extends Engine {
  processId(): number | undefined;
}

function workerRequestOf(request: EngineRequest): WorkerRequest {
  const { temperature, topP, topK, seed, messages, prefixText, maxTokens, stop } = request;
  return {
    messages: messages.map(({ role, content }) => ({ role, content })),
    maxTokens,
    ...(prefixText === undefined ? {} : { prefixText }),
    ...(stop === undefined ? {} : { stop }),
    sampling: {
      ...(temperature === undefined ? {} : { temperature }),
      ...(topP === undefined ? {} : { topP }),
      ...(topK === undefined ? {} : { topK }),
      ...(seed === undefined ? {} : { seed }),
    },
  };
}

function endEventOf({ reason, promptTokens, completionTokens }: WorkerEnd): EngineEvent {
  if (reason === 'cancelled') throw new AppError('CANCELLED');
  return { type: 'end', reason, promptTokens, completionTokens };
}

/** Collects pulled tokens and grants them in groups. */
function createGranter(send: (tokens: number) => void): (tokens: number) => void {
  let owed = 0;
  return (tokens) => {
    owed += tokens;
    if (owed < GRANT_TOKENS) return;
    send(owed);
    owed = 0;
  };
}

/** One generation on a worker: run, grant as the consumer pulls, cancel when it leaves. */
async function* generateOn(
  child: WorkerProcess,
  jobs: Jobs,
  { request, signal }: { readonly request: EngineRequest; readonly signal: AbortSignal },
): AsyncGenerator<EngineEvent, void, void> {
  const queue = createEventQueue<WorkerEnd>();
  const id = jobs.add({ kind: 'run', queue });
  const onAbort = () => {
    leave(child, jobs, id);
    queue.fail(signal.reason);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  child.send({ t: 'run', id, request: workerRequestOf(request), credits: RUN_AHEAD_TOKENS });
  const grant = createGranter((tokens) => child.send({ t: 'grant', id, tokens }));
  try {
    for (;;) {
      const event = await queue.next();
      if ('last' in event) {
        yield endEventOf(event.last);
        return;
      }
      yield event;
      grant(event.tokens);
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    leave(child, jobs, id);
  }
}

/** Forgets a job that the worker has not ended; its sequence is free within a token. */
function leave(child: WorkerProcess, jobs: Jobs, id: number): void {
  if (jobs.take(id)) child.send({ t: 'cancel', id });
}

async function countOn(
  child: WorkerProcess,
  jobs: Jobs,
  { request, signal }: { readonly request: EngineRequest; readonly signal: AbortSignal },
): Promise<number> {
  signal.throwIfAborted();
  let id = 0;
  const onAbort = () => failJob(jobs.take(id), signal.reason);
  try {
    return await new Promise((resolve, reject) => {
      id = jobs.add({ kind: 'count', resolve, reject });
      signal.addEventListener('abort', onAbort, { once: true });
      child.send({ t: 'count', id, request: workerRequestOf(request) });
    });
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

async function embedOn(
  child: WorkerProcess,
  jobs: Jobs,
  { request, signal }: { readonly request: EngineEmbedRequest; readonly signal: AbortSignal },
): Promise<EngineEmbeddings> {
  let id = 0;
  const onAbort = () => giveUp(child, jobs, { id, reason: signal.reason });
  try {
    const { vectors, promptTokens } = await new Promise<EngineEmbeddings>((resolve, reject) => {
      id = jobs.add({ kind: 'embed', resolve, reject });
      signal.addEventListener('abort', onAbort, { once: true });
      child.send({ t: 'embed', id, inputs: request.inputs });
    });
    return { vectors, promptTokens };
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

async function auditOn(
  child: WorkerProcess,
  jobs: Jobs,
  { request, formerText, text, signal }: EngineAudit,
): Promise<ReplayMeasure> {
  let id = 0;
  const onAbort = () => giveUp(child, jobs, { id, reason: signal.reason });
  const { messages, stop } = request;
  const sampling = { temperature: 0 } as const;
  try {
    return await new Promise((resolve, reject) => {
      id = jobs.add({ kind: 'audit', resolve, reject });
      signal.addEventListener('abort', onAbort, { once: true });
      const replay = { messages, stop, prefixText: formerText, text, sampling };
      child.send({ t: 'audit', id, request: replay });
    });
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Ends a job that has one answer; its sequence is free within a part of the reading. */
function giveUp(
  child: WorkerProcess,
  jobs: Jobs,
  { id, reason }: { readonly id: number; readonly reason: unknown },
): void {
  child.send({ t: 'cancel', id });
  failJob(jobs.take(id), reason);
}

/** Hands a message of the worker to its job; gives the number of tokens in it. */
function deliver(message: WorkerMessage, jobs: Jobs): number {
  if (message.t === 'ready' || message.t === 'failed') return 0;
  if (message.t === 'pieces') {
    const queue = jobs.queueOf(message.id);
    for (const [text, tokens] of message.p) queue?.push({ type: 'tokens', text, tokens });
    return message.p.reduce((sum, [, tokens]) => sum + tokens, 0);
  }
  answer(jobs.take(message.id), message);
  return 0;
}

type LastMessage = Exclude<WorkerMessage, { t: 'ready' | 'failed' | 'pieces' }>;

function answer(job: Job | undefined, message: LastMessage): void {
  if (message.t === 'refused') {
    const code = message.bad ? 'ENGINE_BAD_REQUEST' : 'ENGINE_CRASHED';
    failJob(job, createEngineErrors('embedded')(code, message.reason));
  } else if (message.t === 'end' && job?.kind === 'run') job.queue.end(message);
  else if (message.t === 'counted' && job?.kind === 'count') job.resolve(message.tokens);
  else if (message.t === 'embedded' && job?.kind === 'embed') job.resolve(message);
  else if (message.t === 'audited' && job?.kind === 'audit') job.resolve(message.measure);
}

/** Makes the embedded engine; `start` loads the model and may take seconds. */
export function createEmbeddedEngine(options: EmbeddedOptions): EmbeddedEngine {
  const slots = options.slots ?? SLOTS_DEFAULT;
  const jobs = createJobs();
  const fail = createEngineErrors('embedded');
  const counters = { calls: 0, tokens: 0 };
  const worker = createKeptWorker(options, {
    slots,
    onMessage: (message) => {
      counters.tokens += deliver(message, jobs);
    },
    onGone: (error) => jobs.failAll(error),
  });

  function workerFor({ model }: { readonly model: string }): WorkerProcess {
    const child = worker.current();
    if (model === child.model.name) return child;
    throw new AppError('ENGINE_MODEL_UNKNOWN', { engine: 'embedded', model });
  }

  /** The worker, when one more request fits. */
  function workerWithRoom(request: { readonly model: string }): WorkerProcess {
    const child = workerFor(request);
    if (jobs.running() >= slots) throw fail('ENGINE_BUSY', `all ${slots} slots work`);
    const id = jobs.auditId();
    if (id !== undefined && jobs.running() + 1 >= slots) {
      giveUp(child, jobs, { id, reason: fail('ENGINE_BUSY', 'a paid job took the slot') });
    }
    counters.calls += 1;
    return child;
  }

  /** The worker, when it has the weights and nothing else to do on one of its slots. */
  function workerForAudit(digest: string): WorkerProcess {
    const child = worker.current();
    if (digest !== child.model.digest) {
      throw new AppError('ENGINE_MODEL_UNKNOWN', { engine: 'embedded', model: digest });
    }
    if (jobs.running() < slots && jobs.auditId() === undefined) return child;
    throw fail('ENGINE_BUSY', 'no slot is free for an audit');
  }

  return {
    kind: 'embedded',
    backPressure: 'tokens',
    start: worker.start,
    stop: worker.stop,
    async probe() {
      const { version, ...model } = worker.current().model;
      return { engine: 'embedded', version, models: [{ ...model, ...abilities }] };
    },
    async *generate(request, { signal }) {
      signal.throwIfAborted();
      yield* generateOn(workerWithRoom(request), jobs, { request, signal });
    },
    async embed(request, { signal }) {
      signal.throwIfAborted();
      return embedOn(workerWithRoom(request), jobs, { request, signal });
    },
    async audit(subject) {
      subject.signal.throwIfAborted();
      return auditOn(workerForAudit(subject.digest), jobs, subject);
    },
    countPromptTokens: async (request, signal) =>
      countOn(workerFor(request), jobs, { request, signal }),
    gauges: () => ({ state: worker.state(), running: jobs.running(), slots, ...counters }),
    classify: classifyEngineError,
    processId: worker.processId,
  };
}
