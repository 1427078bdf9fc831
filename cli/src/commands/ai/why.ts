/** `aitbc ai why`: why a provider got jobs, or did not. */
import { join } from 'node:path';
import { defineCommand } from '../../command/define-command.ts';
import { positiveInteger } from '../../command/parse-values.ts';
import { logInAsProvider } from '../../market/provider-login.ts';

const limitDefault = 20;

export default defineCommand({
  summary: 'Why your provider got jobs, or did not',
  details:
    'The coordinator keeps for each routing decision what decided about each offer it looked at: price, queue, speed, a wish of the buyer. This logs in with the keys of `aitbc ai serve` and shows the newest ones.',
  options: {
    dataDir: { flags: '--data-dir <dir>', help: 'keys of the provider (default <home>/serve)' },
    limit: {
      flags: '-l, --limit <n>',
      help: `how many decisions (default ${limitDefault})`,
      parse: positiveInteger,
    },
  },
  examples: [
    { line: 'aitbc ai why', note: 'the last twenty decisions' },
    { line: 'aitbc ai why --limit 5 --json', note: 'with all figures' },
  ],
  async run(context, { options }) {
    const { out, home, signal } = context;
    const login = await logInAsProvider(context, options.dataDir ?? join(home, 'serve'));
    const { coordinator } = await context.clients();
    const { headers } = login;
    const { limit = limitDefault } = options;
    const answer = await coordinator.decisions({ limit }, { signal, headers });
    const rows = answer.decisions.map(({ atMs, model, rank, candidates, text }) => [
      new Date(atMs).toISOString().slice(11, 19),
      model,
      rank === null ? '–' : `${rank + 1} of ${candidates}`,
      text,
    ]);
    out.result(answer, () =>
      rows.length === 0
        ? `No routing decision has looked at ${login.provider} yet.`
        : out.table(rows, { head: ['time (UTC)', 'model', 'rank', 'why'] }),
    );
  },
});
