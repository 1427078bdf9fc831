/**
 * The validator: runs the core of agreement and carries out its effects, one after the other.
 *
 * When the core asks for a proposal, this waits until there is work (a transaction, or the heartbeat is
 * due) and until `minBlockIntervalMs` have passed since the last block; so an idle chain answers at once
 * and a busy one fills its blocks. A block is built from the mempool, fed back to the core, and the effects
 * run in order: votes to the vote log, block to the block log and database, then everybody is told. `stop`
 * lets the block under way finish. A failing disk ends the process: a validator that cannot remember its
 * votes must not go on.
 *
 * One validator needs no network: `send` has nobody to go to. See docs/spec/consensus.md, "Shell".
 */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { BuiltBlock, Mempool, RefusedTx } from '@aitbc/chain';
import type { Core, CoreEffect, CoreInput, CoreState } from '@aitbc/consensus';
import type { Clock } from '@aitbc/primitives';
import { AppError, type Certificate, type Hex, limits } from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import type { VoteLog } from '../storage/vote-log.ts';
import type { Ledger } from './ledger.ts';

/** Longest sleep before looking at the clock again: a timer takes no more than 2^31 ms. */
const lookMsMax = 60_000;

/** What the validator tells the rest of the node. */
export interface ValidatorEvents {
  readonly onFinal: (block: BuiltBlock, certificate: Certificate) => void;
  readonly onDropped: (dropped: RefusedTx) => void;
}

/** Options and parts of a validator. */
export interface ValidatorDeps extends ValidatorEvents {
  readonly ledger: Ledger;
  readonly mempool: Mempool;
  readonly voteLog: VoteLog;
  readonly core: Core;
  readonly clock: Clock;
  readonly log: Log;
  readonly proposer: Hex;
  readonly minBlockIntervalMs: number;
  readonly recheck: (touched: Iterable<Hex>) => RefusedTx[];
}

/** A running validator. */
export interface Validator {
  start(): void;
  /** Lets the block under way finish. */
  stop(): Promise<void>;
  /** A transaction has come in. */
  wake(): void;
}

/** Everything that changes while it runs. */
interface Running {
  readonly deps: ValidatorDeps;
  readonly stopping: AbortController;
  /** Blocks we built, until one of them is final. */
  readonly built: Map<Hex, BuiltBlock>;
  state: CoreState;
  /** View we were asked to propose in. */
  askedView: number | undefined;
  lastBlockAtMs: number;
  wakeUp: (() => void) | undefined;
}

/** A validator that stands still until `start`. */
export function createValidator(deps: ValidatorDeps): Validator {
  const at: Running = {
    deps,
    stopping: new AbortController(),
    built: new Map(),
    state: deps.core.initial,
    askedView: undefined,
    lastBlockAtMs: Number.NEGATIVE_INFINITY,
    wakeUp: undefined,
  };
  let running: Promise<void> | undefined;
  return {
    start() {
      running ??= run(at);
    },
    async stop() {
      at.stopping.abort();
      at.wakeUp?.();
      await running;
    },
    wake: () => at.wakeUp?.(),
  };
}

async function run(at: Running): Promise<void> {
  await feed(at, { type: 'start' });
  while (!at.stopping.signal.aborted) {
    await waitForWork(at);
    if (at.stopping.signal.aborted) return;
    if (at.askedView !== undefined) await propose(at, at.askedView);
  }
}

function heartbeatAtMs({ deps: { ledger } }: Running): number {
  return ledger.head().header.timeMs + ledger.genesis.params.heartbeatMs;
}

function hasWork(at: Running): boolean {
  if (at.askedView === undefined) return false;
  return at.deps.mempool.count() > 0 || at.deps.clock.nowMs() >= heartbeatAtMs(at);
}

async function waitForWork(at: Running): Promise<void> {
  const { signal } = at.stopping;
  while (!hasWork(at) && !signal.aborted) await sleepUntilWoken(at);
  const restMs = at.lastBlockAtMs + at.deps.minBlockIntervalMs - performance.now();
  if (restMs > 0) await sleep(restMs, undefined, { signal }).catch(() => {});
  else await nextTurn(); // the rest of a batch that is being admitted belongs into this block
}

function sleepUntilWoken(at: Running): Promise<void> {
  return new Promise((resolve) => {
    const untilBeatMs = heartbeatAtMs(at) - at.deps.clock.nowMs();
    const timer = setTimeout(resolve, Math.min(Math.max(1, untilBeatMs), lookMsMax));
    at.wakeUp = () => {
      at.wakeUp = undefined;
      clearTimeout(timer);
      resolve();
    };
  });
}

async function propose(at: Running, view: number): Promise<void> {
  const { mempool, ledger, clock, proposer } = at.deps;
  const candidates = mempool.candidates(limits.blockTxCount, limits.blockSizeBytes);
  const timeMs = clock.nowMs();
  const block = ledger.build({ view, timeMs, proposer, candidates });
  drop(at, block.refused);
  if (block.txs.length === 0 && timeMs < heartbeatAtMs(at)) return;
  at.lastBlockAtMs = performance.now();
  at.askedView = undefined;
  at.built.set(block.hash, block);
  const { height, parent } = block.header;
  const ref = { hash: block.hash, parent, height, view, proposer };
  await feed(at, { type: 'block', block: ref, valid: true });
}

/** Forgets candidates that the rules refused, and what stood on them. */
function drop({ deps }: Running, refused: readonly RefusedTx[]): void {
  if (refused.length === 0) return;
  deps.mempool.remove(refused.map(({ tx }) => tx.txId));
  const followers = deps.recheck(refused.map(({ tx }) => tx.from));
  for (const dropped of [...refused, ...followers]) deps.onDropped(dropped);
}

async function feed(at: Running, input: CoreInput): Promise<void> {
  const step = at.deps.core.step(at.state, input);
  at.state = step.state;
  for (const effect of step.effects) await carryOut(at, effect);
}

async function carryOut(at: Running, effect: CoreEffect): Promise<void> {
  if (effect.type === 'persistVotes') await at.deps.voteLog.append(effect.votes);
  if (effect.type === 'commit') await commit(at, effect.block.hash, effect.certificate);
  if (effect.type === 'propose') at.askedView = effect.view;
}

async function commit(at: Running, hash: Hex, certificate: Certificate): Promise<void> {
  const { ledger, mempool, onFinal, onDropped, recheck } = at.deps;
  const block = at.built.get(hash);
  if (!block) throw new AppError('INTERNAL', { reason: `block ${hash} was never built` });
  await ledger.commit(block, certificate);
  at.built.clear();
  mempool.remove(block.txs.map(({ txId }) => txId));
  onFinal(block, certificate);
  const touched = [...block.writes.keys()].filter((key) => key.startsWith('a'));
  for (const dropped of recheck(touched.map((key) => key.slice(1)))) onDropped(dropped);
}
