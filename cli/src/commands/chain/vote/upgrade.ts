/** `aitbc chain vote upgrade`: a vote for a version of the rules. */
import { ownerOptions, publicKeyOf, sendAsOwner } from '../../../chain/sign-as-validator.ts';
import { defineCommand } from '../../../command/define-command.ts';
import { positiveInteger } from '../../../command/parse-values.ts';

export default defineCommand({
  summary: 'Vote with a validator for a version of the rules from a height on',
  details:
    'With two thirds of the stake the upgrade is decided. A node whose program does not know the version stops before that height.',
  options: {
    validator: { flags: '--validator <key>', help: 'whose vote it is', required: true },
    toVersion: {
      flags: '--to <version>',
      help: 'version of the rules',
      required: true,
      parse: positiveInteger,
    },
    height: {
      flags: '--height <height>',
      help: 'first block of an epoch, in the future',
      required: true,
      parse: positiveInteger,
    },
    ...ownerOptions,
  },
  examples: [
    {
      line: 'aitbc chain vote upgrade --validator <key> --to 2 --height 100001',
      note: 'version 2 from there on',
    },
  ],
  async run(context, { options }) {
    const { toVersion: version, height } = options;
    const validator = publicKeyOf(options.validator);
    await sendAsOwner(context, options, {
      kind: 'upgrade_signal',
      bodyFor: () => ({ validator, version, height }),
      next: 'What is open: aitbc chain vote list',
    });
  },
});
