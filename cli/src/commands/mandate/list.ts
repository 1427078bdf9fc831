/** `aitbc mandate list`: all mandates of an owner, or of a sub-key. */
import type { MandateJson } from '@aitbc/protocol';
import { aitText } from '../../amounts.ts';
import { defineCommand } from '../../command/define-command.ts';
import { subKeyAddress } from '../../mandate/mandate-terms.ts';
import { mandateState } from '../../mandate/mandate-text.ts';
import { accountOption, addressFor } from '../../wallet/choose-account.ts';

export default defineCommand({
  summary: 'The mandates that an account gave, or that a sub-key has',
  options: {
    account: accountOption,
    subKey: { flags: '--sub-key <address>', help: 'those of this sub-key, whoever gave them' },
  },
  examples: [
    { line: 'aitbc mandate list', note: 'who may spend from your vault' },
    { line: 'aitbc mandate list --sub-key ait1…', note: 'from whose vaults a key may spend' },
  ],
  async run(context, { options }) {
    const { out, signal } = context;
    const { rpc } = (await context.clients()).node;
    const party =
      options.subKey === undefined
        ? { owner: await addressFor(context, options.account) }
        : { subKey: subKeyAddress(options.subKey) };
    const mandates: MandateJson[] = [];
    for (let after: string | null | undefined; after !== null; ) {
      const query = after === undefined ? party : { ...party, after };
      const page = await rpc.state_listMandates(query, { signal });
      mandates.push(...page.mandates);
      after = page.next;
    }
    const { height } = await rpc.chain_status({}, { signal });
    out.result({ mandates }, () => {
      if (mandates.length === 0) return 'There is none. Give one: aitbc mandate grant --help';
      const isOwner = 'owner' in party;
      const rows = mandates.map((mandate) => [
        isOwner ? mandate.subKey : mandate.owner,
        mandateState(mandate, height),
        aitText(mandate.spentNait),
        aitText(mandate.totalMaxNait),
        mandate.models.join(', ') || 'any',
      ]);
      const head = [isOwner ? 'sub-key' : 'owner', 'state', 'spent', 'of', 'models'];
      return out.table(rows, { head, right: [2, 3] });
    });
  },
});
