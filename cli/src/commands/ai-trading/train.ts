/** `aitbc ai-trading train`: parameters out of the record. */
import { historyOf, parametersOf, tapeHashOf } from '@aitbc/market';
import { AppError } from '@aitbc/protocol';
import { aitText } from '../../amounts.ts';
import { defineCommand } from '../../command/define-command.ts';
import { loadStrategies } from '../../trading/load-strategies.ts';
import { barMsOf, setupFrom, setupOptions, tapeOptions } from '../../trading/market-options.ts';
import { openMarketRecord, recordEvents, worldFrom } from '../../trading/record-events.ts';
import { parametersText } from '../../trading/report-text.ts';
import { saveTrained, type Trained } from '../../trading/trained.ts';

export default defineCommand({
  summary: 'Fit the parameters of strategies on recorded days, and keep them for signals and runs',
  details:
    'What the fitted parameters would have brought in the very window they were fitted on is no promise: ask `backtest` for that.',
  options: {
    ...tapeOptions,
    strategy: {
      flags: '-s, --strategy <name>',
      help: 'only this one; default: all that can be fitted',
    },
    ...setupOptions,
  },
  examples: [
    { line: 'aitbc ai-trading train --model qwen3:8b --days 30', note: 'all strategies' },
    {
      line: 'aitbc ai-trading train --model qwen3:8b --strategy undercut --cost 0.05',
      note: 'one',
    },
  ],
  async run(context, { options }) {
    const { out } = context;
    const { model, days, until: untilMs, strategy: wanted } = options;
    const barMs = barMsOf(options.bar);
    const known = (await loadStrategies(context)).map(({ strategy }) => strategy);
    const chosen = known.filter(({ name, fit }) => fit && (wanted ?? name) === name);
    if (chosen.length === 0)
      throw new AppError('CLI_USAGE', { reason: `${wanted} is no strategy that can be trained.` });
    const record = await openMarketRecord(context);
    if (untilMs === undefined) await recordEvents(context, record);
    const world = worldFrom(record, { model, days, barMs, untilMs });
    const setup = { ...(await setupFrom(context, world, options)), fitBars: world.bars.length };
    const about = { fromMs: world.tape.fromMs, untilMs: world.tape.untilMs, barMs };
    const tapeHash = tapeHashOf(world.tape);
    const trained = chosen.map((strategy): Trained => {
      const history = historyOf(world, strategy, { setup, from: world.bars.length });
      const parameters = parametersOf(strategy.parameters, strategy.fit?.(history));
      const scoreNait = history.score(parameters);
      const usualScoreNait = history.score(parametersOf(strategy.parameters));
      return {
        strategy: strategy.name,
        model,
        parameters,
        scoreNait,
        usualScoreNait,
        ...about,
        tapeHash,
      };
    });
    for (const one of trained) saveTrained(context, one);
    out.result({ model, bars: world.bars.length, ...about, tapeHash, trained }, () =>
      out.table(
        trained.map(({ strategy, parameters, scoreNait, usualScoreNait }) => [
          ...[strategy, parametersText(parameters), aitText(scoreNait), aitText(usualScoreNait)],
        ]),
        { head: ['strategy', 'parameters', 'in this window', 'the usual ones'], right: [2, 3] },
      ),
    );
  },
});
