import { bundledModelPath } from './bundled-model.ts';
import { createEmbeddedEngine } from './embedded/embedded-engine.ts';
import { createEngineErrors, type Engine, type EngineProbe, type EngineResume } from './engine.ts';
import { createOllamaEngine, OLLAMA_URL_DEFAULT } from './ollama/ollama-engine.ts';
import { createOpenaiEngine } from './openai/openai-engine.ts';

/** A dead port answers at once; a port that swallows packets must not hold up the start. */
const PROBE_TIMEOUT_MS = 5_000;

export interface DetectOptions {
  /** Default 127.0.0.1:11434; `null` does not look for an Ollama. */
  readonly ollamaUrl?: string | null;
  readonly openaiUrl?: string;
  /** A GGUF file for the embedded engine; default: the small model of this app. */
  readonly modelPath?: string;
  /** The owner's word on how answers are continued; default: what each engine is known to do. */
  readonly resume?: EngineResume;
  /** Models of the OpenAI-compatible server that make vectors. */
  readonly embedModels?: readonly string[];
  readonly probeTimeoutMs?: number;
}

/** An engine that was asked and not taken, with its error. */
export interface PassedOver {
  readonly engine: Engine['kind'];
  readonly error: unknown;
}

export interface DetectedEngine {
  /** Started; the caller stops it. */
  readonly engine: Engine;
  readonly probe: EngineProbe;
  readonly passedOver: readonly PassedOver[];
}

/**
 * Finds the engine to sell: Ollama, else the OpenAI-compatible server that is configured, else the
 * embedded one. An engine that answers but has no model, or is too old, is passed over and named. Throws
 * the error of the last one when none can be used.
 */
export async function detectEngine(
  options: DetectOptions,
  signal: AbortSignal,
): Promise<DetectedEngine> {
  const passedOver: PassedOver[] = [];
  for (const engine of candidatesOf(options)) {
    signal.throwIfAborted();
    const found = await tryEngine(engine, options, signal);
    if ('probe' in found) return { engine, probe: found.probe, passedOver };
    passedOver.push({ engine: engine.kind, error: found.error });
  }
  throw passedOver.at(-1)!.error;
}

/** Starts and probes one engine; an engine that cannot be used is stopped again. */
async function tryEngine(
  engine: Engine,
  { probeTimeoutMs = PROBE_TIMEOUT_MS }: DetectOptions,
  signal: AbortSignal,
): Promise<{ readonly probe: EngineProbe } | { readonly error: unknown }> {
  try {
    await engine.start();
    const probe = await engine.probe(
      AbortSignal.any([signal, AbortSignal.timeout(probeTimeoutMs)]),
    );
    if (probe.models.length > 0) return { probe };
    throw createEngineErrors(engine.kind)('ENGINE_UNAVAILABLE', 'it has no model to sell');
  } catch (error) {
    await engine.stop();
    return { error };
  }
}

function candidatesOf(options: DetectOptions): Engine[] {
  const {
    ollamaUrl = OLLAMA_URL_DEFAULT,
    openaiUrl,
    modelPath,
    resume,
    embedModels = [],
  } = options;
  const flag = resume === undefined ? {} : { resume };
  return [
    ...(ollamaUrl === null ? [] : [createOllamaEngine({ baseUrl: ollamaUrl, ...flag })]),
    ...(openaiUrl === undefined
      ? []
      : [createOpenaiEngine({ baseUrl: openaiUrl, embedModels, ...flag })]),
    createEmbeddedEngine({ modelPath: modelPath ?? bundledModelPath() }),
  ];
}
