/** `aitbc wallet token list`: tokens and what they spent today. */
import { aitText } from '../../../amounts.ts';
import { defineCommand } from '../../../command/define-command.ts';
import { counted } from '../../../wording.ts';

export default defineCommand({
  summary: 'Tokens of this wallet, their limits and what they spent today',
  examples: [{ line: 'aitbc wallet token list', note: 'which program may do what' }],
  async run({ out, clients, signal }) {
    const { wallet } = await clients();
    const { tokens } = await wallet.listTokens({}, { signal });
    const rows = tokens.map(({ tokenId, label, scopes, spentToday }) => [
      tokenId,
      label,
      scopes.admin ? 'everything' : counted(scopes.accounts.length, 'account'),
      scopes.admin ? '' : scopes.kinds.join(', ') || 'looks only',
      scopes.admin ? 'no limit' : aitText(scopes.amountPerDay),
      aitText(spentToday),
    ]);
    const head = ['id', 'label', 'accounts', 'kinds', 'a day', 'today'];
    out.result({ tokens }, () => out.table(rows, { head, right: [4, 5] }));
  },
});
