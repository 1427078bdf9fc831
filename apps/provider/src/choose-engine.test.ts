import { loadConfig } from '@aitbc/service';
import { describe, expect, it } from 'vitest';
import { chooseEngine, slotsOf } from './choose-engine.ts';
import { providerConfig } from './config.ts';
import type { Engine } from './engines/engine.ts';

function choose(...argv: string[]) {
  return chooseEngine(loadConfig(providerConfig, { argv, env: {} }), AbortSignal.timeout(20_000));
}

describe('the engine an owner names', () => {
  it('is not replaced by another when it does not answer', async () => {
    const dead = 'http://127.0.0.1:1';
    await expect(choose('--engine', 'ollama', '--ollama-url', dead)).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
    });
    await expect(choose('--engine', 'openai', '--openai-url', dead)).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
    });
    await expect(choose('--engine', 'embedded', '--model-path', '/none')).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
    });
  });

  it('is CONFIG_INVALID when it is an OpenAI server without an address', async () => {
    await expect(choose('--engine', 'openai')).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});

describe('the number of jobs at once', () => {
  const engine = (kind: Engine['kind'], slots: number | undefined) =>
    ({ kind, gauges: () => ({ slots }) }) as unknown as Engine;

  it("is the owner's, else the engine's, else what such engines usually have", () => {
    expect(slotsOf(7, engine('openai', 3))).toBe(7);
    expect(slotsOf(0, engine('openai', 3))).toBe(3);
    expect(slotsOf(0, engine('openai', undefined))).toBe(4);
    expect(slotsOf(0, engine('ollama', undefined))).toBe(1);
  });
});
