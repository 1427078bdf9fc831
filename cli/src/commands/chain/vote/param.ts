/** `aitbc chain vote param`: a vote for a parameter. */
import { ownerOptions, publicKeyOf, sendAsOwner } from '../../../chain/sign-as-validator.ts';
import { defineCommand } from '../../../command/define-command.ts';
import { positiveInteger } from '../../../command/parse-values.ts';

const usualBlocks = 10_000;

export default defineCommand({
  summary: 'Vote with a validator for the value of a parameter',
  details:
    'Votes for one name, value and last height belong together. With two thirds of the stake the value holds from the next epoch on.',
  arguments: [
    { name: 'name', help: 'such as feePerRow or fees.transfer' },
    { name: 'value', help: 'decimal; amounts in nait' },
  ],
  options: {
    validator: { flags: '--validator <key>', help: 'whose vote it is', required: true },
    until: {
      flags: '--until <height>',
      help: `last height for votes; default ${usualBlocks} blocks from now`,
      parse: positiveInteger,
    },
    ...ownerOptions,
  },
  examples: [
    {
      line: 'aitbc chain vote param fees.transfer 2000 --validator <key> --until 50000',
      note: 'transfers cost 2000 nait',
    },
  ],
  async run(context, { args, options }) {
    const validator = publicKeyOf(options.validator);
    const { node } = await context.clients();
    const { height } = await node.rpc.chain_status({}, { signal: context.signal });
    const untilHeight = options.until ?? height + usualBlocks;
    await sendAsOwner(context, options, {
      kind: 'param_vote',
      bodyFor: () => ({ validator, name: args.name, value: args.value, untilHeight }),
      next: `Others vote for the same with --until ${untilHeight}. What is open: aitbc chain vote list`,
    });
  },
});
