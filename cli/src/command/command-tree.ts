/**
 * Commands are found by their path: words become folders and a file, and only that file is imported.
 *
 * Several folders lie on top of each other: our own commands first, then the plugins. At each step the
 * entries of all of them are read together, so a plugin may add a command to a group of ours, but never
 * replace one.
 */
import { type Dirent, readdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { AppError } from '@aitbc/protocol';
import { type Command, type Group, isCommand } from './define-command.ts';

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

/** Entries of a level, sorted by name. */
export interface Entries {
  readonly groups: ReadonlyMap<string, Level>;
  readonly commands: ReadonlyMap<string, CommandFile>;
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

const ownExtension = extname(fileURLToPath(import.meta.url));
const extensions = new Set(['.js', '.mjs', ownExtension]);
const groupFileName = 'group';
const namePattern = /^[a-z][a-z0-9-]*$/;

/** Reads the folders of a level. */
export function entriesOf({ roots }: Level): Entries {
  const folders = new Map<string, CommandRoot[]>();
  const commands = new Map<string, CommandFile>();
  for (const root of roots) {
    for (const entry of readdirSync(root.dir, { withFileTypes: true })) {
      const path = join(root.dir, entry.name);
      const name = commandNameOf(entry);
      if (entry.isDirectory() && namePattern.test(entry.name)) {
        const known = folders.get(entry.name) ?? [];
        folders.set(entry.name, [...known, { ...root, dir: path }]);
      } else if (name !== undefined && !commands.has(name)) {
        commands.set(name, { name, file: path, isPlugin: root.isPlugin });
      }
    }
  }
  for (const name of folders.keys()) commands.delete(name);
  const groups = [...folders].map(([name, list]) => [name, { roots: list }] as const);
  return { groups: new Map(groups.sort(byName)), commands: new Map([...commands].sort(byName)) };
}

function byName([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number {
  return left < right ? -1 : 1;
}

function commandNameOf(entry: Dirent): string | undefined {
  const extension = extname(entry.name);
  if (!extensions.has(extension) || entry.isDirectory()) return undefined;
  const name = entry.name.slice(0, -extension.length);
  return namePattern.test(name) && name !== groupFileName ? name : undefined;
}

/** Follows the words in front of the first option as far as they name groups and a command. */
export function findCommand(top: Level, words: readonly string[]): Found {
  let level = top;
  const path: string[] = [];
  for (;;) {
    const rest = words.slice(path.length);
    const [word] = rest;
    const { groups, commands } = entriesOf(level);
    const group = word === undefined ? undefined : groups.get(word);
    const file = word === undefined ? undefined : commands.get(word);
    if (word !== undefined && file) {
      return { kind: 'command', path: [...path, word], file, rest: rest.slice(1) };
    }
    if (word === undefined || !group) return { kind: 'group', path, level, rest };
    path.push(word);
    level = group;
  }
}

/** Imports a command. Throws PLUGIN_BROKEN for a plugin that is none. */
export async function loadCommand({ name, file, isPlugin }: CommandFile): Promise<Command> {
  const exported = await importDefault(file, isPlugin ? name : undefined);
  if (isCommand(exported))
    return { ...exported, examples: exported.examples ?? [], run: exported.run };
  if (!isPlugin) throw new TypeError(`${file} does not export a command`);
  throw broken(file, 'its default export has no summary and run()');
}

/** One line about a group; a plugin may leave it out. */
export async function loadGroup(name: string, { roots }: Level): Promise<Group> {
  for (const { dir, isPlugin } of roots) {
    const entry = readdirSync(dir).find((file) => isGroupFile(file));
    if (entry === undefined) continue;
    const exported = await importDefault(join(dir, entry), isPlugin ? name : undefined);
    const { summary } = (exported ?? {}) as Partial<Group>;
    if (typeof summary === 'string') return { summary };
  }
  return { summary: 'commands of a plugin' };
}

function isGroupFile(file: string): boolean {
  return extensions.has(extname(file)) && file === `${groupFileName}${extname(file)}`;
}

async function importDefault(file: string, plugin: string | undefined): Promise<unknown> {
  try {
    const module = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as {
      default?: unknown;
    };
    return module.default;
  } catch (error) {
    if (plugin === undefined) throw error;
    throw broken(file, (error as Error)?.message ?? String(error), error);
  }
}

function broken(file: string, reason: string, cause?: unknown): AppError {
  const line = reason.split('\n')[0] ?? '';
  return new AppError('PLUGIN_BROKEN', { plugin: file, reason: line }, { cause });
}
