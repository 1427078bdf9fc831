/** All commands of one run: our own and those of plugins. */
import { type ConfiguredHost, pluginPlacesOf } from '../context/context.ts';
import { findPlugins, isFolder } from '../plugin/plugin-roots.ts';
import type { HiddenEntry, Level } from './command-tree.ts';
import type { GlobalValues } from './global-options.ts';
import { ownLevel } from './own-commands.ts';
import { usageError } from './usage-error.ts';

/** The top of the tree, and what looked like a plugin and is none. */
export interface CommandRoots {
  readonly top: Level;
  readonly broken: readonly HiddenEntry[];
}

/** Looks for plugins. Throws CLI_USAGE when the folder of `--plugin-dir` does not exist. */
export function commandRoots(
  { configured, env }: ConfiguredHost,
  globals: GlobalValues,
): CommandRoots {
  const places = pluginPlacesOf(globals, env);
  const { sources, broken } = findPlugins(places);
  const top = { roots: [...ownLevel().roots, ...sources.map(({ root }) => root)] };
  const { named } = places;
  if (named === undefined || isFolder(named)) return { top, broken };
  const reason = `the plugin folder ${named} does not exist`;
  // Out of config.toml it must not stop the command that would correct it.
  const isTyped = configured.flags.pluginDir !== undefined || configured.env.AITBC_PLUGIN_DIR;
  if (isTyped) throw usageError(reason, []);
  return { top, broken: [...broken, { path: named, reason }] };
}
