/** `aitbc wallet multisig show`: members and proposals of a shared account. */
import { aitText } from '../../../amounts.ts';
import { defineCommand } from '../../../command/define-command.ts';
import { openShared, type SharedView, sharedArgument } from '../../../wallet/shared-account.ts';
import { minuteText } from '../../../wallet/signatures.ts';
import { shortHash } from '../../../wording.ts';

export default defineCommand({
  summary: 'Members of a shared account, its coins, and what has been proposed',
  arguments: [sharedArgument],
  options: { all: { flags: '--all', help: 'proposals that are over, too' } },
  examples: [{ line: 'aitbc wallet multisig show team', note: 'what waits for your approval' }],
  async run(context, { args, options }) {
    const { out, signal } = context;
    const { wallet, node } = await context.clients();
    const view = await openShared(context, wallet, args.shared);
    const { balance } = await node.rpc.state_getAccount({ address: view.address }, { signal });
    const proposals = view.proposals.filter(({ over }) => options.all || over === null);
    const { label, address, threshold, members } = view;
    const shown = { label, address, balance, threshold, members, proposals };
    out.result(shown, () => {
      const head = out.table([
        ['account', `${label} (${address})`],
        ['balance', aitText(balance)],
        ['agree', `${threshold} of ${members.length}`],
        ...members.map(({ address: one, label: name }) => ['', `${one} ${name ?? ''}`.trim()]),
      ]);
      return [head, ...proposals.map((one) => proposalText(view, one))].join('\n\n');
    });
  },
});

function proposalText({ threshold }: SharedView, one: SharedView['proposals'][number]): string {
  const { proposalId, description, approvals, over, expiresAtMs, heldMembers } = one;
  const state = over === null ? `until ${minuteText(expiresAtMs)}` : over;
  const next = over === null && heldMembers.length > 0 ? ', waits for you' : '';
  const count = `${approvals.length} of ${threshold} agree${next}`;
  return [`${shortHash(proposalId)}  ${count}; ${state}`, description].filter(Boolean).join('\n');
}
