/** Engines over real models, and sellers that name other weights than they run. */
import { dirname, join } from 'node:path';
import {
  bundledModelPath,
  type ChosenEngine,
  type EmbeddedEngine,
  type EngineModel,
} from '@aitbc/provider/testing';

/** The small model that lies beside the bundled one. */
export function smallModelPath(): string {
  return join(dirname(bundledModelPath()), 'tiny-small-f16.gguf');
}

/** The engine as a seller shows it; the test keeps the engine itself and stops it. */
export async function chosenOf(engine: EmbeddedEngine): Promise<ChosenEngine> {
  const probe = await engine.probe(AbortSignal.timeout(10_000));
  return { probe, engine: { ...engine, start: async () => {}, stop: async () => {} } };
}

/** A seller that runs one model and sells it as another one: name, digest and promises are those of the other. */
export function disguised(real: ChosenEngine, as: EngineModel): ChosenEngine {
  const { audit: _, ...engine } = real.engine;
  const own = real.probe.models[0]?.name ?? '';
  const probe = { ...real.probe, models: [as] };
  return {
    probe,
    engine: {
      ...engine,
      probe: async () => probe,
      generate: (request, options) => engine.generate({ ...request, model: own }, options),
      countPromptTokens: (request, signal) =>
        engine.countPromptTokens({ ...request, model: own }, signal),
    },
  };
}
