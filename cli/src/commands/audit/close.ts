/** `aitbc audit close`: lets a dispute go on whose date has passed. */
import { auditIdArgument, auditIdOf } from '../../audit/audit-text.ts';
import { ownerOptions, sendAsOwner } from '../../chain/sign-as-validator.ts';
import { defineCommand } from '../../command/define-command.ts';

export default defineCommand({
  summary: 'Let a dispute go on whose date has passed; anybody may',
  details:
    'Ends the time to commit or to reveal, or pays everybody out after the time to appeal. Those who are in the dispute do it by themselves; this is for when none of them is there.',
  arguments: [auditIdArgument],
  options: ownerOptions,
  examples: [
    {
      line: 'aitbc audit close 1e3877346bf3b1ba2528a52fc865dbd8f631c44fc9410237ff1f54e35dd5e1c6',
      note: 'costs you the fee of one transaction',
    },
  ],
  async run(context, { args, options }) {
    const auditId = auditIdOf(args.audit);
    await sendAsOwner(context, options, {
      kind: 'audit_close',
      bodyFor: () => ({ auditId }),
      next: `See where it stands: aitbc audit show ${auditId}`,
    });
  },
});
