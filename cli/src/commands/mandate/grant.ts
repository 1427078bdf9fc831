/** `aitbc mandate grant`: limits within which another key may spend. */
import { amountFromInput } from '../../amounts.ts';
import { ownerOptions, sendAsOwner } from '../../chain/sign-as-validator.ts';
import { defineCommand } from '../../command/define-command.ts';
import { decimal, positiveInteger } from '../../command/parse-values.ts';
import { grantOf, operationsOf, subKeyArgument, subKeyOf } from '../../mandate/mandate-terms.ts';

export default defineCommand({
  summary: 'Let a sub-key spend from your vault, within limits that chain and providers check',
  details:
    'A stolen sub-key cannot cost more than these limits, and nothing after the block of a revocation. A second grant changes the limits and goes on counting. What the sub-key spends comes from the vault; its own coins pay only fees.',
  arguments: [subKeyArgument],
  options: {
    total: { flags: '--total <ait>', help: 'most in all, for ever', required: true },
    perWindow: { flags: '--per-window <ait>', help: 'most in a window; default: the total' },
    windowHours: {
      flags: '--window-hours <n>',
      help: 'length of a window, default 1',
      parse: decimal,
    },
    atATime: { flags: '--at-a-time <ait>', help: 'most at a time; default: that of a window' },
    perJob: { flags: '--per-job <ait>', help: 'most that one job may promise; default: no bound' },
    models: { flags: '--models <names>', help: 'only these models, with commas between them' },
    receivers: { flags: '--receivers <addresses>', help: 'only these providers, with commas' },
    blocks: {
      flags: '--blocks <n>',
      help: 'how many blocks from now it holds, default 100000',
      parse: positiveInteger,
    },
    transfers: { flags: '--transfers', help: 'it may also pay from the vault directly' },
    deposit: { flags: '--deposit <ait>', help: 'put so much into the vault along with it' },
    fees: { flags: '--fees <ait>', help: 'send so much to the sub-key, for its fees' },
    nait: { flags: '--nait', help: 'all amounts are in nait' },
    ...ownerOptions,
  },
  examples: [
    {
      line: 'aitbc mandate grant ait1… --total 5 --per-window 1 --per-job 0.02 --deposit 5 --fees 0.01',
      note: 'for a gateway: 5 AIT in all, 1 AIT an hour, 0.02 AIT a job, and coins to begin with',
    },
    {
      line: 'aitbc mandate grant ait1… --total 5 --models qwen3:8b --blocks 50000 --yes --json',
      note: 'for one model and a while',
    },
  ],
  async run(context, { args, options }) {
    const subKey = subKeyOf(args.subKey);
    const along = (text: string | undefined) => amountFromInput(text ?? '0', options.nait);
    const coins = { depositNait: along(options.deposit), feesNait: along(options.fees) };
    const { rpc } = (await context.clients()).node;
    const { height } = await rpc.chain_status({}, { signal: context.signal });
    const grant = grantOf(subKey, options, height);
    const operations = operationsOf(grant, coins);
    const next = 'How it stands: aitbc mandate show';
    if (operations.length > 1) {
      await sendAsOwner(context, options, {
        ...{ kind: 'batch', next, bodyFor: () => ({ operations }) },
      });
    } else {
      await sendAsOwner(context, options, { kind: 'mandate_grant', next, bodyFor: () => grant });
    }
  },
});
