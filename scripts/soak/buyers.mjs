/** Buyers of the soak: paid answers in every dialect, clients that go away in mid-answer, asynchronous jobs. */
import { after } from '../bench/lib/processes.mjs';
import { createCount, keepDoing } from './pace.mjs';
import { model } from './system.mjs';

const tokens = 40;
const patienceMs = 30_000;
const jobPolls = 40;
const jobPollMs = 250;

/** Calls of all dialects; the text differs each time. */
const calls = [
  (text) => ['/v1/chat/completions', { messages: said(text), max_tokens: tokens, stream: true }],
  (text) => ['/v1/messages', { messages: said(text), max_tokens: tokens, stream: true }],
  (text) => ['/api/chat', { messages: said(text), options: { num_predict: tokens } }],
  (text) => ['/v1/responses', { input: text, max_output_tokens: tokens, stream: true }],
  (text) => ['/v1/chat/completions', { messages: said(text), max_tokens: tokens }],
  (text) => ['/api/generate', { prompt: text, options: { num_predict: tokens }, stream: false }],
  (text) => ['/v1/completions', { prompt: text, max_tokens: tokens, stream: true }],
];

const said = (content) => [{ role: 'user', content }];

/** Starts all buyers; `counts` are filled as they go. */
export function startBuyers({ url, coordinator, signal, scale }) {
  const counts = {
    answers: createCount('paid answers'),
    kills: createCount('clients killed in mid-answer'),
    jobs: createCount('asynchronous jobs'),
  };
  const plan = (count, perSecond, parallel) => ({
    count,
    everyMs: 1_000 / (perSecond * scale),
    parallel,
    signal,
  });
  const running = [
    keepDoing((turn) => buy(url, turn), plan(counts.answers, 7, 32)),
    keepDoing((turn) => leave(url, turn), plan(counts.kills, 1, 8)),
    keepDoing((turn) => submit({ url, coordinator }, turn), plan(counts.jobs, 1, 16)),
  ];
  return { counts, running };
}

async function buy(url, turn) {
  const [path, body] = calls[turn % calls.length](`Say words, please: number ${turn}.`);
  const answer = await post(url, { path, body: { model, ...body } });
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`${path} answers ${answer.status}: ${text}`);
  if (!text.includes('word')) throw new Error(`${path} answers without words`);
}

/** A slow stream, left after its first words. */
async function leave(url, turn) {
  const ending = new AbortController();
  const body = { model, messages: said(`Slowly: ${turn}.`), max_tokens: tokens, stream: true };
  const answer = await post(url, {
    path: '/v1/chat/completions',
    body: { ...body, seed: 25 }, // the engine takes it for the time between two tokens
    signal: ending.signal,
  });
  const reader = answer.body.getReader();
  await reader.read();
  await after(200 + (turn % 5) * 100);
  ending.abort();
  await reader.cancel().catch(() => {}); // it is broken off already
}

async function submit({ url, coordinator }, turn) {
  const messages = said(`Later, please: ${turn}.`);
  const answer = await post(url, {
    path: '/v1/aitbc/jobs',
    body: { model, messages, max_tokens: tokens },
  });
  const job = await answer.json();
  if (answer.status !== 200) throw new Error(job.code ?? `it answers ${answer.status}`);
  for (let left = jobPolls; left > 0; left -= 1) {
    await after(jobPollMs);
    const { state } = await (await fetch(`${coordinator}/v1/jobs/${job.jobId}`)).json();
    if (state === 'completed') return;
    if (['failed', 'expired', 'cancelled'].includes(state)) throw new Error(`a job is ${state}`);
  }
  throw new Error('a job has not ended in time');
}

function post(url, { path, body, signal }) {
  const patience = AbortSignal.timeout(patienceMs);
  return fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: signal ? AbortSignal.any([signal, patience]) : patience,
  });
}
