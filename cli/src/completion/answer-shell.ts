/**
 * What a shell asks when the user presses TAB: `aitbc __complete -- <words up to the cursor>`. The answer is a line
 * for each candidate, `text<TAB>description`, and a last line that says what else the shell may offer: `:none`,
 * `:files` or `:folders`.
 *
 * It is asked between two keystrokes: folders are listed, and only the command that the words name is imported.
 * Accounts and models come from a devnet that runs in this home, if it answers at once. Nothing here fails: a shell
 * has no use for an error in the middle of a line.
 *
 * A library for this (`@bomb.sh/tab`) wants all commands registered before the first question, and its script for bash
 * needs the package bash-completion.
 */
import { commandRoots } from '../command/command-roots.ts';
import { splitArguments } from '../command/global-options.ts';
import { type ConfiguredHost, configure } from '../context/context.ts';
import { type Candidates, candidatesFor, noCandidates } from './candidates.ts';
import { createLiveNames } from './live-names.ts';

/** Writes the candidates. The answer is the exit code, always 0. */
export async function answerShell(
  host: ConfiguredHost,
  [, ...words]: readonly string[],
): Promise<number> {
  const { stdout } = host;
  const { entries, also } = await candidatesOf(host, words).catch(() => noCandidates);
  for (const { text, note } of entries) stdout.write(`${text}\t${oneLine(note)}\n`);
  stdout.write(`:${also}\n`);
  return 0;
}

/** Global options among the words count here, too: `--home`, `--plugin-dir`. */
async function candidatesOf(host: ConfiguredHost, words: readonly string[]): Promise<Candidates> {
  const argv = words.slice(0, -1);
  const { env } = host.configured;
  const asked = configure({ ...host, env, argv });
  const { globals } = splitArguments(argv, asked.env);
  const { top } = commandRoots(asked, globals);
  return candidatesFor(words, { top, live: createLiveNames(asked, globals) });
}

function oneLine(note: string): string {
  return note.replace(/[\t\n]+/g, ' ');
}
