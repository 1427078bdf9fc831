/**
 * Notices a provider that stays silent in mid-answer. The clock runs only while this buyer waits for the next
 * line, so a caller who reads slowly is no stall; and not while a voucher of ours is missing: it begins anew when
 * one leaves and when it is answered, so a provider that freezes with a voucher on its way is noticed as soon as
 * any other. Lines that say nothing (comments of proxies) do not stop it.
 *
 * A stream has one timer, which looks at the clock when it is over; a timer for each line would cost more than the line.
 * It looks twice: what arrived while this process itself stood still is read in between, and is no stall.
 */

/** A watch over one stream. */
export interface StallWatch {
  /** We wait for the next line. */
  wait(): void;
  /** A line came. */
  line(): void;
  /** It is the provider's turn again: its time begins anew. */
  restart(): void;
  stop(): void;
}

/** What the watch asks and tells. */
export interface StallDeps {
  readonly stallMs: number;
  /** The provider waits for us. */
  isHeld(): boolean;
  /** Called once. */
  onStall(): void;
}

/** A watch that does not run yet. */
export function createStallWatch({ stallMs, isHeld, onStall }: StallDeps): StallWatch {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isStopped = false;
  /** Undefined while nothing is waited for. */
  let sinceMs: number | undefined;
  let isOverdue = false;
  const again = (ms: number): void => {
    timer = setTimeout(look, ms);
  };
  const look = (): void => {
    timer = undefined;
    if (sinceMs === undefined) return;
    if (isHeld()) sinceMs = performance.now();
    const leftMs = sinceMs + stallMs - performance.now();
    if (leftMs > 0) again(leftMs);
    else if (isOverdue) onStall();
    else again(1);
    isOverdue = leftMs <= 0;
  };
  return {
    wait() {
      if (isStopped) return;
      sinceMs ??= performance.now();
      if (timer === undefined) again(stallMs);
    },
    line() {
      sinceMs = undefined;
      isOverdue = false;
    },
    restart() {
      if (sinceMs !== undefined) sinceMs = performance.now();
    },
    stop() {
      isStopped = true;
      sinceMs = undefined;
      clearTimeout(timer);
    },
  };
}
