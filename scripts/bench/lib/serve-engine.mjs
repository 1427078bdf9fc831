/**
 * The engine of a benchmark as a process: the test engine's OpenAI server over an engine that says what it is told. Without
 * a seed each token comes in a turn of its own, as fast as the server goes; a seed is the time between two
 * tokens in milliseconds, so that one request chooses its pace through every hop.
 */
import { after } from './processes.mjs';

const engines = new URL('../../../apps/provider/dist/engines/', import.meta.url);
const { classifyEngineError } = await import(new URL('engine.js', engines));
const { createEngineServer } = await import(new URL('testing/engine-server.js', engines));

const model = { name: 'bench-model', contextMax: 8_192, serves: ['chat'], resume: 'none' };
const promptTokens = 24;
const slots = 4_096;

/** Serves until the process ends and prints its URL; `wordOf` gives the text of a token by its place. */
export async function serveEngine(wordOf) {
  async function* generate({ maxTokens, seed }, { signal }) {
    const begunMs = performance.now();
    for (let at = 0; at < maxTokens; at += 1) {
      await turn(seed === undefined ? undefined : begunMs + (at + 1) * seed);
      signal.throwIfAborted();
      yield { type: 'tokens', text: wordOf(at), tokens: 1 };
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
}

function turn(dueMs) {
  if (dueMs === undefined) return new Promise((resolve) => setImmediate(resolve));
  return after(Math.max(0, dueMs - performance.now()));
}
