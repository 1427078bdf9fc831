/** `aitbc ai earnings`: what the own provider earned, and why it was idle. */
import { earningsText } from '../../ai/owner/earnings-text.ts';
import { findServed, providerOwner } from '../../ai/owner/served.ts';
import { defineCommand } from '../../command/define-command.ts';
import { wholeNumber } from '../../command/parse-values.ts';

const daysUsual = 30;

export default defineCommand({
  summary: 'What your provider earned, by day and model, and why it was idle',
  details: 'Days are those of UTC. Charged is what receipts prove; claims on chain follow later.',
  options: {
    days: { flags: '--days <n>', help: 'so many days back (default 30)', parse: wholeNumber },
    dataDir: { flags: '--data-dir <dir>', help: 'folder of the provider' },
  },
  examples: [
    { line: 'aitbc ai earnings', note: 'the last 30 days' },
    { line: 'aitbc ai earnings --days 1 --json', note: 'today, for a script' },
  ],
  async run(context, { options }) {
    const { out, signal } = context;
    const client = await providerOwner(context, findServed(context, options.dataDir));
    const statement = await client.earnings({ days: options.days ?? daysUsual }, { signal });
    out.result(statement, () => earningsText(out, statement));
  },
});
