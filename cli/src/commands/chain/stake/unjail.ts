/** `aitbc chain stake unjail`: back into the set. */
import {
  ownerOptions,
  publicKeyOf,
  sendAsOwner,
  validatorArgument,
} from '../../../chain/sign-as-validator.ts';
import { defineCommand } from '../../../command/define-command.ts';

export default defineCommand({
  summary: 'Let a validator that was jailed for silence back',
  arguments: [validatorArgument],
  options: ownerOptions,
  examples: [{ line: 'aitbc chain stake unjail <key>', note: 'when its node runs again' }],
  async run(context, { args, options }) {
    const validator = publicKeyOf(args.validator);
    await sendAsOwner(context, options, {
      kind: 'validator_unjail',
      bodyFor: () => ({ validator }),
      next: 'It can be in the set from the next epoch on.',
    });
  },
});
