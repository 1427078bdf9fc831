/** `aitbc wallet list`: the accounts of the wallet daemon. */
import { defineCommand } from '../../command/define-command.ts';
import type { WalletAccount } from '../../wallet/choose-account.ts';
import { durationText } from '../../wording.ts';

export default defineCommand({
  summary: 'Accounts of this wallet, and whether their keys are here and unlocked',
  examples: [{ line: 'aitbc wallet list', note: 'labels, addresses, locks' }],
  async run({ out, clients, signal }) {
    const { wallet } = await clients();
    const { accounts } = await wallet.listAccounts({}, { signal });
    const rows = accounts.map((account) => [account.label, account.address, lockOf(account)]);
    out.result({ accounts }, () =>
      rows.length === 0
        ? 'No account yet. Make one with: aitbc wallet create <label>'
        : out.table(rows, { head: ['label', 'address', 'lock'] }),
    );
  },
});

function lockOf({ kind, unlockedUntilMs }: WalletAccount): string {
  if (kind === 'shared') return 'shared';
  if (kind === 'watch') return 'watched, no key';
  if (unlockedUntilMs === null) return 'locked';
  return `open for ${durationText(unlockedUntilMs - Date.now())}`;
}
