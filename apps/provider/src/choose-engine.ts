import { AppError } from '@aitbc/protocol';
import type { ProviderConfig } from './config.ts';
import { detectEngine } from './engines/detect-engine.ts';
import type { Engine, EngineProbe, EngineResume } from './engines/engine.ts';
import { createOllamaEngine } from './engines/ollama/ollama-engine.ts';
import { createOpenaiEngine } from './engines/openai/openai-engine.ts';

/** A started engine and what it has. */
export interface ChosenEngine {
  readonly engine: Engine;
  readonly probe: EngineProbe;
}

/** Jobs at once where the engine does not say: Ollama runs one by default, servers batch. */
const slotsOfKind = { ollama: 1, openai: 4, embedded: 1 } as const;

/** The engine the owner named, or the first that answers. Throws the engine's own error. */
export async function chooseEngine(
  config: ProviderConfig,
  signal: AbortSignal,
): Promise<ChosenEngine> {
  const { engine: kind, ollamaUrl, openaiUrl, modelPath, embedModels } = config;
  const resume = resumeOf(config.resume);
  if (kind === 'ollama')
    return started(createOllamaEngine({ baseUrl: ollamaUrl, ...resume }), signal);
  if (kind === 'openai') {
    if (openaiUrl === '') throw new AppError('CONFIG_INVALID', { reason: 'openaiUrl is not set' });
    const engine = createOpenaiEngine({ baseUrl: openaiUrl, embedModels, ...resume });
    return started(engine, signal);
  }
  const model = modelPath === undefined ? {} : { modelPath };
  if (kind === 'embedded') return detectEngine({ ollamaUrl: null, ...model }, signal);
  const openai = openaiUrl === '' ? {} : { openaiUrl };
  return detectEngine({ ollamaUrl, embedModels, ...resume, ...openai, ...model }, signal);
}

/** The owner's word, as the engines spell it; nothing for `auto`. */
function resumeOf(word: string): { readonly resume?: EngineResume } {
  if (word === 'exact' || word === 'none') return { resume: word };
  return word === 'best-effort' ? { resume: 'best effort' } : {};
}

async function started(engine: Engine, signal: AbortSignal): Promise<ChosenEngine> {
  await engine.start();
  try {
    return { engine, probe: await engine.probe(signal) };
  } catch (error) {
    await engine.stop();
    throw error;
  }
}

/** Models that the engine holds at once; 0 for all. Ollama's own limit cannot be asked for. */
export function residentModelsOf(configured: number, { kind }: Engine): number {
  if (configured >= 0) return configured;
  return kind === 'ollama' ? 1 : 0;
}

/** Jobs that run at once: as set, else as the engine says, else as measured, else as is usual. */
export function slotsOf(configured: number, engine: Engine, measured?: number): number {
  if (configured > 0) return configured;
  return engine.gauges().slots ?? measured ?? slotsOfKind[engine.kind];
}
