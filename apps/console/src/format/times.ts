/** Times and counts as people read them. Milliseconds in, text out; the present is an argument. */

const steps = [
  { ms: 86_400_000, unit: 'd' },
  { ms: 3_600_000, unit: 'h' },
  { ms: 60_000, unit: 'min' },
] as const;

/** `12 ms`, `1.4 s`, `3 min`, `2 h`, `5 d`. */
export function spanText(ms: number): string {
  if (ms < 1_000) return `${ms < 10 && ms > 0 ? ms.toFixed(1) : Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  const step = steps.find((one) => ms >= one.ms) ?? steps[2];
  return `${Math.floor(ms / step.ms)} ${step.unit}`;
}

/** `now`, `8 s ago`, `in 3 min`. */
export function agoText(atMs: number, nowMs: number): string {
  const ms = nowMs - atMs;
  if (Math.abs(ms) < 1_000) return 'now';
  const span = spanText(Math.floor(Math.abs(ms) / 1_000) * 1_000).replace('.0 s', ' s');
  return ms > 0 ? `${span} ago` : `in ${span}`;
}

/** Date and time of the reader's zone, to the second. */
export function dateText(atMs: number): string {
  const date = new Date(atMs);
  const two = (part: number) => String(part).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${clockText(atMs)}`;
}

/** Hours, minutes and seconds of the reader's zone. */
export function clockText(atMs: number): string {
  const date = new Date(atMs);
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
}

/** A rate with the digits that mean something: `0.3`, `12`, `1 240`. */
export function rateText(rate: number): string {
  if (rate === 0) return '0';
  if (rate < 10) return rate.toFixed(1);
  return String(Math.round(rate)).replace(/\B(?=(\d{3})+$)/g, ' ');
}

/** `1 vote`, `2 votes`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Value at a part (0 to 1) of the sorted list; undefined of none. */
export function quantile(values: readonly number[], part: number): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
}
