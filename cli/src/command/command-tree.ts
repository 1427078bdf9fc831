/**
 * Commands are found by their path: words become folders and a file, and only that file is imported.
 *
 * Several folders lie on top of each other: our own commands first, then the plugins. At each step the
 * entries of all of them are read together, so a plugin may add a command to a group of ours, but never
 * replace one: who comes first has the name, the other one is listed as hidden.
 */
import { type Dirent, readdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { AppError } from '@aitbc/protocol/errors';
import { commandFault } from './check-command.ts';
import type { Command, Group } from './define-command.ts';

/** A folder of commands. A broken file is an error in our own, and skipped in a plugin. */
export interface CommandRoot {
  readonly dir: string;
  readonly isPlugin: boolean;
}

/** A file that holds a command. */
export interface CommandFile {
  readonly name: string;
  readonly file: string;
  readonly isPlugin: boolean;
}

/** A group: the folders that make it up. The top of the tree is one, too. */
export interface Level {
  readonly roots: readonly CommandRoot[];
}

/** A file or folder that has no place, and why. */
export interface HiddenEntry {
  readonly path: string;
  readonly reason: string;
}

/** Entries of a level, sorted by name. */
export interface Entries {
  readonly groups: ReadonlyMap<string, Level>;
  readonly commands: ReadonlyMap<string, CommandFile>;
  /** What plugins have under a name that is taken, and their folders that cannot be read. */
  readonly hidden: readonly HiddenEntry[];
}

/** Where the words lead. */
export type Found =
  | {
      readonly kind: 'command';
      readonly path: readonly string[];
      readonly file: CommandFile;
      readonly rest: readonly string[];
    }
  | {
      readonly kind: 'group';
      readonly path: readonly string[];
      readonly level: Level;
      readonly rest: readonly string[];
    };

/** Other names of our groups, for people who know them from elsewhere. */
export const groupAliases: Readonly<Record<string, string>> = { blockchain: 'chain' };

const ownExtension = extname(fileURLToPath(import.meta.url));
const extensions = new Set(['.js', '.mjs', ownExtension]);
const groupFileName = 'group';
const namePattern = /^[a-z][a-z0-9-]*$/;

/** True for a word that can be the name of a command or group. */
export function isCommandName(word: string): boolean {
  return namePattern.test(word) && word !== groupFileName;
}

/** Reads the folders of a level. */
export function entriesOf({ roots }: Level): Entries {
  const groups = new Map<string, CommandRoot[]>();
  const commands = new Map<string, CommandFile>();
  const hidden: HiddenEntry[] = [];
  for (const root of roots) {
    const { folders, files } = namesIn(root, hidden);
    for (const [name, dir] of folders) {
      if (commands.has(name)) hidden.push(taken(dir, name));
      else groups.set(name, [...(groups.get(name) ?? []), { ...root, dir }]);
    }
    for (const [name, file] of files) {
      if (commands.has(name) || groups.has(name)) hidden.push(taken(file, name));
      else commands.set(name, { name, file, isPlugin: root.isPlugin });
    }
  }
  const levels = [...groups].map(([name, list]) => [name, { roots: list }] as const);
  return {
    groups: new Map(levels.sort(byName)),
    commands: new Map([...commands].sort(byName)),
    hidden,
  };
}

function taken(path: string, name: string): HiddenEntry {
  return { path, reason: `the name ${name} is taken` };
}

type NamedPath = readonly [name: string, path: string];

/** Folders and command files of one root, by name. */
function namesIn(root: CommandRoot, hidden: HiddenEntry[]) {
  const folders: NamedPath[] = [];
  const files: NamedPath[] = [];
  for (const entry of readFolder(root, hidden)) {
    const path = join(root.dir, entry.name);
    const name = commandNameOf(entry);
    if (name !== undefined) files.push([name, path]);
    else if (!entry.isFile() && isCommandName(entry.name)) folders.push([entry.name, path]);
  }
  return { folders, files };
}

/** A plugin's folder that cannot be read has no entries. */
function readFolder({ dir, isPlugin }: CommandRoot, hidden: HiddenEntry[]): Dirent[] {
  try {
    return readdirSync(dir, { withFileTypes: true });
  } catch (error) {
    if (!isPlugin) throw error;
    hidden.push({ path: dir, reason: (error as Error).message });
    return [];
  }
}

function byName([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number {
  return left < right ? -1 : 1;
}

function commandNameOf(entry: Dirent): string | undefined {
  const extension = extname(entry.name);
  if (!extensions.has(extension) || entry.isDirectory()) return undefined;
  const name = entry.name.slice(0, -extension.length);
  return isCommandName(name) ? name : undefined;
}

/** Follows the words in front of the first option as far as they name groups and a command. */
export function findCommand(top: Level, words: readonly string[]): Found {
  let level = top;
  const path: string[] = [];
  for (;;) {
    const rest = words.slice(path.length);
    const [word] = rest;
    const { groups, commands } = entriesOf(level);
    const name = path.length === 0 ? withoutAlias(word, { groups, commands }) : word;
    const group = name === undefined ? undefined : groups.get(name);
    const file = name === undefined ? undefined : commands.get(name);
    if (name !== undefined && file) {
      return { kind: 'command', path: [...path, name], file, rest: rest.slice(1) };
    }
    if (name === undefined || !group) return { kind: 'group', path, level, rest };
    path.push(name);
    level = group;
  }
}

function withoutAlias(
  word: string | undefined,
  { groups, commands }: Pick<Entries, 'groups' | 'commands'>,
): string | undefined {
  if (word === undefined || groups.has(word) || commands.has(word)) return word;
  return Object.hasOwn(groupAliases, word) ? groupAliases[word] : word;
}

/** Every command below a level, with its path. */
export function commandsBelow(
  level: Level,
  path: readonly string[] = [],
): { readonly path: readonly string[]; readonly file: CommandFile }[] {
  const { groups, commands } = entriesOf(level);
  const own = [...commands.values()].map((file) => ({ path: [...path, file.name], file }));
  return [...own, ...[...groups].flatMap(([name, next]) => commandsBelow(next, [...path, name]))];
}

/** Imports a command. Throws PLUGIN_BROKEN for a plugin that is none. */
export async function loadCommand({ file, isPlugin }: CommandFile): Promise<Command> {
  const exported = await importDefault(file, isPlugin);
  const fault = commandFault(exported);
  if (fault === undefined) {
    const command = exported as Command;
    return { ...command, examples: command.examples ?? [], run: command.run };
  }
  if (!isPlugin) throw new TypeError(`${file} is no command: ${fault}`);
  throw brokenPlugin(file, fault);
}

/** One line about a group; a plugin may leave it out. */
export async function loadGroup({ roots }: Level): Promise<Group> {
  for (const { dir, isPlugin } of roots) {
    const entry = readdirSync(dir).find((file) => isGroupFile(file));
    if (entry === undefined) continue;
    const exported = await importDefault(join(dir, entry), isPlugin).catch((error: unknown) => {
      if (!isPlugin) throw error;
    });
    const { summary } = (exported ?? {}) as Partial<Group>;
    if (typeof summary === 'string') return { summary };
  }
  return { summary: 'Commands of a plugin' };
}

function isGroupFile(file: string): boolean {
  return extensions.has(extname(file)) && file === `${groupFileName}${extname(file)}`;
}

async function importDefault(file: string, isPlugin: boolean): Promise<unknown> {
  try {
    const module = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as {
      default?: unknown;
    };
    return module.default;
  } catch (error) {
    if (!isPlugin) throw error;
    throw brokenPlugin(file, (error as Error)?.message ?? String(error), error);
  }
}

/** PLUGIN_BROKEN; the reason is cut to its first line. */
export function brokenPlugin(plugin: string, reason: string, cause?: unknown): AppError {
  const line = reason.split('\n')[0] ?? '';
  return new AppError('PLUGIN_BROKEN', { plugin, reason: line }, { cause });
}
