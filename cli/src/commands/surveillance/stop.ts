/** `aitbc surveillance stop`: switches detectors. */
import { defineCommand } from '../../command/define-command.ts';
import { adminClient } from '../../surveillance/admin-client.ts';

export default defineCommand({
  summary: 'Stops the detectors of the coordinator, or one of them; for its operator',
  details: 'What happens while a detector is off, it never sees. Alerts that were found stay.',
  arguments: [{ name: 'pattern', help: 'one detector; all when left out', required: false }],
  examples: [
    { line: 'aitbc surveillance stop', note: 'nothing is watched any more' },
    { line: 'aitbc surveillance stop price-jump', note: 'the others go on' },
  ],
  async run(context, { args }) {
    const { out, signal } = context;
    const admin = await adminClient(context);
    const { running } = await admin.stopDetectors({ pattern: args.pattern }, { signal });
    out.result({ running }, () =>
      running.length === 0 ? 'No detector is at work.' : `At work: ${running.join(', ')}`,
    );
  },
});
