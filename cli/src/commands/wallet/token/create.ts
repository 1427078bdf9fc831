/** `aitbc wallet token create`: a token for a program, with limits. */
import { AppError, type TxKind, txKinds } from '@aitbc/protocol';
import { aitText, amountFromInput } from '../../../amounts.ts';
import { defineCommand } from '../../../command/define-command.ts';
import { nearestWord } from '../../../command/nearest-word.ts';
import { chooseAccount } from '../../../wallet/choose-account.ts';

const kinds = Object.keys(txKinds) as TxKind[];

export default defineCommand({
  summary: 'Make a token for a program: which accounts, which transactions, how much a day',
  details:
    'The token is shown once. Its program may see, unlock with the password and lock these accounts, and have transactions of these kinds signed while they are open. Fees count.',
  arguments: [{ name: 'label', help: 'your name for the program' }],
  options: {
    accounts: {
      flags: '--accounts <accounts>',
      help: 'addresses or labels, with commas between them',
      required: true,
    },
    kinds: {
      flags: '--kinds <kinds>',
      help: 'kinds of transactions, with commas, such as transfer,vault_deposit; none when left out',
    },
    perDay: {
      flags: '--per-day <ait>',
      help: 'most that may leave the accounts on a UTC day',
      default: '0',
    },
    nait: { flags: '--nait', help: 'the amount is in nait' },
  },
  examples: [
    {
      line: 'aitbc wallet token create shop --accounts main --kinds transfer --per-day 5',
      note: 'payments of at most 5 AIT a day',
    },
    { line: 'aitbc wallet token create watcher --accounts main,savings', note: 'to look, no more' },
  ],
  async run(context, { args, options }) {
    const { out, signal } = context;
    const { wallet } = await context.clients();
    const accounts: string[] = [];
    for (const name of wordsIn(options.accounts)) {
      accounts.push((await chooseAccount(context, wallet, name)).address);
    }
    const amountPerDay = amountFromInput(options.perDay, options.nait).toString();
    const scopes = { accounts, kinds: wordsIn(options.kinds ?? '').map(kindOf), amountPerDay };
    const { label } = args;
    const made = await wallet.createToken({ label, scopes }, { signal });
    out.result({ label, scopes, ...made }, () => {
      const may = scopes.kinds.length === 0 ? 'look' : `sign ${scopes.kinds.join(', ')}`;
      return `${made.token}\n\nThis token is not shown again. ${label} may ${may}, for at most ${aitText(amountPerDay)} a day.`;
    });
  },
});

const wordsIn = (text: string): string[] =>
  text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');

function kindOf(text: string): TxKind {
  const kind = kinds.find((known) => known === text);
  if (kind) return kind;
  const near = nearestWord(text, kinds);
  const reason = `"${text}" is no kind of transactions.${near === undefined ? '' : ` (Did you mean ${near}?)`}`;
  throw new AppError('CLI_USAGE', { reason });
}
