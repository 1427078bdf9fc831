/** `aitbc surveillance start`: switches detectors. */
import { defineCommand } from '../../command/define-command.ts';
import { adminClient } from '../../surveillance/admin-client.ts';

export default defineCommand({
  summary: 'Starts the detectors of the coordinator, or one of them; for its operator',
  details: 'It begins anew: what happened while it was off is not looked at.',
  arguments: [{ name: 'pattern', help: 'one detector; all when left out', required: false }],
  examples: [
    { line: 'aitbc surveillance start', note: 'all of them' },
    { line: 'aitbc surveillance start price-jump', note: 'only this one' },
  ],
  async run(context, { args }) {
    const { out, signal } = context;
    const admin = await adminClient(context);
    const { running } = await admin.startDetectors({ pattern: args.pattern }, { signal });
    out.result({ running }, () =>
      running.length === 0 ? 'No detector is at work.' : `At work: ${running.join(', ')}`,
    );
  },
});
