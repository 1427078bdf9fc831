/** `aitbc audit appeal`: five other jurors judge again. */
import { AppError } from '@aitbc/protocol';
import { findServed, providerOwner } from '../../ai/owner/served.ts';
import { auditIdArgument, auditIdOf } from '../../audit/audit-text.ts';
import { defineCommand } from '../../command/define-command.ts';

export default defineCommand({
  summary: 'Appeal against the verdict of the first jurors, as your provider',
  details:
    'The loser may appeal once, within the vote time after the verdict: the accused when it was found guilty, the accuser when it was not. The deposit is twice that of an accusation and is lost with the appeal. Five jurors who did not sit before decide for good.',
  arguments: [auditIdArgument],
  options: {
    dataDir: { flags: '--data-dir <dir>', help: 'folder of the provider' },
    yes: { flags: '-y, --yes', help: 'do not ask' },
  },
  examples: [
    {
      line: 'aitbc audit appeal 1e3877346bf3b1ba2528a52fc865dbd8f631c44fc9410237ff1f54e35dd5e1c6',
      note: 'sent from the account of your provider',
    },
  ],
  async run(context, { args, options }) {
    const { out, ask, signal } = context;
    const auditId = auditIdOf(args.audit);
    const client = await providerOwner(context, findServed(context, options.dataDir));
    const isSure =
      options.yes || !ask.isPossible || (await ask.confirm('Set the deposit aside and appeal?'));
    if (!isSure) throw new AppError('CANCELLED');
    await client.appealAudit({ auditId }, { signal });
    out.result(
      { auditId },
      () => `Five other jurors judge it now. See: aitbc audit show ${auditId}`,
    );
  },
});
