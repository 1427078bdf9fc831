/** `aitbc wallet list`: the accounts of the wallet daemon. */
import { defineCommand } from '../../command/define-command.ts';
import { durationText } from '../../wording.ts';

export default defineCommand({
  summary: 'Accounts of this wallet and whether they are unlocked',
  examples: [{ line: 'aitbc wallet list', note: 'labels, addresses, locks' }],
  async run({ out, clients, signal }) {
    const { wallet } = await clients();
    const { accounts } = await wallet.listAccounts({}, { signal });
    const rows = accounts.map(({ label, address, unlockedUntilMs }) => [
      label,
      address,
      unlockedUntilMs === null
        ? 'locked'
        : `open for ${durationText(unlockedUntilMs - Date.now())}`,
    ]);
    out.result({ accounts }, () =>
      rows.length === 0
        ? 'No account yet. Make one with: aitbc wallet create <label>'
        : out.table(rows, { head: ['label', 'address', 'lock'] }),
    );
  },
});
