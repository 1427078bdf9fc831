/** `aitbc wallet history`: what became of the signatures of an account. */
import { asAppError } from '@aitbc/protocol';
import { defineCommand } from '../../command/define-command.ts';
import { positiveInteger } from '../../command/parse-values.ts';
import type { Clients } from '../../context/clients.ts';
import { chooseAccount } from '../../wallet/choose-account.ts';
import { minuteText, newestSignatures } from '../../wallet/signatures.ts';
import { shortHash } from '../../wording.ts';

/** Where a transaction stands: in a final block, on its way, or nowhere. */
type Fate = { state: 'final' | 'waiting' | 'unknown'; height: number | null };

export default defineCommand({
  summary: 'Transactions that this wallet signed for an account, and where they stand',
  details:
    'Unknown is one that was signed and not sent, or refused, or older than the node remembers.',
  arguments: [{ name: 'account', help: 'address or label', required: false }],
  options: {
    limit: {
      flags: '--limit <n>',
      help: 'how many transactions',
      default: '20',
      parse: positiveInteger,
    },
  },
  examples: [{ line: 'aitbc wallet history main', note: 'the last twenty' }],
  async run(context, { args, options: { limit } }) {
    const { out, signal } = context;
    const { wallet, node } = await context.clients();
    const { address } = await chooseAccount(context, wallet, args.account);
    const signed = await newestSignatures(wallet, { address, limit }, signal);
    const transactions = [];
    for (const { txId, atMs, description } of signed) {
      transactions.push({ txId, atMs, description, ...(await fateOf(node, txId, signal)) });
    }
    const rows = transactions.map(({ txId, atMs, description, state, height }) => [
      minuteText(atMs),
      height === null ? state : `block ${height}`,
      shortHash(txId),
      description,
    ]);
    out.result({ address, transactions }, () =>
      rows.length === 0
        ? `This wallet has signed nothing for ${address}.`
        : out.table(rows, { head: ['signed', 'stands', 'transaction', 'what'] }),
    );
  },
});

async function fateOf(node: Clients['node'], txId: string, signal: AbortSignal): Promise<Fate> {
  try {
    const { status, receipt } = await node.rpc.tx_get({ txId }, { signal });
    const height = receipt?.height ?? null;
    return { state: status === 'final' ? 'final' : 'waiting', height };
  } catch (error) {
    if (asAppError(error).code !== 'NOT_FOUND') throw error;
    return { state: 'unknown', height: null };
  }
}
