/**
 * When what breaks. Kinds are dealt from a shuffled deck, so that a run of two minutes sees all of them
 * and one of twenty seconds some; nothing happens twice at once to one daemon or to the lines of the
 * validators, because the second fault would only hide the first.
 */
import type { Fault, FaultKind } from '../contract.ts';
import type { Draw } from './draw.ts';
import type { Names } from './names.ts';

/** Cards of each kind in the deck. */
const deckOf: Readonly<Record<FaultKind, number>> = {
  ...{ kill: 5, pause: 2, partition: 3, latency: 1, clockSkew: 2 },
  ...{ fullDisk: 2, redisLoss: 1, coordinatorLoss: 1 },
};

/** Shortest and longest time, ms. */
const lengthsMs: Readonly<Record<FaultKind, readonly [number, number]>> = {
  kill: [500, 4_000],
  pause: [1_000, 6_000],
  partition: [2_000, 6_000],
  latency: [4_000, 10_000],
  clockSkew: [3_000, 8_000],
  fullDisk: [3_000, 6_000],
  redisLoss: [2_000, 5_000],
  coordinatorLoss: [1_500, 4_000],
};

const quietMs = 2_000;
/** One fault in so many milliseconds. */
const everyMs = 4_500;
const tries = 30;
const skewMaxMs = 30_000;
const skewLeastMs = 3_000;
const lateMs = [40, 250] as const;
/** One kill of so many takes two daemons at once. */
const doubleKill = 3;
/** One partition of so many cuts a provider off; the others part the validators. */
const loneProvider = 3;

/** Name of the message broker in a schedule. */
export const brokerName = 'redis';
/** What two faults may not hold at once, beside daemons: the lines between validators. */
const meshLines = 'lines of the validators';

/** The faults of a run, in the order of their begin; all end before `calmAtMs`. */
export function scheduleOf(draw: Draw, names: Names, calmAtMs: number): Fault[] {
  const count = Math.max(2, Math.round((calmAtMs - quietMs) / everyMs));
  const faults: Fault[] = [];
  let deck: FaultKind[] = [];
  for (let dealt = 0; dealt < count; dealt += 1) {
    if (deck.length === 0) deck = draw.shuffled(wholeDeck());
    const kind = deck.pop() as FaultKind;
    for (let attempt = 0; attempt < tries; attempt += 1) {
      const fault = drawFault(draw, { kind, names, calmAtMs });
      if (faults.some((other) => collide(fault, other))) continue;
      faults.push(fault);
      break;
    }
  }
  return faults.sort((a, b) => a.atMs - b.atMs);
}

function wholeDeck(): FaultKind[] {
  return Object.entries(deckOf).flatMap(([kind, count]) =>
    Array.from({ length: count }, () => kind as FaultKind),
  );
}

interface Card {
  readonly kind: FaultKind;
  readonly names: Names;
  readonly calmAtMs: number;
}

function drawFault(draw: Draw, { kind, names, calmAtMs }: Card): Fault {
  const [least, most] = lengthsMs[kind];
  const longest = Math.max(1, Math.min(most, calmAtMs - quietMs));
  const forMs = draw.between(Math.min(least, longest), longest);
  const atMs = draw.between(Math.min(quietMs, calmAtMs - forMs), calmAtMs - forMs);
  return { kind, atMs, forMs, ...detailsOf(draw, kind, names) };
}

function detailsOf(draw: Draw, kind: FaultKind, names: Names): Pick<Fault, 'target' | 'ms'> {
  const { nodes, providers, gateways, coordinators } = names;
  const all = [
    ...nodes,
    'wallet',
    ...coordinators,
    ...gateways,
    ...draw.shuffled(providers).slice(0, 4),
  ];
  switch (kind) {
    case 'kill': {
      const isDouble = draw.between(1, doubleKill) === 1;
      return { target: draw.shuffled(all).slice(0, isDouble ? 2 : 1) };
    }
    case 'pause':
      return { target: [draw.oneOf(all)] };
    case 'partition': {
      const cutsProvider = draw.between(1, loneProvider) === 1 || nodes.length < 2;
      if (cutsProvider) return { target: [draw.oneOf(providers)] };
      const side = draw.between(1, Math.max(1, Math.floor(nodes.length / 2)));
      return { target: draw.shuffled(nodes).slice(0, side) };
    }
    case 'latency': {
      const count = draw.between(1, nodes.length);
      return { target: draw.shuffled(nodes).slice(0, count), ms: draw.between(...lateMs) };
    }
    case 'clockSkew': {
      const ms = draw.between(skewLeastMs, skewMaxMs) * draw.oneOf([1, -1]);
      return {
        target: [draw.oneOf([...nodes, ...coordinators, ...gateways, draw.oneOf(providers)])],
        ms,
      };
    }
    case 'fullDisk':
      return {
        target: [draw.oneOf([draw.oneOf(nodes), draw.oneOf(gateways), draw.oneOf(providers)])],
      };
    case 'redisLoss':
      return { target: [brokerName] };
    case 'coordinatorLoss':
      return { target: [...coordinators] };
  }
}

function collide(a: Fault, b: Fault): boolean {
  const apart = a.atMs + a.forMs < b.atMs || b.atMs + b.forMs < a.atMs;
  if (apart) return false;
  const held = new Set(holds(a));
  return holds(b).some((name) => held.has(name));
}

function holds({ kind, target }: Fault): readonly string[] {
  const isOnLines = kind === 'partition' || kind === 'latency';
  const isOfNodes = target.every((name) => name === 'node' || name.startsWith('node-'));
  return isOnLines && isOfNodes ? [...target, meshLines] : target;
}
