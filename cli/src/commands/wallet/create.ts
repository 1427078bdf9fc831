/** `aitbc wallet create`: a new account, or one from its 24 words. */
import { defineCommand } from '../../command/define-command.ts';
import { readPassword } from '../../context/ask.ts';
import type { Out } from '../../context/out.ts';
import { readTextFile } from '../../context/read-text-file.ts';
import { passwordFileOption } from '../../wallet/password-option.ts';

const wordsPerLine = 4;

export default defineCommand({
  summary: 'Make an account and show its 24 words, this once',
  details:
    'The words are the account: whoever has them has the coins. The wallet keeps the key encrypted.',
  arguments: [{ name: 'label', help: 'your name for the account' }],
  options: {
    passwordFile: passwordFileOption,
    wordsFile: {
      flags: '--words-file <path>',
      help: 'take the account from the 24 words in this file instead of making a new one',
    },
  },
  examples: [
    { line: 'aitbc wallet create main', note: 'make an account; asks for a password' },
    {
      line: 'aitbc wallet create main --words-file words.txt',
      note: 'bring an account back from its words',
    },
  ],
  async run(context, { args, options }) {
    const { out, env, ask, signal } = context;
    const mnemonic =
      options.wordsFile === undefined
        ? undefined
        : readTextFile(options.wordsFile).trim().split(/\s+/).join(' ');
    const message = `New password for "${args.label}", at least 8 characters`;
    const file = options.passwordFile;
    const password = await readPassword({ env, ask, file, message, isNew: true });
    const { wallet } = await context.clients();
    const account = await wallet.createAccount(
      { label: args.label, password, ...(mnemonic === undefined ? {} : { mnemonic }) },
      { signal },
    );
    out.result({ label: args.label, ...account }, () => pageOf(out, account));
  },
});

function pageOf(out: Out, account: { address: string; mnemonic: string | null }): string {
  const made = `Account ${out.style('bold', account.address)}`;
  if (account.mnemonic === null) return `${made} is in the wallet.`;
  const words = account.mnemonic.split(' ').map((word, at) => `${at + 1}. ${word}`.padEnd(14));
  const lines = Array.from({ length: Math.ceil(words.length / wordsPerLine) }, (_, line) =>
    words
      .slice(line * wordsPerLine, (line + 1) * wordsPerLine)
      .join('')
      .trimEnd(),
  );
  const warning =
    'Write these words down now. They are shown only this once, and nobody can bring them back.';
  return [`${made} was made.`, '', out.style('yellow', warning), '', ...lines].join('\n');
}
