/**
 * Where plugins are found, in this order: the folder of `--plugin-dir`, `~/.config/aitbc/plugins`, and npm packages
 * named `aitbc-plugin-…` in the node_modules of those two and of `<home>/plugins`. A package says in its package.json
 * which of its folders holds commands: `"aitbc": {"commands": "./commands"}`.
 *
 * Only folders are listed and package.json files read here; nothing of a plugin runs before one of its commands is
 * called or shown in a list. A package.json of more than a megabyte is not read, and sources beyond the first 200 are
 * left out.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import type { CommandRoot, HiddenEntry } from '../command/command-tree.ts';

/** A plugin folder or an installed package. */
export interface PluginSource {
  readonly kind: 'folder' | 'package';
  /** Name of the package, or path of the folder. */
  readonly name: string;
  /** Of the package; undefined for folders. */
  readonly version: string | undefined;
  /** Folder of the package, or the plugin folder itself. */
  readonly at: string;
  readonly root: CommandRoot;
}

/** Plugins, and what looked like one. */
export interface PluginSources {
  readonly sources: readonly PluginSource[];
  readonly broken: readonly HiddenEntry[];
}

/** Folders to look in. */
export interface PluginPlaces {
  /** `--plugin-dir`, absolute. */
  readonly named: string | undefined;
  /** The folder of this user's own plugins. */
  readonly usual: string;
  /** Where `plugin add` installs packages. */
  readonly packages: string;
}

const sourcesMax = 200;
const packageJsonMaxBytes = 1_048_576;
const packagePattern = /^aitbc-plugin-[a-z0-9][a-z0-9._-]*$/;

/** True for the name of a package of commands: `aitbc-plugin-…` or `@scope/aitbc-plugin-…`. */
export function isPluginPackageName(name: string): boolean {
  const [scope, own] = name.includes('/') ? name.split('/', 2) : ['@', name];
  return /^@[a-z0-9._-]*$/.test(scope ?? '') && packagePattern.test(own ?? '');
}

/** Reads what is there now. Never throws: what cannot be read is listed as broken. */
export function findPlugins({ named, usual, packages }: PluginPlaces): PluginSources {
  const folders = [...(named === undefined ? [] : [named]), usual].filter(isFolder);
  const broken: HiddenEntry[] = [];
  const sources: PluginSource[] = folders.map((dir) => ({
    ...{ kind: 'folder', name: dir, version: undefined, at: dir },
    root: { dir, isPlugin: true },
  }));
  for (const dir of new Set([...folders, packages])) {
    for (const at of packagesIn(join(dir, 'node_modules'))) {
      const source = readPackage(at.name, at.dir);
      if ('reason' in source) broken.push({ path: at.dir, reason: source.reason });
      else sources.push(source);
    }
  }
  return { sources: sources.slice(0, sourcesMax), broken };
}

/** True for a folder that exists; a text that cannot be a path is none. */
export function isFolder(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch {
    return false;
  }
}

function packagesIn(modules: string): { name: string; dir: string }[] {
  const names = namesIn(modules).flatMap((name) =>
    name.startsWith('@') ? namesIn(join(modules, name)).map((own) => `${name}/${own}`) : [name],
  );
  return names.filter(isPluginPackageName).map((name) => ({ name, dir: join(modules, name) }));
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir).sort();
  } catch {
    return []; // most users have none
  }
}

/** The commands of the package in a folder, or why it has none. */
export function readPackage(name: string, dir: string): PluginSource | { readonly reason: string } {
  const manifest = readManifest(join(dir, 'package.json'));
  if (typeof manifest === 'string') return { reason: manifest };
  const { aitbc, version } = manifest;
  const commands = (aitbc as { commands?: unknown } | undefined)?.commands;
  if (typeof commands !== 'string') return { reason: 'its package.json has no aitbc.commands' };
  const folder = resolve(dir, commands);
  if (relative(dir, folder).startsWith('..') || !isFolder(folder)) {
    return { reason: `its aitbc.commands ${commands} is no folder of the package` };
  }
  return {
    ...{ kind: 'package', name, at: dir, root: { dir: folder, isPlugin: true } },
    version: typeof version === 'string' ? version : undefined,
  };
}

/** The object in a package.json, or why there is none. */
export function readManifest(file: string): Readonly<Record<string, unknown>> | string {
  try {
    const { size } = statSync(file);
    if (size > packageJsonMaxBytes) return 'its package.json is too large';
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return typeof value === 'object' && value !== null
      ? (value as Record<string, unknown>)
      : 'its package.json is no object';
  } catch (error) {
    return error instanceof SyntaxError
      ? 'its package.json is no JSON'
      : `its package.json cannot be read: ${(error as Error).message}`;
  }
}
