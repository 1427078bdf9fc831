/** What a provider earned, by hour, from the receipts that its buyers reported. */
import type { JobReceipt } from '../jobs/use-receipts.ts';

/** Sums of some hours. */
export interface EarningSums {
  readonly charged: bigint;
  readonly jobs: number;
  readonly tokens: number;
  /** Time in which at least one answer ran, ms; overlapping answers count once. */
  readonly busyMs: number;
  /** Beginnings of the hours, seconds since 1970, and nait of each. For a chart. */
  readonly times: readonly number[];
  readonly perHour: readonly number[];
}

const hourMs = 3_600_000;

/** Sums of the last hours. */
export function earningsOf(
  receipts: readonly JobReceipt[],
  nowMs: number,
  hours: number,
): EarningSums {
  const end = Math.floor(nowMs / hourMs);
  const starts = Array.from({ length: hours }, (_, at) => end - hours + 1 + at);
  const recent = receipts.filter(({ atMs }) => atMs > nowMs - hours * hourMs);
  const ofHour = new Map<number, bigint>();
  for (const { atMs, charged } of recent) {
    const hour = Math.floor(atMs / hourMs);
    ofHour.set(hour, (ofHour.get(hour) ?? 0n) + BigInt(charged));
  }
  return {
    charged: recent.reduce((sum, { charged }) => sum + BigInt(charged), 0n),
    jobs: recent.length,
    tokens: recent.reduce((sum, { outputTokens }) => sum + outputTokens, 0),
    busyMs: unionMs(recent),
    times: starts.map((hour) => hour * 3_600),
    perHour: starts.map((hour) => Number(ofHour.get(hour) ?? 0n)),
  };
}

function unionMs(receipts: readonly JobReceipt[]): number {
  const spans = receipts
    .map(({ atMs, durationMs }) => [atMs - durationMs, atMs] as const)
    .sort(([a], [b]) => a - b);
  let total = 0;
  let reached = 0;
  for (const [from, to] of spans) {
    total += Math.max(0, to - Math.max(from, reached));
    reached = Math.max(reached, to);
  }
  return total;
}
