/**
 * How events get from the provider's stream to who reads the answer: they are pushed, through at most three calls and no
 * queue but the one that the readers share (shared-runs.ts). Before the next bytes of a provider are read it is
 * asked whether more is wanted, so a reader who does not read holds the provider back, by no more than one read of
 * the socket.
 *
 * An attempt pushes into an outlet. Until somebody follows, the outlet keeps what came and wants nothing more than the
 * first text or end: by then it is clear who answers. Rejected: an async generator for every layer, which costs a
 * token more than everything else that is done with it.
 */
import type { JobEvent } from './types.ts';

/** Where events go. */
export interface EventSink {
  push(event: JobEvent): void;
  /** Undefined while more is wanted; else resolves when it is, or when nobody will read any more. */
  wanted(): Promise<void> | undefined;
}

/** Where the events of one attempt come out. */
export interface Outlet extends EventSink {
  /** Resolves with the first event that is no receipt. */
  readonly begun: Promise<void>;
  /** Hands on what has come, and from now on all that comes. */
  follow(sink: EventSink): void;
  /** Nobody will read it: what holds the attempt back is taken away. */
  leave(): void;
}

const nobody: EventSink = { push() {}, wanted: () => undefined };

/** An outlet that nobody follows yet. */
export function createOutlet(): Outlet {
  const early: JobEvent[] = [];
  const begun = createGate();
  const followed = createGate();
  let target: EventSink | undefined;
  let hasBegun = false;
  const follow = (sink: EventSink): void => {
    target = sink;
    for (const event of early.splice(0)) sink.push(event);
    followed.open();
  };
  return {
    begun: begun.opened,
    push(event) {
      if (target) return target.push(event);
      early.push(event);
      if (event.type === 'receipt') return;
      hasBegun = true;
      begun.open();
    },
    wanted() {
      if (target) return target.wanted();
      return hasBegun ? followed.opened.then(() => target?.wanted()) : undefined;
    },
    follow,
    leave: () => follow(nobody),
  };
}

function createGate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}
