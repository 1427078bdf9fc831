/** `aitbc ai-trading backtest`: what a strategy would have brought. */
import { backtest, findLookAhead, reportHashOf } from '@aitbc/market';
import { AppError } from '@aitbc/protocol';
import { defineCommand } from '../../command/define-command.ts';
import { findStrategy } from '../../trading/load-strategies.ts';
import { barMsOf, setupFrom, setupOptions, tapeOptions } from '../../trading/market-options.ts';
import { openMarketRecord, recordEvents, worldFrom } from '../../trading/record-events.ts';
import { reportText } from '../../trading/report-text.ts';
import { parametersFromText } from '../../trading/trained.ts';

export default defineCommand({
  summary: 'Test a strategy on the record: walk forward, with fees, against the baselines',
  details:
    'Parameters are fitted on a window that has ended and used on the next one. The same record and options give the same report, bit for bit; its hash says so. A strategy that looks into the future is refused.',
  options: {
    strategy: { flags: '-s, --strategy <name>', help: 'as `strategies` lists it', required: true },
    ...tapeOptions,
    ...setupOptions,
    parameters: {
      flags: '--parameters <list>',
      help: 'name=value,…: these all the way, nothing is fitted',
      parse: parametersFromText,
    },
  },
  examples: [
    {
      line: 'aitbc ai-trading backtest --strategy undercut --model qwen3:8b --days 30',
      note: 'a seller',
    },
    {
      line: 'aitbc ai-trading backtest --strategy deadline-aware --model qwen3:8b --slack 48',
      note: 'a buyer whose work may wait four hours',
    },
  ],
  async run(context, { options }) {
    const { out } = context;
    const { strategy } = await findStrategy(context, options.strategy);
    const { model, days, until: untilMs, parameters } = options;
    const barMs = barMsOf(options.bar);
    const record = await openMarketRecord(context);
    if (untilMs === undefined) await recordEvents(context, record);
    const world = worldFrom(record, { model, days, barMs, untilMs });
    const fitted = await setupFrom(context, world, options);
    const setup = { ...fitted, ...(parameters && { parameters }) };
    const report = backtest(world, strategy, setup);
    const ahead = findLookAhead(world.tape, () => strategy, { ...setup, barMs });
    if (ahead) {
      const reason = `${strategy.name} looks into the future: at ${ahead.atMs} it decided "${ahead.decided}", and "${ahead.otherwise}" when what came after ${ahead.cutMs} was ${ahead.change}.`;
      throw new AppError('CLI_USAGE', { reason });
    }
    const answer = { ...report, hash: reportHashOf(report) };
    out.result(answer, () => reportText(out, answer));
  },
});
