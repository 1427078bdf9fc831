/** `aitbc ai-trading record`: keeps the events of the market. */

import { pause } from '../../chain/await-final.ts';
import { defineCommand } from '../../command/define-command.ts';
import { positiveInteger } from '../../command/parse-values.ts';
import type { Context } from '../../context/context.ts';
import { openMarketRecord, recordEvents } from '../../trading/record-events.ts';
import type { RecordFile } from '../../trading/record-file.ts';
import { timeText } from '../../trading/report-text.ts';

export default defineCommand({
  summary: 'Keep the events of the market: offers, and jobs that were sold',
  details:
    'A coordinator forgets them after 30 days. The file is only appended to, and its hash stands for all of it.',
  options: {
    follow: { flags: '--follow', help: 'go on until Ctrl-C' },
    every: {
      flags: '--every <seconds>',
      help: 'with --follow',
      default: '60',
      parse: positiveInteger,
    },
  },
  examples: [
    { line: 'aitbc ai-trading record', note: 'what happened since the last time' },
    { line: 'aitbc ai-trading record --follow --every 300', note: 'every five minutes' },
  ],
  async run(context, { options }) {
    const record = await openMarketRecord(context);
    if (!options.follow) {
      const added = await recordEvents(context, record);
      const about = aboutOf(record, added);
      context.out.result(about, () => textOf(context, record, added));
      return;
    }
    for (;;) {
      const added = await recordEvents(context, record);
      context.out.event(aboutOf(record, added), () => lineOf(record, added));
      await pause(options.every * 1_000, context.signal);
    }
  },
});

function aboutOf({ file, head }: RecordFile, added: number) {
  const { network, events, bytes, untilMs, hash } = head;
  return { file, network, added, events, bytes, untilMs, hash };
}

function textOf({ out }: Context, { file, head }: RecordFile, added: number): string {
  return out.table([
    ['file', file],
    ['network', head.network],
    ['events', `${head.events}, ${added} of them new`],
    ['complete until', timeText(head.untilMs)],
    ['hash', head.hash],
  ]);
}

function lineOf({ head }: RecordFile, added: number): string {
  return `${timeText(head.untilMs)}  ${added} new, ${head.events} events`;
}
