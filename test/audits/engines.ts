/** Engines for tests of audits: real models, and sellers that name other weights than they run. */
import { readFileSync, writeFileSync } from 'node:fs';
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

interface Requantise {
  requantised(model: Buffer, quantization: 'q4_0' | 'q8_0'): Buffer;
}

/** A file with the same model in four bits, as a provider makes it that wants to save memory. */
export async function fourBitModel(path: string, folder: string): Promise<string> {
  const file = join(folder, 'four-bit.gguf');
  const script = new URL('../../scripts/audit-curve/requantise.mjs', import.meta.url);
  const { requantised } = (await import(script.href)) as Requantise; // scripts are no package
  writeFileSync(file, requantised(readFileSync(path), 'q4_0'));
  return file;
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
