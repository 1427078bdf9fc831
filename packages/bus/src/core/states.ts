/** stopped → connecting → connected ⇄ cut → stopped for good. */
import { AppError } from '@aitbc/protocol';
import type { BusState } from '../types.ts';

/** The state of a bus, and who wants to know. */
export interface States {
  state(): BusState;
  set(state: BusState): void;
  /** Stopped for good: later changes are ignored. */
  end(): void;
  isEnded(): boolean;
  onState(listener: (state: BusState) => void): () => void;
  /** Throws AppError BUS_STOPPED. */
  assertRunning(): void;
}

/** A bus that was not started yet. */
export function createStates(): States {
  const listeners = new Set<(state: BusState) => void>();
  let now: BusState = 'stopped';
  let ended = false;
  const change = (state: BusState) => {
    if (state === now) return;
    now = state;
    for (const listener of listeners) listener(state);
  };
  return {
    state: () => now,
    set(state) {
      if (!ended) change(state);
    },
    end() {
      ended = true;
      change('stopped');
    },
    isEnded: () => ended,
    onState(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    assertRunning() {
      if (now === 'stopped') throw new AppError('BUS_STOPPED');
    },
  };
}
