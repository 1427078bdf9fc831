/**
 * Events in order of virtual time, as a four-ary heap in parallel arrays: half the levels of a binary
 * heap, and comparing reads numbers only. Events of one moment come out in the order they went in.
 */

/** A queue of timed items. */
export interface EventQueue<T> {
  push(atUs: number, item: T): void;
  /** The earliest item, or undefined when there is none. */
  pop(): T | undefined;
  /** Time of the earliest item, Infinity when there is none. */
  nextUs(): number;
  size(): number;
}

/** An empty queue. */
export function createEventQueue<T>(): EventQueue<T> {
  const times: number[] = [];
  const orders: number[] = [];
  const items: T[] = [];
  let pushed = 0;
  let size = 0;

  const isBefore = (time: number, order: number, at: number): boolean => {
    const other = times[at] as number;
    return time < other || (time === other && order < (orders[at] as number));
  };
  const move = (from: number, to: number): void => {
    times[to] = times[from] as number;
    orders[to] = orders[from] as number;
    items[to] = items[from] as T;
  };
  const earliestChild = (parent: number): number => {
    const first = parent * 4 + 1;
    const end = Math.min(first + 4, size);
    let best = first;
    for (let at = first + 1; at < end; at += 1) {
      if (isBefore(times[at] as number, orders[at] as number, best)) best = at;
    }
    return best;
  };
  const put = (at: number, event: { time: number; order: number; item: T }): void => {
    times[at] = event.time;
    orders[at] = event.order;
    items[at] = event.item;
  };

  return {
    push(atUs, item) {
      const order = pushed;
      pushed += 1;
      let at = size;
      size += 1;
      while (at > 0) {
        const parent = (at - 1) >> 2;
        if (!isBefore(atUs, order, parent)) break;
        move(parent, at);
        at = parent;
      }
      put(at, { time: atUs, order, item });
    },
    pop() {
      if (size === 0) return undefined;
      const first = items[0] as T;
      size -= 1;
      const time = times[size] as number;
      const order = orders[size] as number;
      const item = items[size] as T;
      items[size] = undefined as T;
      if (size === 0) return first;
      let at = 0;
      while (at * 4 + 1 < size) {
        const child = earliestChild(at);
        if (isBefore(time, order, child)) break;
        move(child, at);
        at = child;
      }
      put(at, { time, order, item });
      return first;
    },
    nextUs: () => (size > 0 ? (times[0] as number) : Number.POSITIVE_INFINITY),
    size: () => size,
  };
}
