/**
 * One run of the command line: take out the global options, find the command by its path, import only
 * that file, parse, run, report. Answers the exit code; everything it touches comes in as `host`.
 */
import { AppError } from '@aitbc/protocol/errors';
import { type CommandRoots, commandRoots } from './command/command-roots.ts';
import {
  brokenPlugin,
  commandsBelow,
  type Entries,
  entriesOf,
  type Found,
  findCommand,
  groupAliases,
  type HiddenEntry,
  loadCommand,
  loadGroup,
} from './command/command-tree.ts';
import {
  type GlobalValues,
  type SplitArguments,
  splitArguments,
} from './command/global-options.ts';
import { ownLevel } from './command/own-commands.ts';
import {
  type HelpOutput,
  type ListedCommand,
  parseInput,
  printGroupHelp,
  unknownCommand,
} from './command/program.ts';
import { reportError } from './command/report-error.ts';
import { usageError } from './command/usage-error.ts';
import {
  type ConfiguredHost,
  configure,
  type Host,
  openContext,
  outOf,
} from './context/context.ts';
import type { Out } from './context/out.ts';
import type { Urls } from './context/running-devnet.ts';
import { topExamples, topTitle } from './top-page.ts';

export type { Host } from './context/context.ts';

const helpColumns = 100;
const helpWords = ['--help', '-h', 'help'];
/** What the scripts of `aitbc completion` call; it is in no list. */
const completeWord = '__complete';
/** Groups that must work while config.toml is broken, because they repair it. */
const repairGroups = ['config', 'doctor'];

/** Runs the command that `host.argv` names. Never throws; the answer is the exit code. */
export async function runCli(bareHost: Host): Promise<number> {
  const host = configure(bareHost);
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

/** Every command of ours, its words joined by a space. */
export function commandPaths(): string[] {
  return commandsBelow(ownLevel()).map(({ path }) => path.join(' '));
}

/** The command that these words call, without a run of it. Throws CLI_USAGE where a run would. */
export async function checkWords(words: readonly string[]): Promise<string> {
  const { rest, incomplete } = splitArguments(words, {});
  if (incomplete !== undefined) throw usageError(`the option ${incomplete} needs a value`, []);
  const found = findCommand(ownLevel(), rest);
  if (found.kind === 'group') throw usageError(`no such command: ${words.join(' ')}`, found.path);
  const silent: HelpOutput = { write() {}, columns: helpColumns, paint: (_style, text) => text };
  parseInput({ path: found.path, command: await loadCommand(found.file) }, found.rest, silent);
  return found.path.join(' ');
}

/** The command that these words call, '' for none. */
export function commandPathOf(words: readonly string[]): string {
  const found = findCommand(ownLevel(), splitArguments(words, {}).rest);
  return found.kind === 'command' ? found.path.join(' ') : '';
}

interface Run {
  readonly out: Out;
  readonly place: { urls: Urls | undefined };
}

async function dispatch(host: ConfiguredHost, split: SplitArguments, run: Run): Promise<number> {
  const { globals, incomplete, rest } = split;
  if (rest[0] === completeWord) {
    const { answerShell } = await import('./completion/answer-shell.ts');
    return answerShell(host, rest.slice(1));
  }
  if (incomplete !== undefined) throw usageError(`the option ${incomplete} needs a value`, []);
  if (rest.some((word) => word === '--version' || word === '-V')) {
    run.out.line(host.version);
    return 0;
  }
  const roots = commandRoots(host, globals);
  const found = findCommand(roots.top, helpLast(rest));
  const help = helpOutputOf(host, run.out);
  if (found.kind === 'group') return explainGroup(found, help, { host, out: run.out, roots });
  return runFound(found, { host, globals, run, help });
}

/** `aitbc help wallet` and `aitbc --help wallet` ask for the same as `aitbc wallet --help`. */
function helpLast(words: readonly string[]): readonly string[] {
  const [first, ...others] = words;
  return first !== undefined && helpWords.includes(first) ? [...others, '--help'] : words;
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
  { host, out, roots }: { host: Host; out: Out; roots: CommandRoots },
): Promise<number> {
  const word = rest.find((text) => !helpWords.includes(text));
  const entries = entriesOf(level);
  const isTop = path.length === 0;
  noteBroken([...(isTop ? roots.broken : []), ...entries.hidden], out);
  if (word !== undefined) throw unknownCommand(path, word, namesOf(entries, isTop));
  const groups = await Promise.all(
    [...entries.groups].map(async ([name, group]) => ({
      name,
      summary: (await loadGroup(group)).summary,
    })),
  );
  const commands = await summariesOf(entries, out);
  const title = isTop ? topTitle(host.version) : (await loadGroup(level)).summary;
  const examples = isTop ? topExamples : commands.flatMap(({ example }) => example);
  printGroupHelp(path, { title, groups, commands, examples }, help);
  return 0;
}

function noteBroken(entries: readonly HiddenEntry[], out: Out): void {
  for (const { path, reason } of entries) out.note(brokenPlugin(path, reason).message);
}

function namesOf({ groups, commands }: Entries, isTop: boolean) {
  const listed = (name: string): ListedCommand => ({ name, summary: '' });
  const aliases = isTop ? Object.keys(groupAliases) : [];
  return {
    groups: [...groups.keys(), ...aliases].map(listed),
    commands: [...commands.keys()].map(listed),
  };
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
  parts: { host: ConfiguredHost; globals: GlobalValues; run: Run; help: HelpOutput },
): Promise<number> {
  const { host, globals, run, help } = parts;
  const command = await loadCommand(file);
  const input = parseInput({ path, command }, rest, help);
  if (!input) return 0;
  const { fault } = host.configured.config;
  if (fault && !repairGroups.includes(path[0] ?? '')) throw fault;
  const { context, close } = openContext(host, globals, run.out);
  run.place.urls = context.urls;
  try {
    return (await command.run(context, input)) ?? 0;
  } finally {
    await close();
  }
}
