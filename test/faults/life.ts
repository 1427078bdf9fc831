/**
 * One life of a daemon in this process, and its sudden death. What dies is as dead as a killed process: nothing
 * that it does afterwards reaches its disk, its lines, or the chain. Its memory goes with it; the next life begins from
 * the folder of the last one.
 */

/** A life that can end between any two writes. */
export interface Life {
  /** Nothing of it counts any more. */
  isDead(): boolean;
  /** Writes so far. */
  writes(): number;
  /** Kills it just before write number `at`, or just after it. Counts from 1. */
  dieAt(at: number, side: 'before' | 'after'): void;
  /** Kills it now. */
  die(): void;
  /** Wraps a store: methods named in `writes` are counted, and do nothing after the death. */
  wrap<T extends object>(store: T, writes: readonly (keyof T)[]): T;
}

/** A life; `onDeath` is called once, at the very moment. */
export function createLife(onDeath: () => void): Life {
  const state = { isDead: false, writes: 0, at: 0, side: 'before' as 'before' | 'after' };
  const die = (): void => {
    if (state.isDead) return;
    state.isDead = true;
    onDeath();
  };
  const write = (save: (...args: unknown[]) => unknown, args: unknown[]): unknown => {
    if (state.isDead) return true;
    state.writes += 1;
    const isLast = state.writes === state.at;
    if (isLast && state.side === 'before') {
      die();
      return true;
    }
    const result = save(...args);
    if (isLast) die();
    return result;
  };
  return {
    isDead: () => state.isDead,
    writes: () => state.writes,
    dieAt(at, side) {
      Object.assign(state, { at: state.writes + at, side });
    },
    die,
    wrap(store, writes) {
      return new Proxy(store, {
        get(target, name) {
          const value = Reflect.get(target, name);
          if (typeof value !== 'function' || !writes.includes(name as never)) return value;
          return (...args: unknown[]) => write(value.bind(target), args);
        },
      });
    },
  };
}
