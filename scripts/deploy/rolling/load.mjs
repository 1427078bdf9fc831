/** Paid jobs without a pause: streams through the gateway, and asynchronous jobs through the coordinator. */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

const streamTokens = 64;
const jobTokens = 16;
const pollMs = 50;
const answerTimeoutMs = 60_000;

/** Starts `streams` loops of streams and one of asynchronous jobs. */
export function startLoad({ gateway, coordinator, model, streams }) {
  const ending = new AbortController();
  const told = { streams: 0, jobs: 0, failed: [], longestGapMs: 0, longestFirstMs: 0 };
  const loop = async (work, name) => {
    for (let number = 0; !ending.signal.aborted; number += 1) {
      await work(`rolling ${name}-${number}`).catch((error) => {
        told.failed.push(`${name}-${number}: ${error.message}`);
      });
    }
  };
  const stream = (text) => readStream({ gateway, model, text, told });
  const job = (text) => runJob({ gateway, coordinator, model, text, told });
  const loops = Array.from({ length: streams }, (_, at) => loop(stream, `stream-${at}`));
  loops.push(loop(job, 'job'));
  return {
    told,
    async end() {
      ending.abort();
      await Promise.all(loops);
    },
  };
}

const bodyOf = (model, text, most) => ({
  model,
  messages: [{ role: 'user', content: `${text}: how is an index used?` }],
  max_tokens: most,
  temperature: 0,
});

function post(url, body) {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(answerTimeoutMs),
  });
}

async function readStream({ gateway, model, text, told }) {
  const begunMs = performance.now();
  const body = { ...bodyOf(model, text, streamTokens), stream: true };
  const answer = await post(`${gateway}/v1/chat/completions`, body);
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  const decoder = new TextDecoder();
  let whole = '';
  let lastMs = 0;
  for await (const chunk of answer.body) {
    const piece = decoder.decode(chunk, { stream: true });
    whole += piece;
    if (!piece.includes('"content":"')) continue;
    const nowMs = performance.now();
    if (lastMs === 0) told.longestFirstMs = Math.max(told.longestFirstMs, nowMs - begunMs);
    else told.longestGapMs = Math.max(told.longestGapMs, nowMs - lastMs);
    lastMs = nowMs;
  }
  if (!whole.includes('data: [DONE]') || whole.includes('"error"')) {
    throw new Error(`a stream ended early: ${whole.slice(-300)}`);
  }
  told.streams += 1;
}

/** A caller asks again while the coordinator changes; that the job itself fails or is lost is a failure. */
async function runJob({ gateway, coordinator, model, text, told }) {
  const answer = await post(`${gateway}/v1/aitbc/jobs`, bodyOf(model, text, jobTokens));
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  const { jobId } = await answer.json();
  const endMs = performance.now() + answerTimeoutMs;
  for (;;) {
    const state = await stateOf(`${coordinator}/v1/jobs/${jobId}`);
    if (state === 'completed') break;
    if (['failed', 'expired', 'cancelled'].includes(state)) throw new Error(`${jobId} ${state}`);
    if (performance.now() > endMs) throw new Error(`${jobId} is ${state} after a minute`);
    await sleep(pollMs);
  }
  told.jobs += 1;
}

async function stateOf(url) {
  try {
    const answer = await fetch(url);
    return answer.ok ? (await answer.json()).state : `answer ${answer.status}`;
  } catch {
    return 'away';
  }
}
