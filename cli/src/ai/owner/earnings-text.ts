/** The statement of earnings as people read it. */
import { aitText } from '../../amounts.ts';
import type { Out } from '../../context/out.ts';
import { counted, durationText } from '../../wording.ts';
import { idleTexts, type Statement } from './owner-screen.ts';

/** Money by day and model, then how the time went by. */
export function earningsText(out: Out, { days, rows, use, now, audits }: Statement): string {
  const total = rows.reduce((sum, { charged }) => sum + BigInt(charged), 0n);
  const money =
    rows.length === 0
      ? `Nothing was earned in ${counted(days, 'day')}.`
      : out.table(
          rows.map((row) => [
            row.day,
            row.model,
            `${row.jobs}`,
            `${row.failed}`,
            `${row.promptTokens}`,
            `${row.outputTokens}`,
            aitText(row.charged),
          ]),
          {
            head: ['day', 'model', 'jobs', 'failed', 'tokens in', 'tokens out', 'earned'],
            right: [2, 3, 4, 5, 6],
          },
        );
  const sum = rows.length === 0 ? [] : [`${aitText(total)} in ${counted(days, 'day')}`];
  const parts = [money, ...sum, ...auditTexts(out, audits), useText(out, use)];
  return [...parts, `Now: ${idleTexts[now]}`].join('\n\n');
}

/** What audits cost, or may cost; nothing for who stands well. */
function auditTexts(out: Out, { accused, lost }: NonNullable<Statement['audits']> = noAudits) {
  if (accused + lost === 0) return [];
  const open = accused > 0 ? [`${counted(accused, 'dispute')} against you on chain`] : [];
  const over = lost > 0 ? [`${counted(lost, 'audit')} lost, and a part of the bond with it`] : [];
  return [out.style('red', `${[...open, ...over].join('; ')}: aitbc audit list --mine`)];
}

const noAudits = { accused: 0, lost: 0 };

function useText(out: Out, use: Statement['use']): string {
  if (use.length === 0) return 'The provider has not run in this time.';
  const perDay = new Map<string, number>();
  for (const { day, ms } of use) perDay.set(day, (perDay.get(day) ?? 0) + ms);
  const rows = use.map(({ day, reason, ms }) => [
    day,
    durationText(ms),
    `${Math.round((ms * 100) / Math.max(1, perDay.get(day) ?? 0))} %`,
    idleTexts[reason],
  ]);
  return out.table(rows, { head: ['day', 'time', 'share', 'what it was'], right: [1, 2] });
}
