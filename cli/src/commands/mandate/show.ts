/** `aitbc mandate show`: one mandate and what was spent by it. */
import { defineCommand } from '../../command/define-command.ts';
import { subKeyAddress, subKeyArgument } from '../../mandate/mandate-terms.ts';
import { mandateFacts } from '../../mandate/mandate-text.ts';
import { accountOption, addressFor } from '../../wallet/choose-account.ts';

export default defineCommand({
  summary: 'The limits of a sub-key and what it has spent',
  arguments: [subKeyArgument],
  options: { account: accountOption },
  examples: [
    { line: 'aitbc mandate show ait1…', note: 'how far the sub-key of your gateway is' },
    { line: 'aitbc mandate show ait1… --account ait1… --json', note: 'of another owner' },
  ],
  async run(context, { args, options }) {
    const { out, signal } = context;
    const subKey = subKeyAddress(args.subKey);
    const owner = await addressFor(context, options.account);
    const { rpc } = (await context.clients()).node;
    const mandate = await rpc.state_getMandate({ owner, subKey }, { signal });
    const { height } = await rpc.chain_status({}, { signal });
    out.result(mandate, () => out.table(mandateFacts(mandate, height)));
  },
});
