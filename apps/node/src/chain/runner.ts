/**
 * The runner: gives a replica its inputs and carries out what it wants.
 *
 * All inputs that wait are stepped through in one go, so that the votes of a turn are one write and one
 * sync. Nothing leaves the process before that sync: the sends, the final blocks and the verdicts of the
 * turn come after it, in order. What comes in meanwhile waits for the next turn. A failing disk ends the
 * process: a validator that cannot remember its votes must not go on.
 * See docs/spec/consensus.md, "Shell".
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '@aitbc/primitives';
import type { Certificate, Hex, MeshMessage, SignedTx, Vote } from '@aitbc/protocol';
import type {
  FinalBlock,
  NamedBody,
  Replica,
  ReplicaEffect,
  ReplicaInput,
  ReplicaTimer,
} from '@aitbc/replica';
import { type Asks, createAsks } from './asks.ts';

/** Inputs of one turn: more would hold up the votes of the first. */
const turnInputsMax = 256;

/** What must survive a crash before anything else of a turn happens. */
export interface DurableVotes {
  readonly votes: readonly Vote[];
  readonly bodies: readonly NamedBody[];
  readonly certificates: readonly Certificate[];
}

/** Effects that are not the runner's own. */
export type OutwardEffect = Exclude<
  ReplicaEffect,
  { readonly type: 'persist' | 'send' | 'arm' | 'disarm' }
>;

/** Parts of a runner. */
export interface RunnerDeps {
  readonly replica: Replica;
  readonly clock: Clock;
  /** Resolves when it is on disk. One call at a time. */
  readonly persist: (durable: DurableVotes) => Promise<void>;
  /** Told of blocks that will be final when their votes are on disk: their transactions wait no more. */
  readonly onAgreed: (blocks: readonly FinalBlock[]) => void;
  readonly send: (to: readonly Hex[], message: MeshMessage) => void;
  /** Bytes that wait for a peer. */
  readonly waitingBytes: (peer: Hex) => number;
  /** A promise holds up the effects after it. */
  readonly onEffect: (effect: OutwardEffect) => void | Promise<void>;
}

/** A running replica. */
export interface Runner {
  start(): void;
  /** Lets the turn under way finish; nothing is stepped after it. */
  stop(): Promise<void>;
  push(input: ReplicaInput): void;
}

interface Running {
  readonly deps: RunnerDeps;
  readonly inputs: ReplicaInput[];
  readonly asks: Asks;
  readonly timers: Map<ReplicaTimer, NodeJS.Timeout>;
  isStopped: boolean;
  wakeUp: (() => void) | undefined;
}

/** A runner that stands still until `start`. */
export function createRunner(deps: RunnerDeps): Runner {
  const at: Running = {
    deps,
    inputs: [{ type: 'start' }],
    asks: createAsks(deps.waitingBytes),
    timers: new Map(),
    isStopped: false,
    wakeUp: undefined,
  };
  let running: Promise<void> | undefined;
  return {
    start() {
      running ??= run(at);
    },
    async stop() {
      at.isStopped = true;
      at.wakeUp?.();
      for (const timer of at.timers.values()) clearTimeout(timer);
      await running;
    },
    push: (input) => push(at, input),
  };
}

function push(at: Running, input: ReplicaInput): void {
  if (at.isStopped) return;
  if (input.type === 'message' && !at.asks.admits(input.peer, input.message)) return;
  at.inputs.push(input);
  at.wakeUp?.();
}

async function run(at: Running): Promise<void> {
  while (!at.isStopped) {
    if (at.inputs.length === 0) await sleepUntilWoken(at);
    else await nextTurn(); // what arrives in the same turn of the event loop belongs to this one
    if (at.isStopped) return;
    await takeTurn(at, at.inputs.splice(0, turnInputsMax));
    if (at.inputs.length <= turnInputsMax) at.asks.endTurn();
  }
}

function sleepUntilWoken(at: Running): Promise<void> {
  return new Promise((resolve) => {
    at.wakeUp = () => {
      at.wakeUp = undefined;
      resolve();
    };
  });
}

async function takeTurn(at: Running, inputs: readonly ReplicaInput[]): Promise<void> {
  const { replica, clock, persist, onAgreed } = at.deps;
  const effects: ReplicaEffect[] = [];
  for (const input of together(inputs)) {
    effects.push(...replica.step(input, performance.now(), clock.nowMs()));
  }
  onAgreed(effects.flatMap((effect) => (effect.type === 'final' ? effect.blocks : [])));
  const durable = durableOf(effects);
  if (durable) await persist(durable);
  for (const effect of effects) {
    const slow = carryOut(at, effect);
    if (slow) await slow;
  }
}

/** Transactions of one origin that came one by one are one input, and so one message to the others. */
function together(inputs: readonly ReplicaInput[]): ReplicaInput[] {
  const joined: ReplicaInput[] = [];
  let txs: SignedTx[] = [];
  for (const input of inputs) {
    const last = joined.at(-1);
    if (input.type !== 'txs') joined.push(input);
    else if (last?.type === 'txs' && input.from === last.from) txs.push(...input.txs);
    else {
      txs = [...input.txs];
      joined.push({ ...input, txs });
    }
  }
  return joined;
}

function durableOf(effects: readonly ReplicaEffect[]): DurableVotes | undefined {
  const wanted = effects.filter((effect) => effect.type === 'persist');
  if (wanted.length === 0) return undefined;
  return {
    votes: wanted.flatMap(({ votes }) => votes),
    bodies: wanted.flatMap(({ bodies }) => bodies),
    certificates: wanted.flatMap(({ certificates }) => certificates),
  };
}

function carryOut(at: Running, effect: ReplicaEffect): void | Promise<void> {
  const { send, onEffect } = at.deps;
  if (effect.type === 'persist') return undefined;
  if (effect.type === 'send') send(effect.to, effect.message);
  else if (effect.type === 'arm') arm(at, effect);
  else if (effect.type === 'disarm') clearTimeout(at.timers.get(effect.timer));
  else return onEffect(effect);
  return undefined;
}

function arm(at: Running, effect: Extract<ReplicaEffect, { type: 'arm' }>): void {
  const { timer, id, delayMs } = effect;
  clearTimeout(at.timers.get(timer));
  if (at.isStopped) return;
  at.timers.set(
    timer,
    setTimeout(() => push(at, { type: 'timer', timer, id }), delayMs),
  );
}
