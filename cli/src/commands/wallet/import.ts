/** `aitbc wallet import`: an account from an exported keystore. */
import { AppError } from '@aitbc/protocol';
import { defineCommand } from '../../command/define-command.ts';
import { readPassword } from '../../context/ask.ts';
import { readTextFile } from '../../context/read-text-file.ts';
import { passwordFileOption } from '../../wallet/password-option.ts';

export default defineCommand({
  summary: 'Take in an account from an exported keystore',
  details:
    'The password is the one of the file. From 24 words: aitbc wallet create <label> --words-file <path>.',
  arguments: [
    { name: 'label', help: 'your name for the account' },
    { name: 'file', help: 'what aitbc wallet export wrote' },
  ],
  options: { passwordFile: passwordFileOption },
  examples: [{ line: 'aitbc wallet import main main.json', note: 'asks for the password' }],
  async run(context, { args, options }) {
    const { out, env, ask, signal } = context;
    const keystore = keystoreIn(args.file);
    const message = `Password of the file ${args.file}`;
    const password = await readPassword({ env, ask, file: options.passwordFile, message });
    const { wallet } = await context.clients();
    const { label } = args;
    const { address } = await wallet.importFile({ label, password, keystore }, { signal });
    out.result({ label, address }, () => `Account ${address} is in the wallet as ${label}.`);
  },
});

function keystoreIn(file: string): Record<string, unknown> {
  const text = readTextFile(file);
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new AppError('CLI_USAGE', { reason: `The file ${file} is no keystore.` });
}
