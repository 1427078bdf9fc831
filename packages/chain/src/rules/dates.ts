/**
 * When a date is over. Chain time is the time of blocks, and it jumps when the chain stood still: the first block after
 * a halt of an hour is an hour later. By the plain comparison an exit could stand in that block, before those whom its
 * date protects had any block to act in: a provider with its claim, a worker with its result, a juror with its vote.
 *
 *   blocks  ●──●──●──────────── halt ────────────●──●──●─────●──▶
 *                 beganMs                        ├ catch-up ─┤ untilMs
 *                 └──── a date in here waits until then ─────┘
 *
 * The chain stood still when more than three heartbeats lie between two blocks; an idle chain makes one each heartbeat. A
 * date that falls between the last block before and the end of the catch-up time is the end of the catch-up time, for
 * those who must act before it and for those who may act from it on, so no step races with another. Halts during
 * that time are one with the halt before. So between the step that set a date and the date lies the whole span of live
 * chain, or the whole catch-up time of it.
 *
 * A date waits for `limits.catchUpBlocks` blocks at most: on a chain whose every block comes late it would else wait for
 * ever, and so would the coins behind it.
 *
 * Rejected: a clock of the ledger that leaves halts out (every date that people see would lie apart from the calendar,
 * for ever); a count of blocks in each date (blocks come within milliseconds when there is work, and an idle chain
 * makes one each heartbeat). See docs/spec/chain.md, "Dates".
 */
import { type ChainParams, limits, zeroHash } from '@aitbc/protocol';
import type { StandstillState } from '../entries.ts';
import type { Overlay } from '../state.ts';
import type { BlockContext } from './rule.ts';

const standstillBeats = 3;

/** The block before: its height and its chain time, ms. */
export interface ParentTime {
  readonly height: number;
  readonly timeMs: number;
}

/** How long dates wait after the chain stood still, ms; 0 where they do not. */
function catchUpMs({ catchUpBeats = 0, heartbeatMs }: ChainParams): number {
  return Math.min(catchUpBeats * heartbeatMs, 2 ** 52 - 1); // a date plus this still is a safe integer
}

/**
 * Before the first transaction of a block: remembers that the chain stood still before it. The first block of a chain may
 * come long after its genesis document; nothing waits then.
 */
export function noteStandstill(overlay: Overlay, context: BlockContext, parent: ParentTime): void {
  const { height, timeMs, params } = context;
  const { heartbeatMs } = params;
  if (catchUpMs(params) === 0 || parent.height === 0) return;
  if (timeMs - parent.timeMs <= standstillBeats * heartbeatMs) return;
  const before = overlay.entry('standstill', zeroHash);
  const isOne = before !== undefined && parent.timeMs < waitEndMs(before, parent.height);
  overlay.put('standstill', zeroHash, {
    beganMs: isOne ? before.beganMs : parent.timeMs,
    untilMs: timeMs + catchUpMs(params),
    resumedHeight: isOne ? before.resumedHeight : height,
  });
}

/** End of the catch-up time, ms; 0 when it has taken enough blocks. */
function waitEndMs({ untilMs, resumedHeight }: StandstillState, height: number): number {
  return height < resumedHeight + limits.catchUpBlocks ? untilMs : 0;
}

/** Where a date is looked at. */
interface Scene {
  readonly overlay: Overlay;
  readonly context: BlockContext;
}

/**
 * The date in force for a stored one, chain time in ms: over when block time is not below it. One that waits
 * does so for `moreMs` longer than the catch-up time.
 */
export function dateInForce(
  { overlay, context: { height, timeMs } }: Scene,
  storedMs: number,
  moreMs = 0,
): number {
  if (timeMs < storedMs) return storedMs;
  const last = overlay.entry('standstill', zeroHash);
  if (!last || storedMs <= last.beganMs) return storedMs;
  const endMs = waitEndMs(last, height);
  return endMs === 0 ? storedMs : Math.max(storedMs, endMs + moreMs);
}
