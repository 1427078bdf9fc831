/** Alerts as people read them. */
import type { AlertLevel, StoredAlert } from '@aitbc/protocol';
import type { Out } from '../context/out.ts';
import { counted, shortAddress, shortHash } from '../wording.ts';

/** Titles of the columns of `alertRow`. */
export const alertHead = ['id', 'time (UTC)', 'level', 'pattern', 'about', 'status'];

const styles = { low: 'dim', medium: 'yellow', high: 'red', critical: 'red' } as const;
const stateTexts = {
  open: 'open',
  resolved: 'resolved',
  false_positive: 'false positive',
} as const;

/** One alert of a list. */
export function alertRow(out: Out, { id, atMs, level, pattern, subjects, status }: StoredAlert) {
  const names = subjects.map(({ role, address }) => `${role} ${shortAddress(address)}`);
  return [
    shortHash(id),
    timeText(atMs),
    levelText(out, level),
    pattern,
    names.join(', '),
    stateTexts[status],
  ];
}

/** One alert as a line of a stream. */
export function alertLine(out: Out, alert: StoredAlert): string {
  const { atMs, level, pattern, text, id } = alert;
  return `${timeText(atMs)}  ${levelText(out, level)}  ${pattern}: ${text} (${shortHash(id)})`;
}

/** Everything about one alert. */
export function alertText(out: Out, alert: StoredAlert): string {
  const { id, atMs, level, pattern, subjects, text, confidence, evidence, thresholds } = alert;
  const { status, note, resolvedAtMs } = alert;
  const ends = resolvedAtMs === null ? '' : ` at ${timeText(resolvedAtMs)}${note && `: ${note}`}`;
  return out.table([
    ['alert', id],
    ['time', timeText(atMs)],
    ['pattern', pattern],
    ['level', `${levelText(out, level)}, ${confidence} % sure`],
    ['says', text],
    ...subjects.map(({ role, address }) => [role, address]),
    [
      'evidence',
      `${counted(evidence.events.length, 'event')}, ${counted(evidence.txs.length, 'transaction')}`,
    ],
    [
      'thresholds',
      Object.entries(thresholds)
        .map(([name, value]) => `${name} ${value}`)
        .join(', ') || 'none',
    ],
    ['status', `${stateTexts[status]}${ends}`],
    ['check it', `aitbc surveillance verify ${id}`],
  ]);
}

/** `2023-11-14 22:13:20` */
export function timeText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

export function levelText(out: Out, level: AlertLevel): string {
  return out.style(styles[level], level);
}
