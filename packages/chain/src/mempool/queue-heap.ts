/**
 * A binary heap of queues, ordered by one element of each, that can be read in order without being changed.
 *
 * Taking the best thousand of ten thousand by popping would mean to push them all back. A walk keeps a small
 * heap of its own instead: the places of the big heap it may go to next, whose parents it has passed, and
 * what its caller added. So k elements cost k log k, however many wait.
 */

/** Reads elements in order; an element that is added must not come before one that was read. */
export interface Walk<E> {
  next(): E | undefined;
  add(element: E): void;
}

/** Queues in the order of their fronts. */
export interface QueueHeap<Q, E> {
  add(queue: Q): void;
  remove(queue: Q): void;
  /** The front of a queue has changed. */
  moved(queue: Q): void;
  /** The heap must not change while a walk is under way. */
  walk(): Walk<E>;
}

/** Does the first stand in front of the second? */
export type Before<E> = (a: E, b: E) => boolean;

/** A queue keeps its own place in each heap it is in, -1 for none: looking it up in a map costs more than all else. */
export interface Placed {
  readonly places: [number, number];
}

/** How a heap orders queues, and which of their places is its own. */
export interface HeapOptions<Q, E> {
  readonly slot: 0 | 1;
  /** The element of a queue that places it. */
  readonly frontOf: (queue: Q) => E;
  readonly before: Before<E>;
}

/** An empty heap. */
export function createQueueHeap<Q extends Placed, E>(options: HeapOptions<Q, E>): QueueHeap<Q, E> {
  const { slot, frontOf, before } = options;
  const queues: Q[] = [];

  const put = (queue: Q, at: number): void => {
    queues[at] = queue;
    queue.places[slot] = at;
  };
  const isBefore = (a: number, b: number): boolean =>
    before(frontOf(queues[a] as Q), frontOf(queues[b] as Q));
  const swap = (a: number, b: number): void => {
    const [first, second] = [queues[a] as Q, queues[b] as Q];
    put(second, a);
    put(first, b);
  };
  const rise = (from: number): number => {
    let at = from;
    for (let up = (at - 1) >> 1; at > 0 && isBefore(at, up); up = (at - 1) >> 1) {
      swap(at, up);
      at = up;
    }
    return at;
  };
  const sink = (from: number): void => {
    for (let at = from; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      let best = at;
      if (left < queues.length && isBefore(left, best)) best = left;
      if (right < queues.length && isBefore(right, best)) best = right;
      if (best === at) return;
      swap(at, best);
      at = best;
    }
  };
  return {
    add(queue) {
      put(queue, queues.length);
      rise(queues.length - 1);
    },
    remove(queue) {
      const at = queue.places[slot];
      if (at < 0) return;
      queue.places[slot] = -1;
      const last = queues.pop() as Q;
      if (last === queue) return;
      put(last, at);
      sink(rise(at));
    },
    moved(queue) {
      const at = queue.places[slot];
      if (at >= 0) sink(rise(at));
    },
    walk: () => createWalk(queues, options),
  };
}

/** An element on the edge of a walk; `at` is its place in the big heap, -1 for one that was added. */
interface Edge<E> {
  readonly element: E;
  readonly at: number;
}

function createWalk<Q, E>(queues: readonly Q[], { frontOf, before }: HeapOptions<Q, E>): Walk<E> {
  const edges: Edge<E>[] = [];
  const edgeAt = (at: number): Edge<E> | undefined =>
    at < queues.length ? { element: frontOf(queues[at] as Q), at } : undefined;
  const push = (edge: Edge<E> | undefined): void => {
    if (edge) riseFromEnd(edges, edge, before);
  };
  push(edgeAt(0));
  return {
    next() {
      const top = edges[0];
      if (!top) return undefined;
      const left = top.at >= 0 ? edgeAt(2 * top.at + 1) : undefined;
      const filler = left ?? edges.pop(); // one way down instead of one down and one up
      if (filler && filler !== top) sinkFromTop(edges, filler, before);
      if (left) push(edgeAt(2 * top.at + 2));
      return top.element;
    },
    add: (element) => push({ element, at: -1 }),
  };
}

/** Adds an edge at the end and moves it up. */
function riseFromEnd<E>(edges: Edge<E>[], edge: Edge<E>, before: Before<E>): void {
  let at = edges.length;
  edges.push(edge);
  while (at > 0) {
    const up = (at - 1) >> 1;
    const parent = edges[up] as Edge<E>;
    if (!before(edge.element, parent.element)) break;
    edges[at] = parent;
    at = up;
  }
  edges[at] = edge;
}

/** Puts an edge in place of the first and moves it down. */
function sinkFromTop<E>(edges: Edge<E>[], edge: Edge<E>, before: Before<E>): void {
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= edges.length) break;
    const right = edges[child + 1];
    if (right && before(right.element, (edges[child] as Edge<E>).element)) child += 1;
    const best = edges[child] as Edge<E>;
    if (!before(best.element, edge.element)) break;
    edges[at] = best;
    at = child;
  }
  edges[at] = edge;
}
