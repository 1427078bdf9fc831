/** The engine of the fuzzed devnet: it answers at once, whatever is asked, and never takes its pace from a caller. */
const engines = new URL('../../../apps/provider/dist/engines/', import.meta.url);
const { classifyEngineError } = await import(new URL('engine.js', engines));
const { createEngineServer } = await import(new URL('testing/engine-server.js', engines));

const tokensMax = 64;
const model = { name: 'fuzz-model', contextMax: 8_192, serves: ['chat', 'embed'], resume: 'none' };

async function* generate({ maxTokens }, { signal }) {
  const count = Math.min(maxTokens, tokensMax);
  for (let at = 0; at < count; at += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    signal.throwIfAborted();
    yield { type: 'tokens', text: 'word ', tokens: 1 };
  }
  yield { type: 'end', reason: 'stop', promptTokens: 24, completionTokens: count };
}

const server = createEngineServer({
  engine: {
    ...{ kind: 'openai', backPressure: 'tokens', start: async () => {}, stop: async () => {} },
    probe: async () => ({ engine: 'openai', version: 'fuzz', models: [model] }),
    generate,
    embed: async ({ inputs }) => ({ vectors: inputs.map(() => [0.1, 0.2]), promptTokens: 1 }),
    countPromptTokens: async () => undefined,
    gauges: () => ({ state: 'ready', running: 0, slots: 4_096, calls: 0, tokens: 0 }),
    classify: classifyEngineError,
  },
});
await server.start();
console.log(JSON.stringify({ url: server.url() }));
