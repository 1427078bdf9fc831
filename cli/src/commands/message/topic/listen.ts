/** `aitbc message topic listen`: what is said on a topic, as it is said. */
import { base64, bytesFromBase64, systemClock } from '@aitbc/primitives';
import { addressOf, messageEndpoints, type Network, readNotice } from '@aitbc/protocol';
import { readEvents } from '@aitbc/sdk';
import { defineCommand } from '../../../command/define-command.ts';
import { positiveInteger } from '../../../command/parse-values.ts';
import { textOf } from '../../../message/open-mail.ts';

export default defineCommand({
  summary: 'What is said on a topic, as it is said',
  details: 'Each notice is checked: who signed it, for which topic and network. Ctrl-C ends it.',
  arguments: [{ name: 'topic', help: 'such as news or jobs/translate' }],
  options: {
    count: { flags: '--count <n>', help: 'end after so many notices', parse: positiveInteger },
  },
  examples: [{ line: 'aitbc message topic listen news', note: 'from now on' }],
  async run(context, { args, options }) {
    const { out, signal, urls } = context;
    const { count = Number.POSITIVE_INFINITY } = options;
    const { node, transport } = await context.clients();
    const { network } = await node.network();
    const path = messageEndpoints.followTopic.path.replace(
      ':topic',
      encodeURIComponent(args.topic),
    );
    const url = `${urls.coordinator.replace(/\/$/, '')}${path}`;
    let told = 0;
    try {
      for await (const { event, data } of readEvents(transport, { url, signal })) {
        const notice = event === 'notice' ? checkedNotice(network, data, args.topic) : undefined;
        if (!notice) continue;
        const { text, from, timeMs, contentType } = notice;
        out.event(notice, () => {
          const head = out.style('bold', `${from}  ${new Date(timeMs).toISOString()}`);
          return `${head}\n${text ?? `(${contentType})`}\n`;
        });
        told += 1;
        if (told >= count) return;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  },
});

/** Undefined for what no sender signed for this topic just now: a coordinator cannot put words into mouths. */
function checkedNotice(network: Network, data: string, topic: string) {
  const { notice: text } = JSON.parse(data) as { notice?: unknown };
  const bytes = typeof text === 'string' ? bytesFromBase64(text) : undefined;
  const read = bytes && readNotice(network, bytes, systemClock.nowMs());
  if (!read?.ok || read.value.topic !== topic) return undefined;
  const { id, sender, timeMs, contentType, payload } = read.value;
  const said = { text: textOf(payload), payload: base64(payload) };
  return { id, from: addressOf(sender), timeMs, topic, contentType, ...said };
}
