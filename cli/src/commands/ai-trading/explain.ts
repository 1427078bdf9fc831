/** `aitbc ai-trading explain`: a strategy and its parameters. */
import { defineCommand } from '../../command/define-command.ts';
import { findStrategy } from '../../trading/load-strategies.ts';

export default defineCommand({
  summary: 'What a strategy does, and its parameters with their bounds',
  arguments: [{ name: 'name', help: 'as `strategies` lists it' }],
  examples: [{ line: 'aitbc ai-trading explain undercut', note: 'bps are 1/10 000' }],
  async run(context, { args }) {
    const { out } = context;
    const { strategy, source } = await findStrategy(context, args.name);
    const { name, side, about, parameters } = strategy;
    const isTrained = strategy.fit !== undefined;
    out.result({ name, side, about, source, isTrained, parameters }, () => {
      const facts = out.table([
        ['name', name],
        ['side', side],
        ['does', about],
        ['from', source],
        ['training', isTrained ? 'fits its parameters on the record' : 'has nothing to fit'],
      ]);
      const rows = Object.entries(parameters).map(([key, spec]) => [
        ...[key, `${spec.usual}`, `${spec.least} – ${spec.most}`, spec.about],
      ]);
      if (rows.length === 0) return facts;
      return `${facts}\n\n${out.table(rows, { head: ['parameter', 'usual', 'bounds', 'is'] })}`;
    });
  },
});
