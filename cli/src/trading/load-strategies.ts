/**
 * All strategies of this user: ours, and those of the folder `<home>/strategies`. A plugin is a file `name.mjs` whose
 * default export has the shape of `Strategy` (docs/trading.md). One that is broken, or takes the name of another, is named
 * and left out.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Strategy, strategies, strategyFault } from '@aitbc/market';
import { AppError } from '@aitbc/protocol';
import type { Context } from '../context/context.ts';

/** A strategy and where it comes from. */
export interface KnownStrategy {
  readonly strategy: Strategy;
  /** `built in`, or the file. */
  readonly source: string;
}

const pluginsMax = 100;

/** Folder of plugins. */
export function strategiesDir({ home }: Pick<Context, 'home'>): string {
  return join(home, 'strategies');
}

/** All of them, ours first. */
export async function loadStrategies(
  context: Pick<Context, 'home' | 'out'>,
): Promise<readonly KnownStrategy[]> {
  const known: KnownStrategy[] = strategies.map((strategy) => ({ strategy, source: 'built in' }));
  for (const file of pluginFiles(strategiesDir(context))) {
    const reason = await addPlugin(known, file);
    if (reason === undefined) continue;
    context.out.note(new AppError('PLUGIN_BROKEN', { plugin: file, reason }).message);
  }
  return known;
}

function pluginFiles(dir: string): string[] {
  if (!existsSync(dir)) return [];
  const files = readdirSync(dir).filter((name) => name.endsWith('.mjs'));
  return files
    .sort()
    .slice(0, pluginsMax)
    .map((name) => join(dir, name));
}

/** Why it was left out, undefined when it was not. */
async function addPlugin(known: KnownStrategy[], file: string): Promise<string | undefined> {
  let found: unknown;
  try {
    const module = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as {
      default?: unknown;
    };
    found = module.default;
  } catch (error) {
    return (error as Error)?.message?.split('\n')[0] ?? String(error);
  }
  const fault = strategyFault(found);
  if (fault !== undefined) return fault;
  const strategy = found as Strategy;
  if (known.some(({ strategy: { name } }) => name === strategy.name)) {
    return `there is another strategy ${strategy.name}`;
  }
  known.push({ strategy, source: file });
  return undefined;
}

/** The strategy of a name. Throws CLI_USAGE that lists them. */
export async function findStrategy(
  context: Pick<Context, 'home' | 'out'>,
  name: string,
): Promise<KnownStrategy> {
  const known = await loadStrategies(context);
  const found = known.find(({ strategy }) => strategy.name === name);
  if (found) return found;
  const names = known.map(({ strategy }) => strategy.name).join(', ');
  throw new AppError('CLI_USAGE', { reason: `There is no strategy ${name}. Known: ${names}.` });
}
