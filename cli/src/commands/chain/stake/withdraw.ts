/** `aitbc chain stake withdraw`: pays out what was released. */
import {
  ownerOptions,
  publicKeyOf,
  sendAsOwner,
  validatorArgument,
} from '../../../chain/sign-as-validator.ts';
import { defineCommand } from '../../../command/define-command.ts';

export default defineCommand({
  summary: 'Pay released stake to its owner',
  arguments: [validatorArgument],
  options: ownerOptions,
  examples: [{ line: 'aitbc chain stake withdraw <key>', note: 'after the unbonding time' }],
  async run(context, { args, options }) {
    const validator = publicKeyOf(args.validator);
    await sendAsOwner(context, options, {
      kind: 'stake_withdraw',
      bodyFor: () => ({ validator }),
      next: 'The coins are in the balance of the owner.',
    });
  },
});
