/**
 * Notices a provider that stays silent in mid-answer. The clock runs only while this buyer waits for the next
 * line, so a caller who reads slowly is no stall; and not while a voucher of ours is missing: it begins anew when
 * one leaves and when it is answered, so a provider that freezes with a voucher on its way is noticed as soon as
 * any other. Lines that say nothing (comments of proxies) do not stop it.
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
  const clear = (): void => {
    clearTimeout(timer);
    timer = undefined;
  };
  const wait = (): void => {
    if (isStopped || timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      if (isHeld()) wait();
      else onStall();
    }, stallMs);
  };
  return {
    wait,
    line: clear,
    restart() {
      if (timer === undefined) return;
      clear();
      wait();
    },
    stop() {
      isStopped = true;
      clear();
    },
  };
}
