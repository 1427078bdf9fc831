/**
 * Jobs that are really generated and really replayed. A model runs in a worker process of its own, one for each
 * provider and one for the auditor; they meet only in the text.
 */
import { canaryRequestOf } from '@aitbc/market';
import { hex, sha256, utf8 } from '@aitbc/primitives';
import { createEmbeddedEngine } from '@aitbc/provider/testing';

const model = 'model';
/** Jobs ask for so many tokens, evenly on a logarithmic scale; many end earlier. */
const [tokensMin, tokensMax] = [12, 400];
const slotsAtOnce = 4;
const { signal } = new AbortController();

/** The requests of a row: each job has its own. */
export function requestsOf(row, count, seed) {
  return Array.from({ length: count }, (_, at) => {
    const draw = hex(sha256(utf8(`${seed}:${row.name}:${at}`)));
    const part = Number.parseInt(draw.slice(0, 8), 16) / 2 ** 32;
    const maxTokens = Math.round(tokensMin * (tokensMax / tokensMin) ** part);
    const cutShare = row.isBroken ? Number.parseInt(draw.slice(8, 16), 16) / 2 ** 32 : 0;
    return { ...canaryRequestOf(draw, model), maxTokens, cutShare };
  });
}

/** Starts the engine of a model file, runs `work` with it, and ends it. */
export async function withEngine(modelPath, work) {
  const engine = createEmbeddedEngine({ modelPath, name: model, slots: slotsAtOnce });
  await engine.start();
  try {
    return await work(engine);
  } finally {
    await engine.stop();
  }
}

async function generate(engine, request) {
  let text = '';
  for await (const event of engine.generate({ model, temperature: 0, ...request }, { signal })) {
    if (event.type === 'end') return { text, tokens: event.completionTokens, reason: event.reason };
    text += event.text;
  }
  throw new Error('an answer had no end');
}

/** An answer, whole or, for a row of broken answers, from a place in the middle on. */
async function answerOf(engine, { messages, maxTokens, cutShare }) {
  const cutTokens = Math.max(1, Math.floor(maxTokens * cutShare));
  const first = cutShare > 0 && (await generate(engine, { messages, maxTokens: cutTokens }));
  if (!first || first.reason === 'stop' || first.tokens >= maxTokens) {
    const whole = await generate(engine, { messages, maxTokens });
    return { formerText: '', text: whole.text, tokens: whole.tokens };
  }
  const rest = { messages, maxTokens: maxTokens - first.tokens, prefixText: first.text };
  const { text, tokens } = await generate(engine, rest);
  return { formerText: first.text, text, tokens };
}

/** All answers, so many at once. */
async function answersOf(engine, requests, atOnce) {
  const answers = [];
  let next = 0;
  const run = async () => {
    while (next < requests.length) {
      const at = next;
      next += 1;
      answers[at] = await answerOf(engine, requests[at]);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, run));
  return answers;
}

/** One row: jobs of a provider and what the auditor measured of each, with the seconds that both took. */
export async function measureRow({ row, modelPath, auditor, digest, count, seed }) {
  const requests = requestsOf(row, count, seed);
  const begunMs = performance.now();
  const answers = await withEngine(modelPath, (engine) => answersOf(engine, requests, row.atOnce));
  const madeMs = performance.now();
  const jobs = [];
  for (const [at, { formerText, text, tokens }] of answers.entries()) {
    const { messages, stop } = requests[at];
    const measure = await auditor.audit({
      ...{ digest, formerText, text, signal },
      request: { messages, stop },
    });
    jobs.push({ soldTokens: tokens, ...measure });
  }
  const seconds = {
    made: (madeMs - begunMs) / 1_000,
    audited: (performance.now() - madeMs) / 1_000,
  };
  return { ...row, seconds, jobs };
}
