/** Commander programs from our definitions: it parses, writes help and guesses what was meant. */
import type { AppError } from '@aitbc/protocol/errors';
import { CommanderError, InvalidArgumentError, Option, Command as Program } from 'commander';
import { wrapText } from '../context/word-wrap.ts';
import type { Command, Example, OptionSpec } from './define-command.ts';
import { type GlobalOption, globalOptions } from './global-options.ts';
import { nearestWord } from './nearest-word.ts';
import { usageError } from './usage-error.ts';

/** How help is written. */
export interface HelpOutput {
  write(text: string): void;
  readonly columns: number;
  /** Paints a heading or a name, or answers the text itself without colours. */
  paint(style: 'bold' | 'cyan', text: string): string;
}

/** What a run of commander gave: parsed input, or nothing because help was printed. */
export interface ParsedInput {
  readonly args: Readonly<Record<string, unknown>>;
  readonly options: Readonly<Record<string, unknown>>;
}

const cliName = 'aitbc';
const nameColumnMin = 10;

/** One line of a list of commands. */
export interface ListedCommand {
  readonly name: string;
  readonly summary: string;
}

/** What the help of a group shows. */
export interface GroupPage {
  readonly title: string;
  readonly groups: readonly ListedCommand[];
  readonly commands: readonly ListedCommand[];
  readonly examples: readonly Example[];
}

function createTop(output: HelpOutput): Program {
  const top = new Program(cliName);
  top.exitOverride().showSuggestionAfterError().helpCommand(false);
  top.configureOutput({
    writeOut: (text) => output.write(text),
    writeErr: () => {},
    getOutHelpWidth: () => output.columns,
    getOutHasColors: () => true, // `paint` decides; commander must not strip what it painted
  });
  top.configureHelp({
    styleTitle: (text) => output.paint('bold', text),
    styleSubcommandText: (text) => output.paint('cyan', text),
    styleOptionText: (text) => output.paint('cyan', text),
    styleArgumentText: (text) => output.paint('cyan', text),
  });
  top.helpOption('-h, --help', 'this text');
  for (const { flags, help, env } of Object.values(globalOptions) as readonly GlobalOption[]) {
    top.option(flags, env === undefined ? help : `${help} [${env}]`);
  }
  return top;
}

function descend(top: Program, path: readonly string[]): Program {
  return path.reduce((parent, name) => parent.command(name), top);
}

function examplesText(examples: readonly Example[], { paint }: HelpOutput): string {
  if (examples.length === 0) return '';
  const lines = examples.map(({ line, note }) => `  ${paint('cyan', line)}\n      ${note}`);
  return `\n${paint('bold', 'Examples:')}\n${lines.join('\n')}\n`;
}

/** Parses the words behind a command. Undefined when help was printed. Throws CLI_USAGE. */
export function parseInput(
  target: { readonly path: readonly string[]; readonly command: Command },
  words: readonly string[],
  output: HelpOutput,
): ParsedInput | undefined {
  const { path, command } = target;
  const top = createTop(output);
  const program = descend(top, path).description(
    [command.summary, command.details].filter((text) => text !== undefined).join('\n\n'),
  );
  for (const { name, help, required = true, variadic = false } of command.arguments ?? []) {
    const word = `${dashed(name)}${variadic ? '...' : ''}`;
    program.argument(required ? `<${word}>` : `[${word}]`, help);
  }
  for (const spec of Object.values(command.options ?? {})) program.addOption(optionOf(spec));
  const shared = `\nEvery command also takes the global options of ${cliName} --help, such as --json.`;
  program.addHelpText('after', examplesText(command.examples, output) + shared);
  program.action(() => {});
  if (!runProgram(top, [...path, ...words], path)) return undefined;
  return inputOf(command, program);
}

