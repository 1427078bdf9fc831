/** What `aitbc --help` says around the list of commands. */
import type { Example } from './command/define-command.ts';

/** The first lines. */
export function topTitle(version: string): string {
  return [
    `aitbc ${version}: rent and sell AI compute, paid by the token.`,
    '',
    'Ask a model and pay only for the tokens that arrive, serve your own models for coins, look at ' +
      'every block, and check every receipt yourself.',
  ].join('\n');
}

/** From nothing to a paid answer and its proof. */
export const topExamples: readonly Example[] = [
  { line: 'aitbc up', note: 'start a whole network on this machine, with coins to spend' },
  { line: 'aitbc market list', note: 'who offers which model, for how much, how fast' },
  {
    line: 'aitbc ai ask "Why is the sky blue?" --save-receipt job.json',
    note: 'a paid answer, streamed as it is written',
  },
  { line: 'aitbc receipt verify job.json', note: 'check what was paid for, without any server' },
  { line: 'aitbc doctor', note: 'what is set up wrong on this machine, and how to mend it' },
  { line: 'aitbc ai serve', note: 'sell what your own machine can compute' },
];
