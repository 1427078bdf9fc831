/** `aitbc surveillance list-patterns`: what the detectors look for. */
import { defineCommand } from '../../command/define-command.ts';

export default defineCommand({
  summary: 'What the detectors look for, and from which numbers on',
  details:
    'These are the detectors of this version with their usual thresholds; a coordinator may have others (`aitbc surveillance status`). How good they are: docs/surveillance.md.',
  examples: [{ line: 'aitbc surveillance list-patterns', note: 'asks no server' }],
  async run({ out }) {
    const { detectors } = await import('@aitbc/market');
    const patterns = detectors.map(({ name: pattern, about, watches, thresholds }) => ({
      ...{ pattern, about, watches: [...watches] },
      thresholds: Object.entries(thresholds).map(([name, row]) => ({ name, ...row })),
    }));
    out.result({ patterns }, () =>
      patterns
        .map(({ pattern, about, watches, thresholds }) =>
          [
            out.style('bold', pattern),
            out.table([
              ['finds', about],
              ['reads', watches.join(', ')],
              ...thresholds.map(({ name, value, unit, about: what }) => [
                name,
                `${value} ${unit}: ${what}`,
              ]),
            ]),
          ].join('\n'),
        )
        .join('\n\n'),
    );
  },
});
