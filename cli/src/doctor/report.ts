/** The findings of the doctor as people read them: one line each, then what to do. */
import type { Out, Style } from '../context/out.ts';
import { counted } from '../wording.ts';
import type { FindingState } from './check.ts';
import type { Examined } from './examine.ts';

const looks: Readonly<Record<FindingState, { readonly sign: string; readonly style: Style }>> = {
  ok: { sign: '✓', style: 'green' },
  warn: { sign: '!', style: 'yellow' },
  fail: { sign: '✗', style: 'red' },
  skipped: { sign: '–', style: 'dim' },
};

/** More checks than these that could not be made share one line: what they need has failed above. */
const skippedShown = 3;

/** How many findings there are of each state. */
export function totalsOf(findings: readonly Examined[]): Record<FindingState, number> {
  const of = (wanted: FindingState) => findings.filter(({ state }) => state === wanted).length;
  return { ok: of('ok'), warn: of('warn'), fail: of('fail'), skipped: of('skipped') };
}

/** The report: a line for each finding, and below it what to do. */
export function reportText(
  out: Pick<Out, 'style' | 'table'>,
  findings: readonly Examined[],
): string {
  const skipped = findings.filter(({ state }) => state === 'skipped');
  const isMany = skipped.length > skippedShown;
  const shown = isMany ? findings.filter(({ state }) => state !== 'skipped') : findings;
  const rows = shown.flatMap(({ state, title, text, fix }) => {
    const row = [`${looks[state].sign} ${title}`, text];
    return fix === undefined ? [row] : [row, ['', `→ ${fix}`]];
  });
  if (isMany) {
    rows.push([
      `${looks.skipped.sign} not looked at`,
      skipped.map(({ title }) => title).join(', '),
    ]);
  }
  const list = out.table(rows, { title: (cell) => paint(out, cell) });
  return `${list}\n\n${summaryText(findings)}`;
}

/** The sign in its colour; a cell without one belongs to the line above. */
function paint({ style }: Pick<Out, 'style'>, cell: string): string {
  const look = Object.values(looks).find(({ sign }) => cell.startsWith(sign));
  return look === undefined
    ? cell
    : `${style(look.style, look.sign)}${cell.slice(look.sign.length)}`;
}

function summaryText(findings: readonly Examined[]): string {
  const { ok, warn, fail, skipped } = totalsOf(findings);
  const rest = [
    `${ok} well`,
    ...(warn > 0 ? [`${counted(warn, 'warning')}`] : []),
    ...(skipped > 0 ? [`${skipped} not looked at`] : []),
  ].join(', ');
  if (fail === 0) return `Nothing is broken: ${rest}.`;
  return `${counted(fail, 'fault')} to mend; ${rest}.`;
}
