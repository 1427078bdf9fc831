/** What every agent works with. */
import { setMaxListeners } from 'node:events';
import {
  type CoordinatorClient,
  createCoordinatorClient,
  createLocalSigner,
  createNodeClient,
  createTxSender,
  type NodeClient,
  type TxSender,
} from '@aitbc/sdk';
import type { Notes } from '../books/books.ts';
import type { Keys, Place, Plan, Town, TownFacts } from '../contract.ts';
import { createDraw, type Draw } from '../plan/draw.ts';
import { secretKeyOf } from './keys.ts';

/** Tools of the agents. Who has a name always meets the same node and coordinator. */
export interface AgentParts {
  readonly plan: Plan;
  readonly town: Town;
  readonly facts: TownFacts;
  readonly notes: Notes;
  /** Aborts at the very end: whatever still runs is left. */
  readonly signal: AbortSignal;
  /** Time since the begin of the run, ms. */
  nowMs(): number;
  /** True from the moment on at which nothing new may begin. */
  isOver(): boolean;
  /** Waits; false when nothing new may begin afterwards. */
  pause(ms: number): Promise<boolean>;
  nodeFor(name: string): NodeClient;
  coordinatorOf(name: string): Place;
  coordinatorFor(name: string): CoordinatorClient;
  senderFor(keys: Keys, name: string): TxSender;
  drawFor(name: string): Draw;
}

/** The tools, and what ends them. */
export interface OwnedParts extends AgentParts {
  /** No new job from now on. */
  end(): void;
  close(): Promise<void>;
}

const hashPrime = 31;

/** Tools for the agents of a town. `signal` aborts when the run is cut short. */
export function createParts(plan: Plan, town: Town, notes: Notes): OwnedParts {
  const { facts } = town;
  const begunMs = performance.now();
  const over = new AbortController();
  const ending = new AbortController();
  for (const { signal } of [over, ending]) setMaxListeners(0, signal); // every agent waits for them
  const nodes = facts.nodes.filter(({ role }) => role === 'honest');
  const clients = new Map(nodes.map(({ url }) => [url, createNodeClient({ url })]));
  const desks = new Map(
    facts.coordinators.map(({ url }) => [url, createCoordinatorClient({ baseUrl: url })]),
  );
  const nodeFor = (name: string): NodeClient => found(clients.get(pick(nodes, name).url));
  const coordinatorOf = (name: string): Place => pick(facts.coordinators, name);
  return {
    ...{ plan, town, facts, notes, nodeFor, coordinatorOf },
    signal: ending.signal,
    nowMs: () => Math.round(performance.now() - begunMs),
    isOver: () => over.signal.aborted,
    pause: (ms) => pauseUnless(over.signal, ms),
    coordinatorFor: (name) => found(desks.get(coordinatorOf(name).url)),
    senderFor: (keys, name) =>
      createTxSender({
        node: nodeFor(name),
        signer: createLocalSigner(facts.network, secretKeyOf(keys)),
      }),
    drawFor: (name) => createDraw(plan.seed * hashPrime + numberOf(name)),
    end: () => over.abort(),
    async close() {
      over.abort();
      ending.abort();
      await Promise.all([...clients.values()].map((client) => client.close()));
    },
  };
}

function pick<T>(list: readonly T[], name: string): T {
  return found(list[numberOf(name) % list.length]);
}

function found<T>(value: T | undefined): T {
  if (value === undefined) throw new RangeError('the town lacks a daemon');
  return value;
}

function numberOf(name: string): number {
  let sum = 0;
  for (const char of name) sum = (Math.imul(sum, hashPrime) + (char.codePointAt(0) ?? 0)) >>> 0;
  return sum;
}

function pauseUnless(over: AbortSignal, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    if (over.aborted) return resolve(false);
    const done = (): void => {
      clearTimeout(timer);
      over.removeEventListener('abort', done);
      resolve(!over.aborted);
    };
    const timer = setTimeout(done, ms);
    over.addEventListener('abort', done, { once: true });
  });
}
