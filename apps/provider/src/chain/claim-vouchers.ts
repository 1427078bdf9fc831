/**
 * Settlement: takes what is due to the account, for many channels in one transaction.
 *
 * When: enough is due, the interval is over, a buyer withdraws, or the owner asks. What: at most 100 rows,
 * those of closing channels first, then the largest. A row that is worth less than twice what it adds to
 * the fee waits, unless the owner asked.
 *
 * Exactly once without a memory of what was sent: a row says how much is due in all, the chain pays only
 * the rise, and after every attempt (also one whose answer was lost) the channels are read anew. So a
 * claim that was final after all leaves nothing to claim, and one that was lost is simply made again, also
 * by the next life of the daemon. One claim is under way at a time. It leaves when the receipts behind it are
 * committed: one that outlives its receipts would be charged again when the buyer acknowledges the same tokens.
 */

import type { ChannelRecord } from '@aitbc/market';
import { claimRowOf } from '@aitbc/market';
import { hex, sign } from '@aitbc/primitives';
import {
  type ChainParams,
  type ClaimRow,
  claimBytes,
  type DocumentSigner,
  type Hex,
  limits,
  type Network,
} from '@aitbc/protocol';
import type { TxSender, TxStatus } from '@aitbc/sdk';

const retryMsFirst = 1_000;
const retryMsMax = 60_000;
/** Many jobs end and many channels change at a time: one look serves them all. */
const lookAfterMs = 100;
/** A row must be worth this many times what it adds to the fee. */
const worthTimes = 2n;

export interface ClaimOptions {
  readonly intervalMs: number;
  /** nait */
  readonly threshold: bigint;
}

export interface ClaimDeps {
  readonly network: Network;
  readonly params: ChainParams;
  readonly authorizer: DocumentSigner;
  readonly sender: Pick<TxSender, 'send'>;
  readonly records: () => Iterable<ChannelRecord>;
  /** Resolves when every charge so far is committed with its receipt. */
  readonly written: () => Promise<void>;
  /** Reads channels of the chain anew. */
  readonly refresh: (channelIds: readonly Hex[]) => Promise<void>;
  readonly onPaid: (channelId: Hex, totalClaimed: bigint, txId: Hex) => void;
  readonly onTrouble: (error: unknown, message: string) => void;
}

/** Result of a claim. */
export interface Claimed {
  readonly txId: Hex | null;
  readonly rows: number;
}

/** Claims by itself while it runs. */
export interface Claimer {
  start(): void;
  /** Waits for a claim that is under way. */
  stop(): Promise<void>;
  /** Something is due or a channel has changed: soon looks whether that is reason for a claim. */
  look(): void;
  /** Claims all that is due now. Throws what the chain refuses. */
  claimNow(): Promise<Claimed>;
}

export function createClaimer(options: ClaimOptions, deps: ClaimDeps): Claimer {
  const ending = new AbortController();
  const state = { failures: 0 };
  let underWay: Promise<Claimed> | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let looking: ReturnType<typeof setTimeout> | undefined;

  const claim = (all: boolean): Promise<Claimed> => {
    const before = underWay ?? Promise.resolve();
    const mine = before
      .catch(() => {})
      .then(() => claimOnce(all, deps, ending.signal))
      .finally(() => {
        if (underWay === mine) underWay = undefined;
      });
    underWay = mine;
    return mine;
  };
  const plan = (): void => {
    clearTimeout(timer);
    if (ending.signal.aborted) return;
    const retryMs = Math.min(retryMsFirst * 2 ** (state.failures - 1), retryMsMax);
    const waitMs = state.failures > 0 ? Math.min(retryMs, options.intervalMs) : options.intervalMs;
    timer = setTimeout(attempt, waitMs);
    timer.unref?.();
  };
  const attempt = (): void => {
    claim(false)
      .then(
        () => {
          state.failures = 0;
        },
        (error: unknown) => {
          state.failures += 1;
          if (!ending.signal.aborted) deps.onTrouble(error, 'a claim failed and is tried again');
        },
      )
      .finally(plan);
  };
  return {
    start: plan,
    async stop() {
      ending.abort();
      clearTimeout(timer);
      clearTimeout(looking);
      await underWay?.catch(() => {});
    },
    look() {
      if (looking || ending.signal.aborted) return;
      looking = setTimeout(() => {
        looking = undefined;
        if (underWay || state.failures > 0) return;
        if (isReason(deps, options.threshold)) attempt();
      }, lookAfterMs);
    },
    claimNow: () => claim(true),
  };
}

interface DueRow {
  readonly row: ClaimRow;
  readonly due: bigint;
  readonly isClosing: boolean;
}

function dueRows(records: Iterable<ChannelRecord>): DueRow[] {
  const due: DueRow[] = [];
  for (const record of records) {
    const row = claimRowOf(record);
    const { totalClaimed, withdrawDueMs } = record.channel;
    if (row) due.push({ row, due: row.totalClaimed - totalClaimed, isClosing: withdrawDueMs > 0 });
  }
  return due;
}

function isReason({ records, params }: ClaimDeps, threshold: bigint): boolean {
  const worth = worthTimes * BigInt(params.feePerRow);
  const rows = dueRows(records()).filter(({ due }) => due >= worth);
  if (rows.some(({ isClosing }) => isClosing)) return true;
  const total = rows.reduce((sum, { due }) => sum + due, 0n);
  return total > 0n && total >= threshold;
}

function rowsToClaim({ records, params }: ClaimDeps, all: boolean): ClaimRow[] {
  const worth = all ? 1n : worthTimes * BigInt(params.feePerRow);
  const rows = dueRows(records()).filter(({ due }) => due >= worth);
  rows.sort((a, b) => Number(b.isClosing) - Number(a.isClosing) || (b.due > a.due ? 1 : -1));
  const chosen = rows.slice(0, limits.claimRows);
  const total = chosen.reduce((sum, { due }) => sum + due, 0n);
  const fee = BigInt(params.fees.channel_claim);
  const isUrgent = all || chosen.some(({ isClosing }) => isClosing);
  return isUrgent || total >= worthTimes * fee ? chosen.map(({ row }) => row) : [];
}

async function claimOnce(all: boolean, deps: ClaimDeps, signal: AbortSignal): Promise<Claimed> {
  const rows = rowsToClaim(deps, all);
  if (rows.length === 0) return { txId: null, rows: 0 };
  await deps.written();
  const { network, authorizer, sender } = deps;
  const signature = sign(claimBytes(network, rows), authorizer.secretKey);
  const body = {
    receiverAuthorizer: authorizer.publicKey,
    rows,
    authorizerSignature: hex(signature),
  };
  try {
    return paid(rows, await sender.send('channel_claim', body, { signal }), deps);
  } finally {
    if (!signal.aborted) await deps.refresh(rows.map(({ channelId }) => channelId));
  }
}

/** Notes what a final claim paid; rows that the chain refused stay due. */
function paid(rows: readonly ClaimRow[], { status, receipt }: TxStatus, deps: ClaimDeps): Claimed {
  if (status !== 'final' || !receipt) return { txId: null, rows: 0 };
  let count = 0;
  for (const { channelId, totalClaimed } of rows) {
    const result = receipt.rows?.find((row) => row.channelId === channelId);
    if (!result) continue;
    if (result.code === null) {
      deps.onPaid(channelId, totalClaimed, receipt.txId);
      count += 1;
    } else deps.onTrouble({ channelId, code: result.code }, 'a row of a claim was refused');
  }
  return { txId: receipt.txId, rows: count };
}
