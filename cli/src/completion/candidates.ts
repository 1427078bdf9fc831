/** Which words may stand at the cursor. */
import {
  type Entries,
  entriesOf,
  findCommand,
  type Level,
  loadCommand,
  loadGroup,
} from '../command/command-tree.ts';
import type { ArgumentSpec, Command, OptionSpec } from '../command/define-command.ts';
import { type GlobalOption, globalOptions } from '../command/global-options.ts';
import type { LiveNames } from './live-names.ts';

/** A word that may stand there, and what it is. */
export interface Candidate {
  readonly text: string;
  readonly note: string;
}

/** The words, and what of the file system the shell may add. */
export interface Candidates {
  readonly entries: readonly Candidate[];
  readonly also: 'none' | 'files' | 'folders';
}

/** Nothing to offer. */
export const noCandidates: Candidates = { entries: [], also: 'none' };

/** What candidates are made of. */
export interface CandidateDeps {
  readonly top: Level;
  readonly live: LiveNames;
}

interface FlagSpec {
  readonly flags: string;
  readonly help: string;
  readonly choices?: readonly string[];
}

const ownFlags: readonly FlagSpec[] = [
  ...(Object.values(globalOptions) as readonly GlobalOption[]),
  { flags: '-h, --help', help: 'more about it' },
];

/** Candidates for the last of the words, which may be empty. */
export async function candidatesFor(
  words: readonly string[],
  { top, live }: CandidateDeps,
): Promise<Candidates> {
  const current = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const plain = withoutGlobals(before);
  const found = findCommand(top, plain);
  const command = found.kind === 'command' ? await loadCommand(found.file) : undefined;
  const flags = [...Object.values(command?.options ?? {}), ...ownFlags];
  const open = openOption(before, current, flags);
  if (open) return valuesOf(open, live);
  if (current.startsWith('-')) return starting(current, flags.flatMap(flagCandidates));
  if (found.kind === 'command') {
    return argumentCandidates(command as Command, { rest: found.rest, current, live });
  }
  if (found.rest.length > 0) return noCandidates;
  const entries = entriesOf(found.level);
  return starting(current, await nameCandidates(entries, found.path.length === 0));
}

/** Global options may stand in front of the command; the way to it is found without them. */
function withoutGlobals(words: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] as string;
    const option = (Object.values(globalOptions) as readonly GlobalOption[]).find(
      ({ flags }) => flags.split(' ')[0] === word.split('=')[0],
    );
    if (!option) kept.push(word);
    else if (option.flags.includes('<') && !word.includes('=')) at += 1;
  }
  return kept;
}

/** The option whose value stands at the cursor: `--model |`, `--model=|`. */
function openOption(before: readonly string[], current: string, flags: readonly FlagSpec[]) {
  const mark = current.indexOf('=');
  const isJoined = current.startsWith('--') && mark > 0;
  const name = isJoined ? current.slice(0, mark) : (before.at(-1) ?? '');
  const spec = flags.find((flag) => flag.flags.includes('<') && namesOf(flag).includes(name));
  if (!spec) return undefined;
  const prefix = isJoined ? `${name}=` : '';
  return { spec, prefix, typed: current.slice(prefix.length) };
}

type OpenOption = NonNullable<ReturnType<typeof openOption>>;

async function valuesOf({ spec, prefix, typed }: OpenOption, live: LiveNames): Promise<Candidates> {
  const word = /<([^>]+)>/.exec(spec.flags)?.[1] ?? '';
  const given = spec.choices?.map((text) => ({ text, note: '' }));
  const entries = given ?? (await liveFor(word, spec, live));
  const { entries: fitting, also } = starting(typed, entries, fileKind(word));
  return { entries: fitting.map(({ text, note }) => ({ text: `${prefix}${text}`, note })), also };
}

async function liveFor(word: string, spec: FlagSpec, live: LiveNames): Promise<Candidate[]> {
  if (word === 'account') return live.accounts();
  return namesOf(spec).includes('--model') ? live.models() : [];
}

function fileKind(word: string): Candidates['also'] {
  if (/dir|folder/.test(word)) return 'folders';
  return /file|path/.test(word) ? 'files' : 'none';
}

function namesOf({ flags }: FlagSpec): string[] {
  return flags.split(/[ ,]+/).filter((part) => part.startsWith('-'));
}

function flagCandidates(flag: FlagSpec): Candidate[] {
  return namesOf(flag).map((text) => ({ text, note: flag.help }));
}

/** The argument at the cursor, counted past the options and their values. */
async function argumentCandidates(
  command: Command,
  { rest, current, live }: { rest: readonly string[]; current: string; live: LiveNames },
): Promise<Candidates> {
  const list: readonly ArgumentSpec[] = command.arguments ?? [];
  const at = positionalsIn(rest, Object.values(command.options ?? {}));
  const last = list.at(-1);
  const argument = list[at] ?? (last?.variadic ? last : undefined);
  if (!argument) return noCandidates;
  const { name } = argument;
  if (name === 'account') return starting(current, await live.accounts());
  if (name === 'model') return starting(current, await live.models());
  return starting(current, [], fileKind(name));
}

function positionalsIn(rest: readonly string[], options: readonly OptionSpec[]): number {
  let count = 0;
  for (let at = 0; at < rest.length; at += 1) {
    const word = rest[at] as string;
    const option = options.find((spec) => namesOf(spec).includes(word));
    if (option?.flags.includes('<')) at += 1;
    else if (!word.startsWith('-')) count += 1;
  }
  return count;
}

/** Groups tell what they are, each in a file of one line; commands would have to be imported for it. */
async function nameCandidates({ groups, commands }: Entries, isTop: boolean): Promise<Candidate[]> {
  const named = [...groups].map(async ([text, level]) => ({
    text,
    note: isTop ? (await loadGroup(level)).summary : '',
  }));
  const own = [...commands.keys()].map((text) => ({ text, note: '' }));
  return [...(await Promise.all(named)), ...own].sort((left, right) =>
    left.text < right.text ? -1 : 1,
  );
}

function starting(
  typed: string,
  entries: readonly Candidate[],
  also: Candidates['also'] = 'none',
): Candidates {
  return { entries: entries.filter(({ text }) => text.startsWith(typed)), also };
}
