/**
 * The world of one run: virtual time, endpoints that live and die, the network between them.
 *
 * One thread takes events in order of time and nothing else moves; so a run is a function of its seed. An
 * endpoint has lives: a crash ends one, and whatever was due in that life (timers, syncs) never happens.
 * Messages are addressed to the endpoint and reach whichever life is up when they arrive. A paused
 * endpoint (a stopped process) gets its events later, in order.
 *
 * `hash` folds every event that happened; equal seeds must give equal hashes.
 */
import { createEventQueue } from './event-queue.ts';
import type { Carrier, Deliver } from './network.ts';

/** What the world does with an endpoint. */
export interface Actor<M> {
  receive(from: number, message: M): void;
}

/** Clock of an endpoint: runs `rate` times as fast as real time, and shows `offsetUs` more. */
export interface Clock {
  readonly rate: number;
  readonly offsetUs: number;
}

/** Takes lines of a trace; absent in ordinary runs. */
export type Note = (atUs: number, endpoint: number, text: string) => void;

export interface WorldOptions<M> {
  readonly endpoints: number;
  readonly network: Carrier<Event<M>>;
  readonly clocks: readonly Clock[];
  /** A small number that tells messages apart in the hash of the trace. */
  readonly tagOf: (message: M) => number;
  readonly textOf: (message: M) => string;
  readonly note?: Note;
}

/** The world; `M` is what endpoints say to each other. */
export interface World<M> {
  readonly endpoints: number;
  nowUs(): number;
  /** Monotonic clock of an endpoint, ms. */
  clockMs(endpoint: number): number;
  /** Puts a part in charge of an endpoint and begins a new life of it. */
  bear(endpoint: number, actor: Actor<M>): void;
  /** Ends the life of an endpoint. */
  kill(endpoint: number): void;
  isUp(endpoint: number): boolean;
  pause(endpoint: number, untilUs: number): void;
  send(from: number, to: number, message: M): void;
  /** Runs something in this life of an endpoint, by its own clock. */
  after(endpoint: number, delayMs: number, run: () => void): void;
  /** Runs something at a time, whoever lives. */
  at(atUs: number, run: () => void): void;
  /** Takes events until this time, or until `isDone` (asked after every event). */
  run(untilUs: number, isDone?: () => boolean): void;
  note(endpoint: number, text: () => string): void;
  /** Folds a number into the hash of the trace. */
  fold(value: number): void;
  readonly counts: { readonly events: number };
  hash(): string;
}

/** Something that will happen to an endpoint: a message, or what it asked for itself. */
export interface Event<M> {
  readonly to: number;
  readonly from: number;
  readonly life: number;
  readonly message: M | undefined;
  readonly run: (() => void) | undefined;
}

const nobody = -1;

/** A world at time 0 in which nobody lives. */
export function createWorld<M>(options: WorldOptions<M>): World<M> {
  const { endpoints, network, clocks, note } = options;
  const queue = createEventQueue<Event<M>>();
  const actors: (Actor<M> | undefined)[] = Array.from({ length: endpoints }, () => undefined);
  const lives = new Int32Array(endpoints);
  const pausedUntilUs = new Float64Array(endpoints);
  const counts = { events: 0 };
  let nowUs = 0;
  let low = 0x811c9dc5;
  let high = 0x1000193;

  const deliver: Deliver<Event<M>> = (delayUs, event) => queue.push(nowUs + delayUs, event);
  const fold = (value: number): void => {
    low = Math.imul(low ^ value, 0x01000193);
    high = Math.imul(high ^ low ^ (value >>> 3), 0x85ebca6b);
  };
  const happen = (event: Event<M>): void => {
    const { to, from, message, run } = event;
    if (to === nobody) return (run as () => void)();
    if ((pausedUntilUs[to] as number) > nowUs)
      return queue.push(pausedUntilUs[to] as number, event);
    const actor = actors[to];
    if (!actor) return;
    if (run) {
      if (event.life !== lives[to]) return;
      counts.events += 1;
      fold(nowUs ^ (to << 24));
      run();
      return;
    }
    counts.events += 1;
    fold(nowUs ^ (to << 24) ^ (from << 16));
    fold(options.tagOf(message as M));
    note?.(nowUs, to, `gets from ${from} ${options.textOf(message as M)}`);
    actor.receive(from, message as M);
  };

  return {
    endpoints,
    counts,
    nowUs: () => nowUs,
    clockMs(endpoint) {
      const { rate, offsetUs } = clocks[endpoint] as Clock;
      return (nowUs * rate + offsetUs) / 1000;
    },
    bear(endpoint, actor) {
      lives[endpoint] = (lives[endpoint] as number) + 1;
      actors[endpoint] = actor;
    },
    kill(endpoint) {
      lives[endpoint] = (lives[endpoint] as number) + 1;
      actors[endpoint] = undefined;
    },
    isUp: (endpoint) => actors[endpoint] !== undefined,
    pause(endpoint, untilUs) {
      pausedUntilUs[endpoint] = Math.max(pausedUntilUs[endpoint] as number, untilUs);
    },
    send(from, to, message) {
      network.route({ to, from, life: 0, message, run: undefined }, deliver);
    },
    after(endpoint, delayMs, run) {
      const { rate } = clocks[endpoint] as Clock;
      const life = lives[endpoint] as number;
      // Never early: a clock that shows less than what was asked for would be asked again.
      const dueUs = nowUs + Math.max(1, Math.ceil((delayMs * 1000) / rate));
      queue.push(dueUs, { to: endpoint, from: nobody, life, message: undefined, run });
    },
    at(atUs, run) {
      const dueUs = Math.max(nowUs, atUs);
      queue.push(dueUs, { to: nobody, from: nobody, life: 0, message: undefined, run });
    },
    run(untilUs, isDone) {
      while (queue.nextUs() <= untilUs) {
        nowUs = queue.nextUs();
        happen(queue.pop() as Event<M>);
        if (isDone?.()) return;
      }
      nowUs = Math.max(nowUs, untilUs);
    },
    note(endpoint, text) {
      note?.(nowUs, endpoint, text());
    },
    fold,
    hash: () => [low, high].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join(''),
  };
}
