/** Names, counts and times as people read them; `--json` has the exact values. */

const wholeMax = 20;

/** The ends of an address: `ait187txc…sfwv`. */
export function shortAddress(address: string): string {
  return address.length > wholeMax ? `${address.slice(0, 9)}…${address.slice(-4)}` : address;
}

/** The beginning of a hash: `ff881e20e5dc…`. */
export function shortHash(hash: string): string {
  return hash.length > wholeMax ? `${hash.slice(0, 12)}…` : hash;
}

/** `1 vote`, `2 votes`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

const steps = [
  { unitMs: 86_400_000, unit: 'days', fromMs: 172_800_000 },
  { unitMs: 3_600_000, unit: 'hours', fromMs: 7_200_000 },
  { unitMs: 60_000, unit: 'minutes', fromMs: 120_000 },
];

/** `30 days`, `3 hours`, `15 minutes`, `40 seconds`. */
export function durationText(ms: number): string {
  const step = steps.find(({ fromMs }) => ms >= fromMs);
  if (!step) return counted(Math.max(0, Math.round(ms / 1000)), 'second');
  return `${Math.round(ms / step.unitMs)} ${step.unit}`;
}

/** Milliseconds as people compare them: `85 µs`, `7.0 ms`, `172 ms`, `1.4 s`. */
export function latencyText(ms: number): string {
  if (ms < 1) return `${Math.round(ms * 1000)} µs`;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
