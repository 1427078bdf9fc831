/**
 * A plugin comes from a file, a folder, or an npm package (by name, as a folder with a package.json, or as an archive).
 * Files and folders are copied to the plugin folder of this user; packages go to `<home>/plugins`.
 *
 * What is added is shown before it may run: a package is installed without its scripts, and taken out again when the
 * user says no. Its commands are named by their files; none is imported until then.
 */
import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { basename, extname, join, resolve } from 'node:path';
import { AppError } from '@aitbc/protocol/errors';
import { commandsBelow, entriesOf, isCommandName } from '../command/command-tree.ts';
import { nearestWord } from '../command/nearest-word.ts';
import { ownLevel } from '../command/own-commands.ts';
import { usageError } from '../command/usage-error.ts';
import type { Ask } from '../context/ask.ts';
import type { Context } from '../context/context.ts';
import { type InstalledPlugin, listPlugins } from './list-plugins.ts';
import { npmInstall, npmUninstall } from './npm.ts';
import { isFolder, isPluginPackageName, readManifest, readPackage } from './plugin-roots.ts';

const help = ['plugin', 'add'];

/** What was recognised in the word behind `plugin add`. */
export type Addition =
  | { readonly kind: 'file' | 'folder'; readonly from: string; readonly name: string }
  | { readonly kind: 'package'; readonly from: string; readonly name: string | undefined };

/** What the word means. Throws CLI_USAGE when it is nothing that can be added. */
export function additionOf(what: string): Addition {
  const from = resolve(what);
  if (isFolder(from)) return folderAddition(from);
  if (existsSync(from)) return fileAddition(from);
  const name = /^((?:@[^/@]+\/)?[^/@]+)(?:@[\w.^~<>=*-]+)?$/.exec(what)?.[1];
  if (name !== undefined && isPluginPackageName(name)) return { kind: 'package', from: what, name };
  const hint = isCommandName(what) ? `; a package is named aitbc-plugin-${what}` : '';
  throw usageError(`${what} is no file, no folder and no package of commands${hint}`, help);
}

function folderAddition(from: string): Addition {
  const file = join(from, 'package.json');
  const name = basename(from);
  if (!existsSync(file)) return { kind: 'folder', from, name: commandNamed(name) };
  const manifest = readManifest(file);
  const named = typeof manifest === 'string' ? undefined : manifest.name;
  if (typeof named !== 'string' || !isPluginPackageName(named)) {
    throw usageError(`the package in ${from} must be named aitbc-plugin-…`, help);
  }
  const read = readPackage(named, from);
  if ('reason' in read) throw new AppError('PLUGIN_BROKEN', { plugin: from, reason: read.reason });
  return { kind: 'package', from, name: named };
}

function fileAddition(from: string): Addition {
  const extension = extname(from);
  if (extension === '.tgz') return { kind: 'package', from, name: undefined };
  if (extension === '.mjs' || extension === '.js') {
    return { kind: 'file', from, name: commandNamed(basename(from, extension)) };
  }
  throw usageError(`${from} is no .mjs or .js file`, help);
}

function commandNamed(name: string): string {
  if (!isCommandName(name)) {
    throw usageError(`"${name}" is no name of a command: small letters, digits and dashes`, help);
  }
  return name;
}

/** Adds it and answers what there is now; undefined when the user said no. */
export async function addPlugin(
  context: Context,
  addition: Addition,
  isConfirmed: boolean,
): Promise<InstalledPlugin | undefined> {
  assertCanDecide(context.ask, isConfirmed, 'Nothing was added. Say --yes to add it.');
  const added =
    addition.kind === 'package' ? packageSteps(context, addition) : copySteps(context, addition);
  const waiting = context.out.progress('installing …');
  const { name, commands, undo } = await added().finally(() => waiting.done());
  context.out.note(`${name} adds: ${commands.map((words) => `aitbc ${words}`).join(', ')}`);
  if (await isWanted(context, isConfirmed, undo)) return pluginNamed(context, name);
  await undo();
  return undefined;
}

/** Who leaves the question wants nothing to stay behind. */
async function isWanted(
  { ask }: Context,
  isConfirmed: boolean,
  undo: () => Promise<void>,
): Promise<boolean> {
  if (isConfirmed) return true;
  try {
    return await ask.confirm('Let it run?');
  } catch (error) {
    await undo();
    throw error;
  }
}

