/**
 * How the time of each day goes by: busy, or idle and why. The state is looked at every second, and the
 * second is put down to what was seen; sums are written every half minute and at the end. So a crash loses
 * half a minute of a statistic, and a job shorter than a second may be missed; money is counted elsewhere.
 *
 * A clock that jumps, or a machine that slept, adds nothing: a look counts at most two seconds.
 */
import type { IdleReason } from '@aitbc/protocol';

const lookMs = 1_000;
const lookMsMax = 2_000;
const writeMs = 30_000;

export interface DayUseDeps {
  readonly nowMs: () => number;
  readonly reason: () => IdleReason;
  add(day: string, reason: IdleReason, ms: number): void;
}

/** The count of time. */
export interface DayUse {
  start(): void;
  /** Writes what is not written yet. */
  stop(): void;
  /** One look; `start` makes it every second. */
  look(): void;
  write(): void;
}

export function createDayUse({ nowMs, reason, add }: DayUseDeps): DayUse {
  const unwritten = new Map<string, { day: string; reason: IdleReason; ms: number }>();
  let timer: ReturnType<typeof setInterval> | undefined;
  let lookedAtMs = nowMs();
  let writtenAtMs = lookedAtMs;

  const write = (): void => {
    for (const sum of unwritten.values()) add(sum.day, sum.reason, sum.ms);
    unwritten.clear();
    writtenAtMs = nowMs();
  };
  const look = (): void => {
    const now = nowMs();
    const ms = Math.min(Math.max(0, now - lookedAtMs), lookMsMax);
    lookedAtMs = now;
    const seen = reason();
    const day = dayOf(now);
    const key = `${day} ${seen}`;
    const sum = unwritten.get(key) ?? { day, reason: seen, ms: 0 };
    unwritten.set(key, { ...sum, ms: sum.ms + Math.round(ms) });
    if (Math.abs(now - writtenAtMs) >= writeMs) write();
  };
  return {
    start() {
      lookedAtMs = nowMs();
      timer = setInterval(look, lookMs);
    },
    stop() {
      clearInterval(timer);
      write();
    },
    look,
    write,
  };
}

/** The day of a time, UTC: `2026-11-23`. */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
