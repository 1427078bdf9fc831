import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundledModelPath } from './bundled-model.ts';
import { detectEngine } from './detect-engine.ts';
import { createEmbeddedEngine } from './embedded/embedded-engine.ts';
import { createEngineServer } from './testing/engine-server.ts';

const nobody = 'http://127.0.0.1:1';
const behind = createEmbeddedEngine({ modelPath: bundledModelPath() });
const server = createEngineServer({ engine: behind });
const old = createEngineServer({ engine: behind, version: '0.11.0' });
const signal = () => AbortSignal.timeout(20_000);

beforeAll(async () => {
  await behind.start();
  await server.start();
  await old.start();
});
afterAll(async () => {
  await server.stop();
  await old.stop();
  await behind.stop();
});

describe('detectEngine', () => {
  it('takes an Ollama that answers', async () => {
    const { engine, probe, passedOver } = await detectEngine({ ollamaUrl: server.url() }, signal());
    expect(probe).toMatchObject({ engine: 'ollama', models: [{ name: 'tiny-sqlite-docs' }] });
    expect(passedOver).toEqual([]);
    await engine.stop();
  });

  it('takes the configured OpenAI server when no Ollama answers', async () => {
    const options = { ollamaUrl: nobody, openaiUrl: server.url() };
    const { engine, passedOver } = await detectEngine(options, signal());
    expect(engine.kind).toBe('openai');
    expect(passedOver).toMatchObject([{ engine: 'ollama', error: { code: 'ENGINE_UNAVAILABLE' } }]);
    await engine.stop();
  });

  it('falls back to the embedded engine and names what it passed over', async () => {
    const options = { ollamaUrl: old.url(), openaiUrl: nobody };
    const { engine, probe, passedOver } = await detectEngine(options, signal());
    expect(probe.engine).toBe('embedded');
    expect(passedOver).toMatchObject([
      { engine: 'ollama', error: { code: 'ENGINE_TOO_OLD' } },
      { engine: 'openai', error: { code: 'ENGINE_UNAVAILABLE' } },
    ]);
    await engine.stop();
  });

  it('throws the last error when nothing can be used', async () => {
    const options = { ollamaUrl: null, modelPath: '/nowhere/model.gguf' };
    await expect(detectEngine(options, signal())).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
    });
  });

  it('stops looking when it is told to', async () => {
    const reason = new Error('enough');
    const looking = detectEngine({ ollamaUrl: server.url() }, AbortSignal.abort(reason));
    await expect(looking).rejects.toBe(reason);
  });
});
