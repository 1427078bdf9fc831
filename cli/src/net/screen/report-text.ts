/** The end of a run as text: the table of what must hold, and how to have the same run again. */
import type { Out } from '../../context/out.ts';
import type { InvariantRow } from '../contract.ts';
import type { NetReport } from '../run.ts';
import { faultText, secondsText } from './fault-text.ts';

const brokenShown = 5;

/** How a row stands. */
export type RowState = 'holds' | 'broken' | 'did not occur';

/** The state of a row; nothing to check is no pass. */
export function stateOf({ broken, checked }: InvariantRow): RowState {
  if (broken.length > 0) return 'broken';
  return checked === 0 ? 'did not occur' : 'holds';
}

/** The whole report. */
export function reportText(out: Pick<Out, 'style' | 'table'>, report: NetReport): string {
  const { rows, plan, counts } = report;
  const colours = { holds: 'green', broken: 'red', 'did not occur': 'dim' } as const;
  const table = rows.map((row): string[] => [
    row.name,
    out.style(colours[stateOf(row)], stateOf(row)),
    `${row.checked}`,
    row.claim,
  ]);
  const broken = rows.flatMap(({ name, broken: list }) => [
    ...list.slice(0, brokenShown).map((one) => out.style('red', `${name}: ${one}`)),
    ...(list.length > brokenShown ? [`${name}: and ${list.length - brokenShown} more`] : []),
  ]);
  const faults = plan.faults.map(
    (fault) => `${secondsText(fault.atMs).padStart(8)}  ${faultText(fault)}`,
  );
  return [
    ...(faults.length > 0 ? ['', out.style('bold', 'Faults'), ...faults] : []),
    ...report.leftOut.map(({ kind, why }) => `left out: ${kind}, because ${why}`),
    '',
    out.style('bold', 'What must hold'),
    out.table([['what', 'state', 'checked', 'claim'], ...table]).trimEnd(),
    '',
    ...broken,
    ...(broken.length > 0 ? [''] : []),
    sumText(report, counts),
    ...(report.home === null ? [] : [`logs and data: ${report.home}`]),
    `the same again: ${report.again}`,
    '',
  ].join('\n');
}

function sumText(report: NetReport, counts: NetReport['counts']): string {
  const { rows, blocks, transfers, upMs, healMs, starts, lines } = report;
  const broken = rows.filter((row) => stateOf(row) === 'broken').length;
  const held = rows.filter((row) => stateOf(row) === 'holds').length;
  const verdict = broken === 0 ? 'All that occurred holds' : `${broken} of ${rows.length} broken`;
  return (
    `${verdict}: ${held} rows hold, ${rows.length - held - broken} did not occur. ` +
    `${counts.jobsCompleted} jobs whole, ${counts.jobsFailed} honest errors, ${counts.tokens} tokens, ` +
    `${counts.failovers} moved, ${counts.refused} tries refused; ${blocks} blocks, ${transfers} transfers, ` +
    `${starts} starts of daemons; lines: ${lines}, ${report.hasRedis ? 'Redis' : 'no Redis'}. ` +
    `Up after ${secondsText(upMs)}, whole again ${secondsText(healMs)} after the end.`
  );
}
