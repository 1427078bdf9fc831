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
import { createEventQueue, type EventQueue } from './event-queue.ts';
import type { Carrier, Deliver } from './network.ts';
import { createTraceHash, type TraceHash } from './trace-hash.ts';

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
  /** False when nobody reads notes: then hot places need not make the text's closure. */
  readonly isNoted: boolean;
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

/** Endpoints and what is due to them. */
interface Crowd<M> {
  readonly options: WorldOptions<M>;
  readonly queue: EventQueue<Event<M>>;
  readonly actors: (Actor<M> | undefined)[];
  readonly lives: Int32Array;
  readonly pausedUntilUs: Float64Array;
  readonly trace: TraceHash;
  readonly counts: { events: number };
  nowUs: number;
}

/** A world at time 0 in which nobody lives. */
export function createWorld<M>(options: WorldOptions<M>): World<M> {
  const { endpoints, network, clocks, note } = options;
  const crowd: Crowd<M> = {
    options,
    queue: createEventQueue(),
    actors: Array.from({ length: endpoints }, () => undefined),
    lives: new Int32Array(endpoints),
    pausedUntilUs: new Float64Array(endpoints),
    trace: createTraceHash(),
    counts: { events: 0 },
    nowUs: 0,
  };
  const { queue, trace } = crowd;
  const deliver: Deliver<Event<M>> = (delayUs, event) => queue.push(crowd.nowUs + delayUs, event);
  return {
    endpoints,
    counts: crowd.counts,
    nowUs: () => crowd.nowUs,
    clockMs(endpoint) {
      const { rate, offsetUs } = clocks[endpoint] as Clock;
      return (crowd.nowUs * rate + offsetUs) / 1000;
    },
    bear: (endpoint, actor) => change(crowd, endpoint, actor),
    kill: (endpoint) => change(crowd, endpoint, undefined),
    isUp: (endpoint) => crowd.actors[endpoint] !== undefined,
    pause(endpoint, untilUs) {
      crowd.pausedUntilUs[endpoint] = Math.max(crowd.pausedUntilUs[endpoint] as number, untilUs);
    },
    send: (from, to, message) =>
      network.route({ to, from, life: 0, message, run: undefined }, deliver),
    after(endpoint, delayMs, run) {
      const { rate } = clocks[endpoint] as Clock;
      const life = crowd.lives[endpoint] as number;
      // Never early: a clock that shows less than what was asked for would be asked again.
      const dueUs = crowd.nowUs + Math.max(1, Math.ceil((delayMs * 1000) / rate));
      queue.push(dueUs, { to: endpoint, from: nobody, life, message: undefined, run });
    },
    at(atUs, run) {
      const dueUs = Math.max(crowd.nowUs, atUs);
      queue.push(dueUs, { to: nobody, from: nobody, life: 0, message: undefined, run });
    },
    run: (untilUs, isDone) => runUntil(crowd, untilUs, isDone),
    note: (endpoint, text) => note?.(crowd.nowUs, endpoint, text()),
    isNoted: note !== undefined,
    fold: trace.fold,
    hash: trace.text,
  };
}

function change<M>(crowd: Crowd<M>, endpoint: number, actor: Actor<M> | undefined): void {
  crowd.lives[endpoint] = (crowd.lives[endpoint] as number) + 1;
  crowd.actors[endpoint] = actor;
}

function runUntil<M>(crowd: Crowd<M>, untilUs: number, isDone?: () => boolean): void {
  const { queue } = crowd;
  for (let nextUs = queue.nextUs(); nextUs <= untilUs; nextUs = queue.nextUs()) {
    crowd.nowUs = nextUs;
    happen(crowd, queue.pop() as Event<M>);
    if (isDone?.()) return;
  }
  crowd.nowUs = Math.max(crowd.nowUs, untilUs);
}

function happen<M>(crowd: Crowd<M>, event: Event<M>): void {
  const { to, run } = event;
  if (to === nobody) {
    run?.();
    return;
  }
  const pausedUntilUs = crowd.pausedUntilUs[to] as number;
  if (pausedUntilUs > crowd.nowUs) {
    crowd.queue.push(pausedUntilUs, event);
    return;
  }
  const actor = crowd.actors[to];
  if (!actor || (run && event.life !== crowd.lives[to])) return;
  crowd.counts.events += 1;
  if (run) {
    crowd.trace.fold(crowd.nowUs ^ (to << 24));
    run();
  } else hand(crowd, event, actor);
}

function hand<M>(crowd: Crowd<M>, { to, from, message }: Event<M>, actor: Actor<M>): void {
  const { options, trace, nowUs } = crowd;
  trace.fold(nowUs ^ (to << 24) ^ (from << 16));
  trace.fold(options.tagOf(message as M));
  if (options.note) options.note(nowUs, to, `gets from ${from} ${options.textOf(message as M)}`);
  actor.receive(from, message as M);
}
