/** `aitbc surveillance summary`: how many alerts of what. */
import { alertLevels } from '@aitbc/protocol';
import { defineCommand } from '../../command/define-command.ts';
import { counted } from '../../wording.ts';

export default defineCommand({
  summary: 'How many alerts there are, by pattern, level and status',
  examples: [{ line: 'aitbc surveillance summary', note: 'is there anything to look at?' }],
  async run({ out, clients, signal }) {
    const { coordinator } = await clients();
    const { patterns } = await coordinator.alertPatterns({}, { signal });
    const total = (state: 'open' | 'resolved' | 'false_positive') =>
      patterns.reduce((sum, { states }) => sum + states[state], 0);
    const totals = {
      open: total('open'),
      resolved: total('resolved'),
      falsePositives: total('false_positive'),
    };
    out.result({ totals, patterns }, () => {
      const rows = patterns.map(({ pattern, levels, states }) => [
        ...[pattern, ...alertLevels.map((level) => String(levels[level]))],
        ...[String(states.open), String(states.resolved), String(states.false_positive)],
      ]);
      const head = ['pattern', ...alertLevels, 'open', 'resolved', 'false positive'];
      return [
        `${counted(totals.open, 'open alert')}, ${totals.resolved} resolved, ${counted(totals.falsePositives, 'false positive')}`,
        '',
        out.table(rows, { head, right: rows[0]?.map((_cell, at) => at).slice(1) ?? [] }),
      ].join('\n');
    });
  },
});
