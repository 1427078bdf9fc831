/** `aitbc message topic publish`: something for everybody who listens now. */
import { base64, systemClock } from '@aitbc/primitives';
import { writeNotice } from '@aitbc/protocol';
import { defineCommand } from '../../../command/define-command.ts';
import { bodyOf, bodyOptions } from '../../../message/message-body.ts';
import { messageKey } from '../../../message/message-key.ts';
import { counted } from '../../../wording.ts';

export default defineCommand({
  summary: 'Say something to everybody who listens to a topic now',
  details:
    'Signed with the key of your letters, not sealed, and kept by nobody. A topic is words of a-z and 0-9, joined by ".", "/" or "-".',
  arguments: [
    { name: 'topic', help: 'such as news or jobs/translate' },
    { name: 'text', help: 'what to say', required: false, variadic: true },
  ],
  options: { ...bodyOptions },
  examples: [{ line: 'aitbc message topic publish news "We are open again"', note: 'to all' }],
  async run(context, { args, options }) {
    const { out, signal } = context;
    const { node, coordinator } = await context.clients();
    const { network } = await node.network();
    const wish = { topic: args.topic, ...bodyOf(args.text ?? [], options) };
    const by = { keys: messageKey(context.home), nowMs: systemClock.nowMs() };
    const notice = base64(writeNotice(network, wish, by));
    const sent = await coordinator.publishTopic({ topic: args.topic, notice }, { signal });
    out.result(
      sent,
      () => `Notice ${sent.id} reached ${counted(sent.listeners, 'listener')} of this coordinator.`,
    );
  },
});
