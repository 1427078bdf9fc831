/** Looks at the engine that a provider with these settings would sell, without selling anything. */
import { loadConfig } from '@aitbc/service';
import { chooseEngine } from './choose-engine.ts';
import { providerConfig } from './config.ts';

/** A model as far as its price is concerned. */
export interface SellableModel {
  readonly name: string;
  /** `sha256:<hex>`; empty if unknown. */
  readonly digest: string;
  readonly parameters: number | undefined;
}

export interface FindModelsOptions {
  /** Settings of the daemon as its command line has them. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Starts the engine, asks for its models and stops it again. Throws the engine's error. */
export async function findModels(
  { argv, env }: FindModelsOptions,
  signal: AbortSignal,
): Promise<readonly SellableModel[]> {
  const config = loadConfig(providerConfig, { argv: [...argv], env: { ...env } });
  const { engine, probe } = await chooseEngine(config, signal);
  await engine.stop();
  return probe.models
    .filter(({ name }) => config.models.length === 0 || config.models.includes(name))
    .map(({ name, digest = '', parameters }) => ({ name, digest, parameters }));
}
