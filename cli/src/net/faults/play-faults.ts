/**
 * Plays the schedule: each fault begins and ends at its time, whatever the others do. What this machine
 * cannot do is left out and told. At the end everything is made whole.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from '../contract.ts';
import type { Broker } from '../town/broker.ts';
import type { Crew } from '../town/crew.ts';
import type { Doors } from '../town/doors.ts';
import type { Layout } from '../town/layout.ts';
import { setClock } from './clock.ts';

/** A fault as it happened. */
export interface Played {
  readonly fault: Fault;
  /** Why it was left out; undefined when it was done. */
  readonly leftOut: string | undefined;
}

/** What the screen shows. */
export interface FaultBoard {
  /** Faults that go on now. */
  now(): readonly Fault[];
  /** The next one, and the milliseconds until it begins. */
  next(): { readonly fault: Fault; readonly inMs: number } | undefined;
  /** All that began, in their order. */
  readonly played: readonly Played[];
}

/** What faults are done to. */
export interface Scene {
  readonly layout: Layout;
  readonly crew: Crew;
  readonly doors: Doors;
  readonly broker: Broker | undefined;
}

/** The play of a schedule. */
export interface Play extends FaultBoard {
  /** Resolves when all faults have ended; never rejects. */
  readonly done: Promise<void>;
}

/** How one fault is done: the way back, or why it cannot be done here. */
type Deed = { readonly undo: () => Promise<void> | void } | { readonly cannot: string };

/** Begins to play now. `onFault` is told of each begin and end. */
export function playFaults(
  scene: Scene,
  onFault: (fault: Fault, what: 'begins' | 'ends' | 'left out', why?: string) => void,
  signal: AbortSignal,
): Play {
  const { faults } = scene.layout.plan;
  const begunMs = performance.now();
  const played: Played[] = [];
  const current = new Set<Fault>();
  const passedMs = (): number => performance.now() - begunMs;

  const playOne = async (fault: Fault): Promise<void> => {
    if (!(await waitUntil(fault.atMs))) return;
    const deed = await attempt(scene, fault);
    if ('cannot' in deed) {
      played.push({ fault, leftOut: deed.cannot });
      return onFault(fault, 'left out', deed.cannot);
    }
    played.push({ fault, leftOut: undefined });
    current.add(fault);
    onFault(fault, 'begins');
    await waitUntil(fault.atMs + fault.forMs);
    await deed.undo();
    current.delete(fault);
    onFault(fault, 'ends');
  };
  const waitUntil = async (atMs: number): Promise<boolean> => {
    try {
      await sleep(Math.max(0, atMs - passedMs()), undefined, { signal });
    } catch {
      return false; // cut short: what began is undone at once, what did not begin never does
    }
    return true;
  };
  const all = Promise.allSettled(faults.map(playOne));
  return {
    played,
    now: () => [...current],
    next() {
      const fault = faults.find(({ atMs }) => atMs > passedMs());
      return fault && { fault, inMs: fault.atMs - passedMs() };
    },
    done: all.then(() => {}),
  };
}

async function attempt(scene: Scene, fault: Fault): Promise<Deed> {
  try {
    return await begin(scene, fault);
  } catch (error) {
    return { cannot: (error as Error).message };
  }
}

async function begin(scene: Scene, fault: Fault): Promise<Deed> {
  const { crew, broker } = scene;
  const { kind, target } = fault;
  const { home } = scene.layout.facts;
  switch (kind) {
    case 'kill':
    case 'coordinatorLoss':
      await Promise.all(target.map(crew.kill));
      // It may take longer than the fault: a daemon that cannot come up alone is started again and again.
      return { undo: () => void Promise.all(target.map(crew.revive)) };
    case 'pause':
      each(target, crew.pause);
      return { undo: () => each(target, crew.resume) };
    case 'partition':
      return part(scene, target);
    case 'latency':
      return slow(scene, fault);
    case 'clockSkew':
      each(target, (name) => setClock(home, name, fault.ms ?? 0));
      return { undo: () => each(target, (name) => setClock(home, name, 0)) };
    case 'fullDisk':
      return fillDisks(scene, target);
    case 'redisLoss':
      if (!broker) return { cannot: 'there is no redis-server' };
      await broker.kill();
      return { undo: () => broker.start() };
  }
}

function part({ layout, doors }: Scene, target: readonly string[]): Deed {
  const { nodes } = layout.facts;
  const side = numbersOf(layout, target);
  if (side.length === 0) {
    each(target, doors.close);
    return { undo: () => each(target, doors.open) };
  }
  const others = nodes.map((_, at) => at).filter((at) => !side.includes(at));
  layout.lines.split(others, side);
  return { undo: () => layout.lines.heal() };
}

function slow({ layout }: Scene, { target, ms = 0 }: Fault): Deed {
  const { lines } = layout;
  if (!lines.canSlow)
    return { cannot: 'the kernel has no netem, and cables stand between the nodes' };
  const numbers = numbersOf(layout, target);
  lines.slow(numbers, ms);
  return { undo: () => lines.slow(numbers, 0) };
}

function fillDisks({ layout }: Scene, target: readonly string[]): Deed {
  const disks = target.flatMap((name) => layout.disks.get(name) ?? []);
  if (disks.length < target.length) return { cannot: 'no small disk can be mounted here' };
  for (const disk of disks) disk.fill();
  return { undo: () => each(disks, (disk) => disk.free()) };
}

function each<T>(list: readonly T[], deed: (one: T) => void): void {
  for (const one of list) deed(one);
}

/** Numbers of the nodes among these names. */
function numbersOf({ facts }: Layout, names: readonly string[]): number[] {
  return facts.nodes.flatMap(({ name }, at) => (names.includes(name) ? [at] : []));
}
