/**
 * When to make a block. Asked by agreement, the leader waits until there is work: a transaction, a heartbeat that
 * is due, or an executed block that should be final by now and is not (the next block brings it along).
 * Everybody tells agreement whether there is work, so that an idle network times out nowhere and a leader that
 * does not answer to work is replaced. A heartbeat is due by our own clocks, whichever comes first; others
 * measure with their monotonic clock from the block before, so that a clock that is set wrong harms nobody.
 * See docs/spec/replica.md, "Pace".
 */
import type { RefusedTx } from '@aitbc/chain';
import { type Hex, limits } from '@aitbc/protocol';
import { feedValid, nextVerdictAtMs } from './blocks.ts';
import { build, knownSinceMs, pendingTxIds, timeOf } from './ledger.ts';
import { type Ask, type Mind, tell } from './mind.ts';
import { dropRefused } from './pool.ts';
import { armBy, pause, resume } from './timers.ts';

/** Part of the assumed longest hop that a leader waits for the finalization of the block before. */
const graceParts = 2;
const refusedMax = 1_024;
/** Blocks of this size cost little more for each transaction than larger ones. */
const fullBlockTxs = 1_000;

/** Tells agreement about work, proposes when it is time, and sees to it that the next moment is not missed. */
export function keepPace(mind: Mind): void {
  if (mind.isHalted || !mind.seat) return;
  tellWork(mind);
  const { ask } = mind;
  if (ask) proposeWhenDue(mind, ask);
  armForNext(mind);
}

/**
 * A view that begins while the block before it is not final yet begins with work; when that is final and nothing else
 * waits, its clock stands still until there is work again.
 */
function tellWork(mind: Mind): void {
  const { seat } = mind;
  if (!seat) return;
  const waiting =
    mind.mempool.count() > 0 || mind.pending.size > 0 || isBeatDue(mind, mind.headAtMs);
  if (waiting === mind.wasWaiting) return;
  mind.wasWaiting = waiting;
  tell(mind, { type: 'work', waiting });
  for (const timer of ['leader', 'progress'] as const) (waiting ? resume : pause)(mind, timer);
}

function isBeatDue({ nowMs, era }: Mind, sinceMs: number): boolean {
  return nowMs >= sinceMs + era.params.heartbeatMs;
}

function proposeWhenDue(mind: Mind, ask: Ask): void {
  if (mind.seat?.state.view !== ask.view) {
    mind.ask = undefined;
    return;
  }
  const { hash } = ask.parent;
  const knownMs = knownSinceMs(mind, hash);
  if (knownMs === undefined) return;
  const readyMs = knownMs + restMs(mind);
  if (mind.nowMs < readyMs) {
    armBy(mind, 'pace', readyMs);
    return;
  }
  const mayBeEmpty = isEmptyBlockDue(mind, ask);
  if (mind.mempool.count() > 0 || mayBeEmpty) propose(mind, ask, mayBeEmpty);
}

/**
 * A block costs every node some milliseconds whatever it holds, so a busy machine makes fewer and fuller ones.
 * When enough waits for a full block, resting would only hold it up.
 */
function restMs({ options, deps, mempool }: Mind): number {
  const { minBlockIntervalMs } = options;
  if (mempool.count() >= fullBlockTxs) return minBlockIntervalMs;
  return Math.max(minBlockIntervalMs, deps.blockRestMs?.() ?? 0);
}

/** True when a block without transactions is better than none. */
function isEmptyBlockDue(mind: Mind, ask: Ask): boolean {
  const { heartbeatMs } = mind.era.params;
  if (isBeatDue(mind, knownSinceMs(mind, ask.parent.hash) ?? mind.nowMs)) return true;
  if (mind.wallMs >= timeOf(mind, ask.parent.hash) + heartbeatMs) return true;
  return mind.pending.size > 0 && mind.nowMs >= graceEndMs(mind, ask);
}

function graceEndMs(mind: Mind, ask: Ask): number {
  return ask.sinceMs + (mind.seat?.state.hopMs ?? 0) / graceParts;
}

/**
 * Builds and hands in a block. When the rules refuse all candidates, a lone validator goes on waiting; among others an
 * empty block is made, because they may hold the same transactions and wait for a block with them.
 */
function propose(mind: Mind, ask: Ask, mayBeEmpty: boolean): void {
  const { hash: parent } = ask.parent;
  const inPending = pendingTxIds(mind, parent);
  const candidates = mind.mempool.candidates({
    maxCount: limits.blockTxCount,
    maxBytes: limits.blockSizeBytes,
    skip: (txId: Hex) => inPending.has(txId) || mind.refused.has(txId),
  });
  if (candidates.length === 0 && !mayBeEmpty) return;
  const built = build(mind, { view: ask.view, parent, candidates });
  if (!built) return;
  const { block, refused } = built;
  setAside(mind, refused, parent);
  const isWanted = block.txs.length > 0 || mayBeEmpty || mind.era.set.validators.length > 1;
  if (isWanted) {
    mind.ask = undefined;
    feedValid(mind, block);
    return;
  }
  mind.pending.delete(block.hash);
  proposeWhenDue(mind, ask);
}

/** A refusal counts when the state it was met on is final; until then the transaction is left out. */
function setAside(mind: Mind, refused: readonly RefusedTx[], parent: Hex): void {
  if (parent === mind.head.hash) dropRefused(mind, refused);
  else {
    for (const one of refused.slice(0, Math.max(0, refusedMax - mind.refused.size))) {
      mind.refused.set(one.tx.txId, { ...one, parent });
    }
  }
}

/** Arms the timer for the next heartbeat, end of grace or late verdict. */
function armForNext(mind: Mind): void {
  const { nowMs, wallMs, ask, era } = mind;
  const beats = [mind.headAtMs + era.params.heartbeatMs];
  if (ask && mind.pending.size > 0) beats.push(graceEndMs(mind, ask));
  if (ask) beats.push(nowMs + timeOf(mind, ask.parent.hash) + era.params.heartbeatMs - wallMs);
  const verdictAtMs = nextVerdictAtMs(mind);
  if (verdictAtMs !== undefined) beats.push(nowMs + verdictAtMs - wallMs);
  const coming = beats.filter((atMs) => atMs > nowMs);
  if (coming.length > 0) armBy(mind, 'pace', Math.ceil(Math.min(...coming)));
}
