/** `aitbc wallet log`: what the wallet has signed. */
import { defineCommand } from '../../command/define-command.ts';
import { positiveInteger } from '../../command/parse-values.ts';
import { minuteText, newestSignatures } from '../../wallet/signatures.ts';
import { shortHash } from '../../wording.ts';

export default defineCommand({
  summary: 'Every signature of this wallet, newest first',
  details:
    'The log cannot be changed: whatever was signed stands in it, with the token that asked.',
  options: {
    limit: {
      flags: '--limit <n>',
      help: 'how many lines',
      default: '20',
      parse: positiveInteger,
    },
  },
  examples: [{ line: 'aitbc wallet log --limit 50', note: 'who had what signed' }],
  async run(context, { options: { limit } }) {
    const { out, signal } = context;
    const { wallet } = await context.clients();
    const entries = await newestSignatures(wallet, { limit }, signal);
    const rows = entries.map(({ number, atMs, token, txId, description }) => [
      `${number}`,
      minuteText(atMs),
      token,
      shortHash(txId),
      description,
    ]);
    out.result({ entries }, () =>
      rows.length === 0
        ? 'Nothing was signed yet.'
        : out.table(rows, { head: ['no.', 'at', 'token', 'transaction', 'what'], right: [0] }),
    );
  },
});