/** Where nobody can be asked, only `--yes` counts. Throws CLI_USAGE. */
export function assertCanDecide(ask: Ask, isConfirmed: boolean, reason: string): void {
  if (!isConfirmed && !ask.isPossible) throw new AppError('CLI_USAGE', { reason });
}

interface Added {
  readonly name: string;
  readonly commands: readonly string[];
  undo(): Promise<void>;
}

function packageSteps(context: Context, { from, name }: Addition): () => Promise<Added> {
  const { env, signal, pluginPlaces } = context;
  const place = { dir: pluginPlaces.packages, env, signal };
  return async () => {
    const before = new Set(packageNames(context));
    await npmInstall(from, place);
    const installed = name ?? packageNames(context).find((other) => !before.has(other));
    const dir = join(place.dir, 'node_modules', installed ?? '');
    const read =
      installed === undefined ? { reason: 'it has no commands' } : readPackage(installed, dir);
    // Also after Ctrl-C, which has ended the signal of the command.
    const undo = () =>
      npmUninstall(installed ?? from, { ...place, signal: new AbortController().signal });
    if (installed === undefined || 'reason' in read) {
      await undo();
      const reason = 'reason' in read ? read.reason : 'it has no commands';
      throw new AppError('PLUGIN_BROKEN', { plugin: from, reason });
    }
    return { name: installed, commands: wordsBelow(read.root.dir), undo };
  };
}

function packageNames({ pluginPlaces }: Context): string[] {
  const manifest = readManifest(join(pluginPlaces.packages, 'package.json'));
  if (typeof manifest === 'string') return [];
  return Object.keys((manifest.dependencies as object | undefined) ?? {});
}

function copySteps({ pluginPlaces }: Context, addition: Addition): () => Promise<Added> {
  const { from, kind, name = '' } = addition;
  return async () => {
    const own = entriesOf(ownLevel());
    if (own.commands.has(name) || (kind === 'file' && own.groups.has(name))) {
      throw usageError(`there is a command ${name} in aitbc already`, help);
    }
    const to = join(pluginPlaces.usual, basename(from));
    if (existsSync(to)) throw usageError(`${to} exists already; remove it first`, help);
    const commands = kind === 'file' ? [name] : wordsBelow(from).map((words) => `${name} ${words}`);
    if (commands.length === 0) throw usageError(`the folder ${from} has no commands`, help);
    mkdirSync(pluginPlaces.usual, { recursive: true, mode: 0o700 });
    cpSync(from, to, { recursive: true, errorOnExist: true, force: false });
    return { name, commands, undo: async () => rmSync(to, { recursive: true, force: true }) };
  };
}

function wordsBelow(dir: string): string[] {
  return commandsBelow({ roots: [{ dir, isPlugin: true }] }).map(({ path }) => path.join(' '));
}

/** An installed plugin. Throws CLI_USAGE with the nearest name. */
export async function pluginNamed(
  { pluginPlaces }: Context,
  name: string,
): Promise<InstalledPlugin> {
  const plugins = await listPlugins(pluginPlaces);
  const found = plugins.find(
    (plugin) => plugin.name === name || plugin.name === `aitbc-plugin-${name}`,
  );
  if (found) return found;
  const nearest = nearestWord(
    name,
    plugins.map((plugin) => plugin.name),
  );
  const hint = nearest === undefined ? '' : ` (Did you mean ${nearest}?)`;
  throw usageError(`there is no plugin ${name}${hint}; see aitbc plugin list`, ['plugin']);
}

/** Removes a plugin. Throws CLI_USAGE for one that lies in a folder of `--plugin-dir`. */
export async function removePlugin(context: Context, plugin: InstalledPlugin): Promise<void> {
  const { env, signal, pluginPlaces } = context;
  const { packages, usual } = pluginPlaces;
  if (plugin.kind === 'package' && plugin.at.startsWith(join(packages, 'node_modules'))) {
    return npmUninstall(plugin.name, { dir: packages, env, signal });
  }
  if (plugin.kind !== 'package' && plugin.at.startsWith(join(usual, plugin.name))) {
    return rmSync(plugin.at, { recursive: true, force: true });
  }
  throw usageError(`${plugin.at} was not added by aitbc plugin add; remove it yourself`, [
    'plugin',
    'remove',
  ]);
}
