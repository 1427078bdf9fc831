/** `aitbc ai-trading status`: runs of this user. */
import { aitText } from '../../amounts.ts';
import { defineCommand } from '../../command/define-command.ts';
import { timeText } from '../../trading/report-text.ts';
import { allRuns, isRunning, type RunState } from '../../trading/run-state.ts';
import { counted } from '../../wording.ts';

export default defineCommand({
  summary: 'Runs of strategies, on paper and live, with what they did last',
  examples: [{ line: 'aitbc ai-trading status', note: 'also of runs that have ended' }],
  async run(context) {
    const { out } = context;
    const runs = allRuns(context).map((state) => ({
      ...aboutOf(state),
      last: state.decisions.at(-1) ?? null,
    }));
    out.result({ runs }, () => {
      if (runs.length === 0)
        return 'No strategy has run yet. Begin with: aitbc ai-trading run --help';
      return runs.map((one) => textOf(out.table, one)).join('\n\n');
    });
  },
});

function aboutOf(state: RunState) {
  const { strategy, side, model, mode, startedAtMs, parameters, spentNait, jobs, prices } = state;
  const price = prices.at(-1)?.price ?? null;
  const changes = Math.max(0, prices.length - 1);
  const about = {
    strategy,
    side,
    model,
    mode,
    isRunning: isRunning(state),
    startedAtMs,
    parameters,
  };
  return { ...about, price, changes, jobs: jobs.length, spentNait };
}

type About = ReturnType<typeof aboutOf> & { readonly last: RunState['decisions'][number] | null };

function textOf(table: (rows: readonly (readonly string[])[]) => string, about: About): string {
  const {
    strategy,
    side,
    mode,
    model,
    isRunning: runs,
    price,
    changes,
    jobs,
    spentNait,
    last,
  } = about;
  const own =
    side === 'seller'
      ? [['price', price === null ? '–' : `${aitText(price)}, ${counted(changes, 'change')}`]]
      : [['jobs', `${jobs}, ${aitText(spentNait)}`]];
  return table([
    ['run', `${strategy} (${side}, ${mode}${runs ? '' : ', not running'})`],
    ['model', model],
    ['since', timeText(about.startedAtMs)],
    ...own,
    ['last', last === null ? '–' : `${timeText(last.atMs)}  ${last.text}`],
  ]);
}
