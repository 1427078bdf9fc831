/** `aitbc surveillance resolve`: closes an alert. */
import { type alertResolutions, alertResolutions as resolutions } from '@aitbc/protocol';
import { defineCommand } from '../../command/define-command.ts';
import { adminClient } from '../../surveillance/admin-client.ts';
import { alertText } from '../../surveillance/alert-text.ts';

export default defineCommand({
  summary: 'Closes an alert; for the operator of the coordinator',
  details:
    'Needs the token in `coordinator/admin.token` of the home folder, or AITBC_COORDINATOR_TOKEN, or AITBC_COORDINATOR_TOKEN_FILE.',
  arguments: [{ name: 'id', help: 'id of the alert' }],
  options: {
    resolution: {
      flags: '-r, --resolution <resolution>',
      help: 'what it turned out to be',
      choices: resolutions,
      required: true,
    },
    note: { flags: '--note <text>', help: 'why', default: '' },
  },
  examples: [
    {
      line: 'aitbc surveillance resolve 1e3877346bf3b1ba2528a52fc865dbd8f631c44fc9410237ff1f54e35dd5e1c6 --resolution false_positive --note "a refund"',
      note: 'the detector was wrong',
    },
  ],
  async run(context, { args, options }) {
    const { out, signal } = context;
    const resolution = options.resolution as (typeof alertResolutions)[number];
    const admin = await adminClient(context);
    const { note } = options;
    const alert = await admin.resolveAlert({ id: args.id, resolution, note }, { signal });
    out.result(alert, () => alertText(out, alert));
  },
});
