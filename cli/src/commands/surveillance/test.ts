/** `aitbc surveillance test`: tries the detectors on made-up market days. */
import { defineCommand } from '../../command/define-command.ts';
import { countUpTo } from '../../surveillance/parse-options.ts';

const runsMax = 500;

export default defineCommand({
  summary: 'Tries the detectors of this version on made-up market days with known abuse',
  details:
    'Plays days with honest traffic, innocents who look guilty, and one abuse or none, and counts what each detector finds. Asks no server. The published table is docs/surveillance.md.',
  options: {
    runs: {
      flags: '-n, --runs <count>',
      help: 'days with each abuse, and as many without, up to 500',
      default: '5',
      parse: countUpTo(runsMax),
    },
    seed: {
      flags: '--seed <number>',
      help: 'the same seed plays the same days',
      default: '1',
      parse: countUpTo(1_000_000_000),
    },
  },
  examples: [
    { line: 'aitbc surveillance test', note: 'some seconds' },
    { line: 'aitbc surveillance test --runs 2 --seed 7', note: 'the same days each time' },
  ],
  async run({ out }, { options }) {
    const { detectors } = await import('@aitbc/market');
    const { measureDetectors, shareOf } = await import('@aitbc/market/generators');
    const { runs, seed } = options;
    const counts = measureDetectors({ detectors, runs, seed });
    const rows = counts.map((count) => ({
      ...count,
      recall: shareOf(count.found, count.abusive),
      precision: shareOf(count.right, count.right + count.wrong),
    }));
    out.result({ runs, seed, rows }, () =>
      out.table(
        rows.map(({ pattern, abusive, found, right, wrong, others, wronged, recall }) => [
          ...[pattern, `${found} of ${abusive}`, recall ? boundsOf(recall) : '–'],
          ...[`${right} of ${right + wrong}`, `${wronged} of ${others}`],
        ]),
        {
          head: ['pattern', 'found', 'that is', 'right alerts', 'honest days wronged'],
          right: [1, 3, 4],
        },
      ),
    );
  },
});

function boundsOf({ low, high }: { low: number; high: number }): string {
  return `${Math.round(low * 100)} to ${Math.round(high * 100)} %`;
}
