/** `aitbc wallet multisig list`: shared accounts of the wallet. */
import { defineCommand } from '../../../command/define-command.ts';

export default defineCommand({
  summary: 'Shared accounts that this wallet knows, and what waits in them',
  examples: [{ line: 'aitbc wallet multisig list', note: 'who must agree, and to how much' }],
  async run({ out, clients, signal }) {
    const { wallet } = await clients();
    const { accounts: all } = await wallet.listAccounts({}, { signal });
    const accounts = [];
    for (const { address, label } of all.filter(({ kind }) => kind === 'shared')) {
      const { threshold, members, proposals } = await wallet.proposals({ address }, { signal });
      const open = proposals.filter(({ over }) => over === null).length;
      accounts.push({ label, address, threshold, members: members.length, open });
    }
    const rows = accounts.map(({ label, address, threshold, members, open }) => [
      label,
      address,
      `${threshold} of ${members}`,
      `${open}`,
    ]);
    const head = ['label', 'address', 'agree', 'open'];
    out.result({ accounts }, () =>
      rows.length === 0
        ? 'No shared account yet. Make one with: aitbc wallet multisig create <label>'
        : out.table(rows, { head, right: [3] }),
    );
  },
});
