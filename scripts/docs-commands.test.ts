import { fileURLToPath } from 'node:url';
import { checkWords, commandPaths } from '@aitbc/cli/run';
import { describe, expect, it } from 'vitest';
import { commandsOf, readPages } from './pages/markdown.mjs';

interface Call {
  readonly words: readonly string[];
  readonly line: number;
  readonly isBlock: boolean;
}

const pages = readPages(fileURLToPath(new URL('..', import.meta.url))) as {
  path: string;
  text: string;
}[];
/** Commands of plugins that a page invents to explain plugins, and the form of all commands. */
const notOurs = new Set(['greet', '<group>', '__complete', '…', '--version']);
/** A variable, or a word in capitals that the reader fills in. */
const placeholder = /\$\w+|^[A-Z]+$/g;
const names = new Set(commandPaths());
const groups = new Set(
  commandPaths().flatMap((path) => {
    const words = path.split(' ');
    return words.map((_word, at) => words.slice(0, at).join(' '));
  }),
);
groups.add('blockchain'); // another name of `chain`

/** Why a line of a page would be a wrong use; undefined when it is right. In a sentence a name alone is a mention. */
async function faultOf({ words, isBlock }: Call): Promise<string | undefined> {
  const name = words.filter((word) => word !== '--help' && word !== '-h').join(' ');
  if ((!isBlock || name !== words.join(' ')) && groups.has(name)) return undefined;
  if (!isBlock && names.has(name)) return undefined;
  try {
    await checkWords(words.map((word) => word.replace(placeholder, '1')));
    return undefined;
  } catch (error) {
    return (error as Error).message.split('\n')[0];
  }
}

async function faultsOf(text: string): Promise<string[]> {
  const calls = (commandsOf(text) as Call[]).filter(({ words }) => !notOurs.has(words[0] ?? ''));
  const faults = await Promise.all(
    calls.map(async (call) => ({ call, fault: await faultOf(call) })),
  );
  return faults
    .filter(({ fault }) => fault !== undefined)
    .map(({ call, fault }) => `${call.line} aitbc ${call.words.join(' ')}: ${fault}`);
}

describe('every `aitbc` line of every page', () => {
  it('is found', () => {
    const lines = pages.flatMap(({ text }) => commandsOf(text));
    expect(lines.length).toBeGreaterThan(400);
  });

  it('would be taken by the command line', async () => {
    const faults = await Promise.all(
      pages
        .filter(({ path }) => path !== 'CHANGELOG.md')
        .map(async ({ path, text }) => (await faultsOf(text)).map((fault) => `${path}:${fault}`)),
    );
    expect(faults.flat()).toEqual([]);
  });
});

describe('a line that would be refused', () => {
  it.each([
    ['an unknown command in the text', 'Try `aitbc ai jobs`.'],
    ['an unknown option in a block', '```\naitbc market list --colour\n```'],
    ['a group alone in a block, which does nothing', '```\naitbc gateway\n```'],
    [
      'a missing argument behind a variable',
      '```sh\nJOB=$(aitbc ai status --json | jq -r .jobId)\n```',
    ],
    ['a wrong word behind a pipe', "```sh\necho '{}' | aitbc gateway mpc\n```"],
  ])('is %s', async (_name, text) => {
    expect(await faultsOf(text)).toHaveLength(1);
  });

  it.each([
    ['a group in the text', 'The group `aitbc wallet` has it.'],
    ['a question for help', '```\nnpx aitbc wallet --help\n```'],
    ['a note behind the line', '```\naitbc market list    who sells what # now\n```'],
    ['a program', '```ts\naitbc nothing\n```'],
  ])('is not %s', async (_name, text) => {
    expect(await faultsOf(text)).toEqual([]);
  });
});
