/** `aitbc market providers`: who is connected. */
import { defineCommand } from '../../command/define-command.ts';
import { listAll } from '../../market/list-all.ts';
import { loadText } from '../../market/offer-rows.ts';

export default defineCommand({
  summary: 'Providers that are connected now',
  examples: [{ line: 'aitbc market providers', note: 'their addresses, models and load' }],
  async run({ out, clients, signal }) {
    const { coordinator } = await clients();
    const providers = await listAll(async (after) => {
      const page = await coordinator.listProviders({ after }, { signal });
      return { rows: page.providers, next: page.next };
    });
    const rows = providers.map(({ provider, endpoint, models, gauges }) => [
      provider,
      endpoint,
      models.join(', '),
      loadText(gauges),
    ]);
    out.result({ providers }, () =>
      rows.length === 0
        ? 'No provider is connected now.'
        : out.table(rows, { head: ['provider', 'endpoint', 'models', 'load'], right: [3] }),
    );
  },
});
