/** `aitbc completion`: the script that lets a shell complete our commands. */
import { defineCommand } from '../command/define-command.ts';
import { nearestWord } from '../command/nearest-word.ts';
import { usageError } from '../command/usage-error.ts';
import { installLines, isShell, scripts } from '../completion/scripts.ts';

export default defineCommand({
  summary: 'Let TAB complete commands, options, accounts and models',
  details:
    'Prints a script for bash, zsh or fish. While you type, the shell asks aitbc for the words that fit; accounts and models come from the network of your home folder.\n\n' +
    `To have it in every new shell:\n${Object.values(installLines)
      .map((line) => `  ${line}`)
      .join('\n')}`,
  arguments: [{ name: 'shell', help: 'bash, zsh or fish' }],
  examples: [
    { line: 'aitbc completion bash', note: 'source <(aitbc completion bash) turns it on at once' },
    { line: 'aitbc completion fish', note: 'the script for fish' },
  ],
  async run({ out }, { args: { shell } }) {
    if (!isShell(shell)) {
      const nearest = nearestWord(shell, Object.keys(scripts));
      const hint = nearest === undefined ? '' : ` (Did you mean ${nearest}?)`;
      const message = `there is no completion for ${shell}${hint}; there are ${Object.keys(scripts).join(', ')}`;
      throw usageError(message, ['completion']);
    }
    out.result(
      { shell, script: scripts[shell], install: installLines[shell] },
      () => scripts[shell],
    );
  },
});
