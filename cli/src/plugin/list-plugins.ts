/** The plugins of this user, one by one: every package, and every file and folder in a plugin folder. */
import { join } from 'node:path';
import { commandsBelow, findCommand, type Level, loadCommand } from '../command/command-tree.ts';
import { ownLevel } from '../command/own-commands.ts';
import { findPlugins, type PluginPlaces, type PluginSource } from './plugin-roots.ts';

/** A plugin and what it adds. */
export interface InstalledPlugin {
  readonly name: string;
  readonly kind: 'package' | 'file' | 'folder';
  /** Of a package; null for files and folders. */
  readonly version: string | null;
  /** The file, or the folder. */
  readonly at: string;
  /** `group command`, only those that work. */
  readonly commands: readonly string[];
  /** What was skipped, and why; empty for a sound plugin. */
  readonly broken: readonly { readonly file: string; readonly reason: string }[];
}

interface CheckedFile {
  readonly path: readonly string[];
  readonly file: string;
  /** undefined when it works. */
  readonly fault: string | undefined;
}

/** Imports every command of every plugin to see whether it works. */
export async function listPlugins(places: PluginPlaces): Promise<InstalledPlugin[]> {
  const { sources, broken } = findPlugins(places);
  const all = { roots: [...ownLevel().roots, ...sources.map(({ root }) => root)] };
  const sound = await Promise.all(sources.map((source) => pluginsOf(source, all)));
  const unread = broken.map(({ path, reason }) => ({
    ...{ name: nameIn(path), kind: 'package' as const, version: null, at: path, commands: [] },
    broken: [{ file: path, reason }],
  }));
  return [...sound.flat(), ...unread];
}

/** `@scope/name` or `name` behind the last node_modules. */
function nameIn(path: string): string {
  return path.split(/node_modules[\\/]/).at(-1) ?? path;
}

async function pluginsOf(source: PluginSource, all: Level): Promise<InstalledPlugin[]> {
  const { name, version = null, at, root } = source;
  const files = commandsBelow({ roots: [root] });
  const checked = await Promise.all(
    files.map(async ({ path, file }) => {
      const found = findCommand(all, path);
      const isPlaced = found.kind === 'command' && found.file.file === file.file;
      const fault = isPlaced ? await faultOf(file) : `the name ${path.join(' ')} is taken`;
      return { path, file: file.file, fault };
    }),
  );
  if (source.kind === 'package') {
    return [{ name, kind: 'package', version, at, ...sortedOut(checked) }];
  }
  return [...new Set(checked.map(({ path }) => path[0] ?? ''))].map((top) => {
    const own = checked.filter(({ path }) => path[0] === top);
    const file = own.find(({ path }) => path.length === 1)?.file;
    const place = file === undefined ? { kind: 'folder' as const, at: join(at, top) } : undefined;
    return {
      ...(place ?? { kind: 'file' as const, at: file as string }),
      ...{ name: top, version: null },
      ...sortedOut(own),
    };
  });
}

function sortedOut(files: readonly CheckedFile[]) {
  return {
    commands: files.filter(({ fault }) => fault === undefined).map(({ path }) => path.join(' ')),
    broken: files.flatMap(({ file, fault }) =>
      fault === undefined ? [] : [{ file, reason: fault }],
    ),
  };
}

async function faultOf(file: Parameters<typeof loadCommand>[0]): Promise<string | undefined> {
  try {
    await loadCommand(file);
    return undefined;
  } catch (error) {
    const { facts } = error as { facts?: { reason?: string } };
    return facts?.reason ?? String(error);
  }
}
