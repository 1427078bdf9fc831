import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  type CommandRoot,
  entriesOf,
  findCommand,
  type Level,
  loadCommand,
} from './command/command-tree.ts';
import { type GlobalOption, globalOptions, splitArguments } from './command/global-options.ts';
import { commandsDir } from './command/own-commands.ts';
import { parseInput } from './command/program.ts';
import { topExamples } from './top-page.ts';

const page = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
const root: CommandRoot = { dir: commandsDir, isPlugin: false };
const top: Level = { roots: [root] };
const silent = { write() {}, columns: 80, paint: (_style: string, text: string) => text };

/** Lines of the page that are to be typed, in the order of the page. */
const documented = [...page.matchAll(/^\| `(aitbc [^`]+)` \|/gm)].map((match) => match[1] ?? '');

function wordsOf(line: string): string[] {
  const command = line.slice(line.indexOf('aitbc ') + 'aitbc '.length);
  return [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
}

function pathsIn(level: Level, path: readonly string[] = []): string[] {
  const { groups, commands } = entriesOf(level);
  const own = [...commands.keys()].map((name) => [...path, name].join(' '));
  return [...own, ...[...groups].flatMap(([name, next]) => pathsIn(next, [...path, name]))];
}

/** The path of the command a line calls; throws when the line would be a wrong use. */
async function parseLine(line: string): Promise<string> {
  const { rest, incomplete } = splitArguments(wordsOf(line), {});
  expect(incomplete, line).toBe(undefined);
  const found = findCommand(top, rest);
  if (found.kind === 'group') throw new Error(`no such command: ${line}`);
  const command = await loadCommand(found.file);
  expect(parseInput({ path: found.path, command }, found.rest, silent), line).toBeDefined();
  return found.path.join(' ');
}

describe('docs/cli.md', () => {
  it('shows every command, and each of its lines parses', async () => {
    const shown = await Promise.all(documented.map(parseLine));
    expect([...new Set(shown)].sort()).toEqual(pathsIn(top).sort());
  });

  it('names every global option with its variable', () => {
    for (const { flags, env } of Object.values(globalOptions) as readonly GlobalOption[]) {
      expect(page).toContain(`| \`${flags}\` | ${env === undefined ? '' : `\`${env}\` `}|`);
    }
  });

  it('names only options that exist in the text around the lines', async () => {
    const known = new Set(['--help', '--version']);
    for (const { flags } of Object.values(globalOptions)) known.add(flags.split(' ')[0] ?? '');
    for (const path of pathsIn(top)) {
      const found = findCommand(top, path.split(' '));
      if (found.kind === 'group') continue;
      const { options = {} } = await loadCommand(found.file);
      for (const { flags } of Object.values(options)) known.add(/--[a-z-]+/.exec(flags)?.[0] ?? '');
    }
    const named = new Set(page.match(/(?<![\w-])--[a-z][a-z-]+/g));
    expect([...named].filter((flag) => !known.has(flag))).toEqual([]);
  });
});

describe('the examples in help', () => {
  it('parse, all of them', async () => {
    const lines = topExamples.map(({ line }) => line);
    for (const path of pathsIn(top)) {
      const found = findCommand(top, path.split(' '));
      if (found.kind === 'command') {
        const { examples } = await loadCommand(found.file);
        lines.push(...examples.map(({ line }) => line));
      }
    }
    expect(lines.length).toBeGreaterThan(40);
    await Promise.all(lines.map(parseLine));
  });

  it('would be refused with an option or a command that does not exist', async () => {
    await expect(parseLine('aitbc market list --colour')).rejects.toMatchObject({
      code: 'CLI_USAGE',
    });
    await expect(parseLine('aitbc ai jobs')).rejects.toThrow('no such command');
  });
});
