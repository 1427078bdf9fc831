/**
 * The worker process: llama.cpp behind IPC. It is a process of its own because native code that
 * crashes must not take the provider, its journal and its queue along.
 *
 * In:  load · run · grant · cancel · count · embed · audit.
 * Out: ready | failed · pieces · end | refused · counted · embedded · audited.
 * It leaves when its parent leaves (the IPC channel closes), however the parent died.
 */
import { runAudit } from './audit.mjs';
import { createCredits, runEmbedding, runJob } from './job.mjs';
import { loadModel, prefixTokensOf, promptTokensOf } from './model.mjs';
import { LOW_PRIORITY } from './read-text.mjs';

const jobs = new Map();
let loaded;
let freeSequences = [];
const waiting = [];

process.on('disconnect', () => process.exit(0));

function send(message) {
  if (process.connected) process.send(message);
}

/** `evaluation`: options of the engine for all that the job reads. */
function newJob(id, credits, evaluation) {
  return { id, evaluation, cancelled: false, credits: createCredits(credits) };
}

/** One token through the whole path: some builds crash on the first batch, better now than later. */
async function selfTest() {
  const request = {
    messages: [{ role: 'user', content: 'Hi' }],
    maxTokens: 1,
    sampling: { temperature: 0 },
  };
  const job = newJob(0, 2);
  const result = await runJob({
    loaded,
    sequence: loaded.sequences[0],
    request,
    job,
    send: () => {},
  });
  if (result.t !== 'end') throw new Error(`self-test failed: ${result.reason}`);
}

async function load(message) {
  try {
    loaded = await loadModel(message);
    await selfTest();
    freeSequences = [...loaded.sequences];
    send({ t: 'ready', model: loaded.facts });
  } catch (error) {
    send({ t: 'failed', reason: error.message });
  }
}

/** The next free sequence. The parent has at most one job or audit per slot, so only cancelled ones are waited for. */
async function takeSequence(job) {
  const free = freeSequences.pop();
  if (free) return free;
  return new Promise((resolve) => waiting.push({ job, resolve }));
}

function giveBack(sequence) {
  const next = waiting.shift();
  if (next) next.resolve(sequence);
  else freeSequences.push(sequence);
}

function leaveWaiting(job) {
  const index = waiting.findIndex((entry) => entry.job === job);
  if (index >= 0) waiting.splice(index, 1)[0].resolve(undefined);
}

async function run({ id, request, credits }) {
  const job = newJob(id, credits);
  jobs.set(id, job);
  const sequence = await takeSequence(job);
  if (sequence) {
    const last = await runJob({ loaded, sequence, request, job, send });
    giveBack(sequence);
    send(last);
  }
  jobs.delete(id);
}

/** An audit that was cancelled has been given up by the parent: nothing more is said of it. */
async function audit({ id, request }) {
  const job = newJob(id, 0, LOW_PRIORITY);
  jobs.set(id, job);
  const sequence = await takeSequence(job);
  if (sequence) {
    const last = await runAudit({ loaded, sequence, request, job });
    giveBack(sequence);
    if (last) send(last);
  }
  jobs.delete(id);
}

function cancel({ id }) {
  const job = jobs.get(id);
  if (!job) return;
  job.cancelled = true;
  job.credits.interrupt();
  leaveWaiting(job);
}

function count({ id, request }) {
  try {
    const tokens = promptTokensOf(loaded, request).length + prefixTokensOf(loaded, request).length;
    send({ t: 'counted', id, tokens });
  } catch (error) {
    send({ t: 'refused', id, bad: true, reason: error.message });
  }
}

async function embed({ id, inputs }) {
  const job = newJob(id, 0);
  jobs.set(id, job);
  const last = await runEmbedding({ loaded, inputs, job });
  jobs.delete(id);
  if (last) send(last);
}

const handlers = {
  load,
  run,
  cancel,
  count,
  embed,
  audit,
  grant: ({ id, tokens }) => jobs.get(id)?.credits.grant(tokens),
};

process.on('message', (message) => handlers[message.t](message));
