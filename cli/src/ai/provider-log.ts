/** Log lines of a daemon, made readable. */
import type { Out } from '../context/out.ts';

/** An entry of a JSON log. */
export type LogEntry = Readonly<Record<string, unknown>> & { readonly msg: string };

const hidden = new Set(['level', 'time', 'name', 'msg', 'pid', 'hostname']);
const styles = { warn: 'yellow', error: 'red', fatal: 'red' } as const;

/** The entry of a line, undefined when the line is none. */
export function logEntryOf(line: string): LogEntry | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const entry = JSON.parse(line) as { msg?: unknown };
    return typeof entry.msg === 'string' ? (entry as LogEntry) : undefined;
  } catch {
    return undefined; // a line of text that only begins like an entry
  }
}

/** `18:12:30 warn  message  field=value …` */
export function logText(out: Out, entry: LogEntry): string {
  const level = String(entry.level ?? 'info');
  const fields = Object.entries(entry)
    .filter(([name, value]) => !hidden.has(name) && value !== null && value !== undefined)
    .map(([name, value]) => `${name}=${fieldText(value)}`);
  const style = styles[level as keyof typeof styles];
  const words = `${level.padEnd(5)} ${entry.msg}`;
  const head = `${timeText(entry.time)} ${style ? out.style(style, words) : words}`;
  return fields.length === 0 ? head : `${head}  ${out.style('dim', fields.join(' '))}`;
}

function timeText(time: unknown): string {
  const at = new Date(typeof time === 'number' || typeof time === 'string' ? time : Number.NaN);
  return Number.isNaN(at.getTime()) ? '--:--:--' : at.toTimeString().slice(0, 8);
}

/** Errors by their message; other objects as JSON. */
function fieldText(value: unknown): string {
  if (typeof value !== 'object') return String(value);
  const { message } = value as { message?: unknown };
  return typeof message === 'string' ? `"${message}"` : JSON.stringify(value);
}
