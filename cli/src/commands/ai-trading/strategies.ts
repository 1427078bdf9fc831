/** `aitbc ai-trading strategies`: what there is. */
import { defineCommand } from '../../command/define-command.ts';
import { loadStrategies, strategiesDir } from '../../trading/load-strategies.ts';

export default defineCommand({
  summary: 'List strategies of sellers and buyers, your own among them',
  details: 'Files *.mjs of the folder strategies in your home are strategies, too.',
  examples: [
    {
      line: 'aitbc ai-trading strategies',
      note: 'more about one: aitbc ai-trading explain undercut',
    },
  ],
  async run(context) {
    const known = await loadStrategies(context);
    const rows = known.map(({ strategy: { name, side, about }, source }) => ({
      ...{ name, side, about, source },
    }));
    context.out.result({ folder: strategiesDir(context), strategies: rows }, () =>
      context.out.table(
        rows.map(({ name, side, about, source }) => [name, side, about, source]),
        { head: ['name', 'side', 'what it does', 'from'] },
      ),
    );
  },
});