function dashed(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function optionOf(spec: OptionSpec): Option {
  const option = new Option(spec.flags, spec.help);
  if (spec.default !== undefined) option.default(spec.default);
  if (spec.required) option.makeOptionMandatory();
  const { choices } = spec;
  if (choices) option.choices([...choices]).argParser((text) => choiceOf(text, choices));
  return option;
}

function choiceOf(text: string, choices: readonly string[]): string {
  if (choices.includes(text)) return text;
  const nearest = nearestWord(text, choices);
  const hint = nearest === undefined ? '' : ` (Did you mean ${nearest}?)`;
  throw new InvalidArgumentError(`Allowed choices are ${choices.join(', ')}.${hint}`);
}

function inputOf(command: Command, program: Program): ParsedInput {
  const names = (command.arguments ?? []).map(({ name }) => name);
  const args = Object.fromEntries(names.map((name, at) => [name, program.processedArgs[at]]));
  const given = program.opts();
  const options = Object.entries(command.options ?? {}).map(([key, spec]) => {
    const option = new Option(spec.flags);
    const value: unknown = given[option.attributeName()];
    if (!spec.flags.includes('<')) return [key, value === true];
    return [key, typeof value === 'string' ? (spec.parse ?? same)(value, flagOf(option)) : value];
  });
  return { args, options: Object.fromEntries(options) };
}

function same(text: string): string {
  return text;
}

function flagOf(option: Option): string {
  return option.long ?? option.short ?? option.flags;
}

/** False when help was printed. Throws CLI_USAGE. */
function runProgram(top: Program, words: readonly string[], path: readonly string[]): boolean {
  try {
    top.parse([...words], { from: 'user' });
    return true;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return false;
    throw usageError(error.message, path, error);
  }
}

/** Prints the help of a group: what there is, how it is used, and only then what can be set. */
export function printGroupHelp(path: readonly string[], page: GroupPage, output: HelpOutput): void {
  const name = [cliName, ...path].join(' ');
  const top = createTop(output);
  const options = top.createHelp().visibleOptions(top);
  const lists: readonly (readonly [string, readonly ListedCommand[]])[] = [
    ['Groups:', page.groups],
    ['Commands:', page.commands],
  ];
  const parts = [
    `${wrapText(page.title, output.columns)}\n\n${output.paint('bold', 'Usage:')} ${name} <command> [options]\n`,
    ...lists.map(([title, rows]) => listText(title, rows, output)),
    examplesText(page.examples, output),
    path.length === 0
      ? listText(
          'Global options, for every command:',
          [
            ...options.map(({ flags, description }) => ({ name: flags, summary: description })),
            { name: '-V, --version', summary: 'the version' },
          ],
          output,
        )
      : '',
    `\nMore about one of them: ${name} <command> --help\n`,
  ];
  output.write(parts.join(''));
}

/** A titled list in two columns, or nothing when it has no rows. */
function listText(
  title: string,
  rows: readonly ListedCommand[],
  { paint, columns }: HelpOutput,
): string {
  if (rows.length === 0) return '';
  const helper = new Program().createHelp();
  helper.prepareContext({ helpWidth: columns });
  const width = Math.max(nameColumnMin, ...rows.map(({ name }) => name.length));
  const lines = rows.map(({ name, summary }) =>
    helper.formatItem(paint('cyan', name), width, summary, helper),
  );
  return `\n${paint('bold', title)}\n${lines.join('\n')}\n`;
}

/** The CLI_USAGE of a word that names no command here, with the nearest name when there is one. */
export function unknownCommand(
  path: readonly string[],
  word: string,
  page: Pick<GroupPage, 'groups' | 'commands'>,
): AppError {
  const program = descend(createTop(silentOutput), path);
  for (const { name } of [...page.groups, ...page.commands]) program.command(name);
  try {
    program.parse([word], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return usageError(error.message, path, error);
    throw error;
  }
  return usageError(`unknown command '${word}'`, path);
}

const silentOutput: HelpOutput = { write: () => {}, columns: 80, paint: (_style, text) => text };
