/** `aitbc ai-trading init`: folders, an example of a strategy, and the first record. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineCommand } from '../../command/define-command.ts';
import { exampleStrategy } from '../../trading/example-strategy.ts';
import { strategiesDir } from '../../trading/load-strategies.ts';
import { openMarketRecord, recordEvents } from '../../trading/record-events.ts';
import { counted } from '../../wording.ts';

export default defineCommand({
  summary:
    'Make the folders of the trading commands, with an example strategy, and record the market',
  details: 'Nothing that is there already is changed; call it as often as you like.',
  examples: [{ line: 'aitbc ai-trading init', note: 'then: aitbc ai-trading strategies' }],
  async run(context) {
    const dir = strategiesDir(context);
    const example = join(dir, 'nights-cheaper.mjs');
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    if (!existsSync(example)) writeFileSync(example, exampleStrategy, { mode: 0o600 });
    const record = await openMarketRecord(context);
    await recordEvents(context, record);
    const { network, events } = record.head;
    context.out.result({ strategiesDir: dir, example, record: record.file, network, events }, () =>
      [
        `Your strategies go into ${dir}; an example is there.`,
        `${counted(events, 'event')} of ${network} are recorded in ${record.file}.`,
      ].join('\n'),
    );
  },
});
