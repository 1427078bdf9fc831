/** `aitbc mandate revoke`: no more spending, from the next block on. */
import { ownerOptions, sendAsOwner } from '../../chain/sign-as-validator.ts';
import { defineCommand } from '../../command/define-command.ts';
import { subKeyArgument, subKeyOf } from '../../mandate/mandate-terms.ts';

export default defineCommand({
  summary: 'Take the mandate of a sub-key back',
  details:
    'From the next block on the chain moves nothing more for the key and honest providers take no voucher of it. What already lies in its channels stays yours; it comes back when they are closed.',
  arguments: [subKeyArgument],
  options: ownerOptions,
  examples: [{ line: 'aitbc mandate revoke ait1…', note: 'for a key that was stolen or is done' }],
  async run(context, { args, options }) {
    const subKey = subKeyOf(args.subKey);
    await sendAsOwner(context, options, {
      kind: 'mandate_revoke',
      bodyFor: () => ({ subKey }),
      next: 'No voucher of this key is taken any more.',
    });
  },
});
