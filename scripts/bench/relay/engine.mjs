/**
 * The engine of the relay benchmark: an OpenAI server whose tokens are the time at which they were made, nanoseconds of the
 * clock that all processes of this machine share. The seed of a request is the time between two tokens, ms.
 */
import { after } from '../lib/processes.mjs';

const engines = new URL('../../../apps/provider/dist/engines/', import.meta.url);
const { classifyEngineError } = await import(new URL('engine.js', engines));
const { createEngineServer } = await import(new URL('testing/engine-server.js', engines));

const model = { name: 'bench-model', contextMax: 8_192, serves: ['chat'], resume: 'none' };
const promptTokens = 24;
const slots = 4_096;

async function* generate({ maxTokens, seed = 0 }, { signal }) {
  const begunMs = performance.now();
  for (let at = 0; at < maxTokens; at += 1) {
    await after(Math.max(0, begunMs + (at + 1) * seed - performance.now()));
    signal.throwIfAborted();
    yield { type: 'tokens', text: `${process.hrtime.bigint()} `, tokens: 1 };
  }
  yield { type: 'end', reason: 'length', promptTokens, completionTokens: maxTokens };
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
