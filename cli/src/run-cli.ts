/**
 * One run of the command line: take out the global options, find the command by its path, import only
 * that file, parse, run, report. Answers the exit code; everything it touches comes in as `host`.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError } from '@aitbc/protocol';
import {
  type CommandRoot,
  type Entries,
  entriesOf,
  type Found,
  findCommand,
  type Level,
  loadCommand,
  loadGroup,
} from './command/command-tree.ts';
import {
  type GlobalValues,
  type SplitArguments,
  splitArguments,
} from './command/global-options.ts';
import {
  type HelpOutput,
  type ListedCommand,
  parseInput,
  printGroupHelp,
  unknownCommand,
  usageError,
} from './command/program.ts';
import { reportError } from './command/report-error.ts';
import { type Host, homeOf, openContext, outOf } from './context/context.ts';
import type { Out } from './context/out.ts';
import type { Urls } from './context/running-devnet.ts';
import { topExamples, topTitle } from './top-page.ts';

export type { Host } from './context/context.ts';

const helpColumns = 100;
const helpWords = ['--help', '-h', 'help'];

/** Folder of our own commands. */
export const commandsDir = fileURLToPath(new URL('./commands/', import.meta.url));

/** Runs the command that `host.argv` names. Never throws; the answer is the exit code. */
export async function runCli(host: Host): Promise<number> {
  const split = splitArguments(host.argv, host.env);
  const out = outOf(host, split.globals);
  const place: { urls: Urls | undefined } = { urls: undefined };
  try {
    return await dispatch(host, split, { out, place });
  } catch (error) {
    const shown = host.signal.aborted ? new AppError('CANCELLED', {}, { cause: error }) : error;
    return reportError(shown, out, place);
  }
}

interface Run {
  readonly out: Out;
  readonly place: { urls: Urls | undefined };
}

async function dispatch(host: Host, split: SplitArguments, run: Run): Promise<number> {
  const { globals, incomplete } = split;
  if (incomplete !== undefined) throw usageError(`the option ${incomplete} needs a value`, []);
  if (split.rest.some((word) => word === '--version' || word === '-V')) {
    run.out.line(host.version);
    return 0;
  }
  const top: Level = { roots: commandRoots(globals, host.env) };
  const found = findCommand(top, helpLast(split.rest));
  const help = helpOutputOf(host, run.out);
  if (found.kind === 'group') return explainGroup(found, help, { host, out: run.out });
  return runFound(found, { host, globals, run, help });
}

/** `aitbc help wallet` and `aitbc --help wallet` ask for the same as `aitbc wallet --help`. */
function helpLast(words: readonly string[]): readonly string[] {
  const [first, ...others] = words;
  return first !== undefined && helpWords.includes(first) ? [...others, '--help'] : words;
}

function commandRoots(
  globals: GlobalValues,
  env: Readonly<Record<string, string | undefined>>,
): CommandRoot[] {
  const own: CommandRoot = { dir: commandsDir, isPlugin: false };
  const config = env.XDG_CONFIG_HOME || join(env.HOME || homeOf(globals, env), '.config');
  const usual = join(config, 'aitbc', 'plugins');
  const named = globals.pluginDir === undefined ? [] : [resolve(globals.pluginDir)];
  for (const dir of named) {
    if (!existsSync(dir)) throw usageError(`the plugin folder ${dir} does not exist`, []);
  }
  const plugins = [...named, ...(existsSync(usual) ? [usual] : [])];
  return [own, ...plugins.map((dir) => ({ dir, isPlugin: true }))];
}

function helpOutputOf({ stdout }: Host, out: Out): HelpOutput {
  return {
    write: (text) => void stdout.write(text),
    columns: Math.min(helpColumns, stdout.columns ?? helpColumns),
    paint: (style, text) => out.style(style, text),
  };
}

type FoundGroup = Extract<Found, { kind: 'group' }>;
type FoundCommand = Extract<Found, { kind: 'command' }>;

async function explainGroup(
  { path, level, rest }: FoundGroup,
  help: HelpOutput,
  { host, out }: { host: Host; out: Out },
): Promise<number> {
  const word = rest.find((text) => !helpWords.includes(text));
  const entries = entriesOf(level);
  if (word !== undefined) throw unknownCommand(path, word, namesOf(entries));
  const isTop = path.length === 0;
  const groups = await Promise.all(
    [...entries.groups].map(async ([name, group]) => ({
      name,
      summary: (await loadGroup(name, group)).summary,
    })),
  );
  const commands = await summariesOf(entries, out);
  const title = isTop
    ? topTitle(host.version)
    : (await loadGroup(path.at(-1) ?? '', level)).summary;
  const examples = isTop ? topExamples : commands.flatMap(({ example }) => example);
  printGroupHelp(path, { title, groups, commands, examples }, help);
  return 0;
}

function namesOf({ groups, commands }: Entries) {
  const listed = (name: string): ListedCommand => ({ name, summary: '' });
  return { groups: [...groups.keys()].map(listed), commands: [...commands.keys()].map(listed) };
}

/** Summaries and first examples; a broken plugin is named and left out. */
async function summariesOf({ commands }: Entries, out: Out) {
  const loaded = [...commands.values()].map(async (file) => {
    try {
      const { summary, examples } = await loadCommand(file);
      return [{ name: file.name, summary, example: examples.slice(0, 1) }];
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'PLUGIN_BROKEN') throw error;
      out.note(error.message);
      return [];
    }
  });
  return (await Promise.all(loaded)).flat();
}

async function runFound(
  { file, path, rest }: FoundCommand,
  parts: { host: Host; globals: GlobalValues; run: Run; help: HelpOutput },
): Promise<number> {
  const { host, globals, run, help } = parts;
  const command = await loadCommand(file);
  const input = parseInput({ path, command }, rest, help);
  if (!input) return 0;
  const { context, close } = openContext(host, globals, run.out);
  run.place.urls = context.urls;
  try {
    return (await command.run(context, input)) ?? 0;
  } finally {
    await close();
  }
}
