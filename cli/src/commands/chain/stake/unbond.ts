/** `aitbc chain stake unbond`: begins to take stake back. */
import { amountFromInput } from '../../../amounts.ts';
import {
  ownerOptions,
  publicKeyOf,
  sendAsOwner,
  validatorArgument,
} from '../../../chain/sign-as-validator.ts';
import { defineCommand } from '../../../command/define-command.ts';

export default defineCommand({
  summary: 'Begin to take stake back from a validator',
  details: 'The coins stay liable until the unbonding time is over; then `withdraw` pays them out.',
  arguments: [validatorArgument, { name: 'amount', help: 'in AIT' }],
  options: { nait: { flags: '--nait', help: 'the amount is in nait' }, ...ownerOptions },
  examples: [{ line: 'aitbc chain stake unbond <key> 500', note: 'half of a stake of 1000 AIT' }],
  async run(context, { args, options }) {
    const amount = amountFromInput(args.amount, options.nait);
    const validator = publicKeyOf(args.validator);
    await sendAsOwner(context, options, {
      kind: 'validator_unbond',
      bodyFor: () => ({ validator, amount }),
      next: 'When the time is over: aitbc chain stake withdraw',
    });
  },
});
