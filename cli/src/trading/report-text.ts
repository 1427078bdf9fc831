/** Back-tests and series for people. */
import type { BacktestReport, Parameters } from '@aitbc/market';
import { aitText } from '../amounts.ts';
import type { Out } from '../context/out.ts';

const verdicts = {
  better: 'better than the baseline, beyond chance',
  worse: 'worse than the baseline, beyond chance',
  chance: 'nothing that chance would not do as well',
  few: 'too early to say: fewer than 30 periods',
} as const;

/** `byBps=500, floorBps=0`. */
export function parametersText(parameters: Parameters): string {
  const pairs = Object.entries(parameters).map(([name, value]) => `${name}=${value}`);
  return pairs.join(', ') || 'none';
}

/** A time without its seconds' fraction. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** 1/10 000 as per cent. */
export function percentText(bps: number): string {
  return `${(bps / 100).toFixed(2)} %`;
}

/** The report as a table of facts. */
export function reportText(out: Out, report: BacktestReport & { readonly hash: string }): string {
  const { excess, folds, sharpeMilli, hitBps } = report;
  const last = folds.at(-1);
  const unit = report.side === 'seller' ? 'bars' : 'pieces of work';
  const baselines = report.baselines.map(({ name, profitNait }) => [
    `profit of ${name}`,
    aitText(profitNait),
  ]);
  return out.table([
    ['strategy', `${report.strategy} (${report.side})`],
    ['model', report.model],
    ['from', timeText(report.fromMs)],
    ['until', `${timeText(report.untilMs)} (--until ${report.untilMs})`],
    ['periods', `${report.periods} ${unit}, ${folds.length} windows`],
    ['profit', `${aitText(report.profitNait)} after ${aitText(report.feesNait)} of fees`],
    ...baselines,
    ['per period against the first', `${aitText(excess.meanNait)}`],
    ['95 of 100 times within', `${aitText(excess.lowNait)} to ${aitText(excess.highNait)}`],
    ['so it is', verdicts[report.verdict]],
    ['jobs', `${report.jobs}, ${report.tokens} tokens, ${aitText(report.turnoverNait)}`],
    ['Sharpe, per period', sharpeMilli === null ? '–' : (sharpeMilli / 1_000).toFixed(3)],
    ['deepest fall', aitText(report.drawdownNait)],
    ['periods better than it', hitBps === null ? '–' : percentText(hitBps)],
    ['parameters at the end', last ? parametersText(last.parameters) : '–'],
    ['look into the future', 'none found'],
    ['tape', report.tapeHash],
    ['report', report.hash],
  ]);
}
