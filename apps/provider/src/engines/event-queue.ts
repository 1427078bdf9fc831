import type { TokensEvent } from './engine.ts';

/** A queue with one producer and one consumer: events in, async iteration out, then one last value. */
export interface EventQueue<Last> {
  push(event: TokensEvent): void;
  end(last: Last): void;
  fail(error: unknown): void;
  /** The next event, or the last value in `{last}`; rejects with the error given to `fail`. */
  next(): Promise<TokensEvent | { readonly last: Last }>;
}

/**
 * Bounded by its producer: the worker sends no more tokens than were granted. A failure is handed out
 * at once, in front of events that wait, because it means abort or a dead engine.
 */
export function createEventQueue<Last>(): EventQueue<Last> {
  const events: TokensEvent[] = [];
  let final: { readonly last: Last } | undefined;
  let failure: { readonly error: unknown } | undefined;
  let wake: (() => void) | undefined;
  const changed = () => {
    wake?.();
    wake = undefined;
  };
  return {
    push(event) {
      events.push(event);
      changed();
    },
    end(last) {
      final ??= { last };
      changed();
    },
    fail(error) {
      failure ??= { error };
      changed();
    },
    async next() {
      for (;;) {
        if (failure) throw failure.error;
        const event = events.shift() ?? final;
        if (event) return event;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
