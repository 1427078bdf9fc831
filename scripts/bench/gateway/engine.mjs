/**
 * The engine of the gateway benchmark as a process: the test engine's OpenAI server over an engine that says fixed words. Without
 * a seed each token comes in a turn of its own, as fast as the server goes; a seed is the time between two
 * tokens in milliseconds, so that one request chooses its pace through every hop.
 */
import { after } from '../lib/processes.mjs';

const engines = new URL('../../../apps/provider/dist/engines/', import.meta.url);
const { classifyEngineError } = await import(new URL('engine.js', engines));
const { createEngineServer } = await import(new URL('testing/engine-server.js', engines));

const model = { name: 'bench-model', contextMax: 8_192, serves: ['chat'], resume: 'none' };
const promptTokens = 24;
const slots = 4_096;

async function* generate({ maxTokens, seed }, { signal }) {
  const begunMs = performance.now();
  for (let at = 0; at < maxTokens; at += 1) {
    await turn(seed === undefined ? undefined : begunMs + (at + 1) * seed);
    signal.throwIfAborted();
    yield { type: 'tokens', text: `word${at % 10} `, tokens: 1 };
  }
  yield { type: 'end', reason: 'length', promptTokens, completionTokens: maxTokens };
}

function turn(dueMs) {
  if (dueMs === undefined) return new Promise((resolve) => setImmediate(resolve));
  return after(Math.max(0, dueMs - performance.now()));
}

const engine = {
  kind: 'openai',
  backPressure: 'tokens',
  start: async () => {},
  stop: async () => {},
  probe: async () => ({ engine: 'openai', version: 'bench', models: [model] }),
  generate,
  embed: async () => ({ vectors: [], promptTokens: 0 }),
  countPromptTokens: async () => undefined,
  gauges: () => ({ state: 'ready', running: 0, slots, calls: 0, tokens: 0 }),
  classify: classifyEngineError,
};

const server = createEngineServer({ engine });
await server.start();
console.log(JSON.stringify({ url: server.url() }));
