/**
 * What a one-shot payment did not use goes back.
 *
 * A look, at an interval and soon after a job ended, does four things:
 *   1. transfers that wait: final → open; out of date and not known → forgotten
 *   2. open payments: job ended, or never started in time → closed; the rest less the fee is credit, and all of it
 *      when nothing was charged
 *   3. a refund that was signed: final → done; out of date and not known → its credits are owed again; else sent again
 *   4. with none under way: one batch of transfers to all payers whose credit is worth it
 *
 * Exactly once: the bytes of a refund are written, with the credits it pays, before they are sent, and they can come in
 * only once and only up to a height. So whatever is lost on the way, the same bytes are sent again until the chain
 * has them or never can.
 *
 * A credit below ten times the fee waits until the payer has more.
 */
import { hex, randomBytes } from '@aitbc/primitives';
import {
  asAppError,
  type ChainParams,
  expiringLane,
  type Hex,
  type Network,
  type UnsignedTx,
} from '@aitbc/protocol';
import type { Signer } from '@aitbc/sdk';
import type { ChannelBooks } from '../jobs/channel-books.ts';
import type { JournalRow } from '../store.ts';
import type { OneShotChain } from './one-shot-chain.ts';
import type { OneShotRow, OneShotStore } from './one-shot-store.ts';
import { isOwnChannel, type OwnKeys, ownChannelOf } from './own-channel.ts';

/** A credit must be worth this many times the fee of sending it. */
const worthTimes = 10n;
const payersPerBatch = 64;
const validForBlocks = 500;
/** As long as complete answers are kept: until then a repeated call reads along. */
const booksKeptMs = 10 * 60_000;
/** Longer than payments under offers that have run out are looked at. */
const rowsKeptMs = 60 * 24 * 3_600_000;
const lookAfterMs = 200;

export interface RefundOptions {
  readonly intervalMs: number;
  /** A payment whose job did not start in this time goes back whole. */
  readonly startWithinMs: number;
}

export interface RefundDeps extends OwnKeys {
  readonly params: ChainParams;
  readonly store: OneShotStore;
  readonly chain: OneShotChain;
  readonly books: Pick<ChannelBooks, 'all' | 'get' | 'observe' | 'forget'>;
  readonly job: (jobId: Hex) => Pick<JournalRow, 'outcome' | 'charged'> | undefined;
  /** Signs for the account that was paid. */
  readonly account: Pick<Signer, 'accountId' | 'signTx'>;
  readonly nowMs: () => number;
  readonly onTrouble: (error: unknown, message: string) => void;
}

/** Sends back what was not used while it runs. */
export interface Refunds {
  start(): void;
  /** Waits for a look that is under way. */
  stop(): Promise<void>;
  /** Something has ended: looks soon. */
  look(): void;
  /** One look now. */
  lookNow(): Promise<void>;
}

export function createRefunds(options: RefundOptions, deps: RefundDeps): Refunds {
  let timer: ReturnType<typeof setInterval> | undefined;
  let soon: ReturnType<typeof setTimeout> | undefined;
  let isStopped = false;
  let last: Promise<void> = Promise.resolve();
  const settledAtMs = new Map<Hex, number>();
  const lookNow = (): Promise<void> => {
    const once = () => (isStopped ? undefined : lookOnce(options, deps, settledAtMs));
    const mine = last.catch(() => {}).then(once);
    last = mine;
    return mine;
  };
  const attempt = (): void => {
    lookNow().catch((error: unknown) => {
      if (!isStopped) deps.onTrouble(error, 'refunds could not be looked at');
    });
  };
  const look = (): void => {
    if (soon || isStopped) return;
    soon = setTimeout(() => {
      soon = undefined;
      attempt();
    }, lookAfterMs);
    soon.unref?.();
  };
  return {
    start() {
      forgetSettled(deps);
      look(); // what an earlier life left
      timer = setInterval(attempt, options.intervalMs);
      timer.unref?.();
    },
    async stop() {
      isStopped = true;
      clearInterval(timer);
      clearTimeout(soon);
      await last.catch(() => {});
    },
    look,
    lookNow,
  };
}

async function lookOnce(
  options: RefundOptions,
  deps: RefundDeps,
  settledAtMs: Map<Hex, number>,
): Promise<void> {
  const { store, nowMs } = deps;
  for (const row of store.inState('waiting')) await settleWaiting(row, deps);
  for (const row of store.inState('open')) {
    if (closeEnded(row, options, deps)) settledAtMs.set(row.txId, nowMs());
  }
  forgetOld(settledAtMs, deps);
  store.prune(nowMs() - rowsKeptMs);
  for (const refund of store.pendingRefunds()) await settleRefund(refund, deps);
  if (store.pendingRefunds().length === 0) await refundOnce(deps);
}

/** A transfer whose caller has gone, or whose answer was lost. */
async function settleWaiting(row: OneShotRow, { store, chain, nowMs }: RefundDeps): Promise<void> {
  if (await chain.isFinal(row.txId)) store.open(row.txId, nowMs());
  else if (chain.height() > row.validUntil) store.drop(row.txId);
}

function closeEnded(row: OneShotRow, { startWithinMs }: RefundOptions, deps: RefundDeps): boolean {
  const { store, books, params, nowMs } = deps;
  const atMs = nowMs();
  const job = deps.job(row.jobId);
  if (job?.outcome === 'running') return false;
  if (!job && atMs - row.takenAtMs < startWithinMs) return false;
  const charged = job?.charged ?? 0n;
  const unused = row.amount - charged;
  const fee = charged > 0n ? BigInt(params.fees.transfer) : 0n;
  const channel = books.get(row.txId)?.channel ?? ownChannelOf(deps, row);
  // Closed before the credit is written: from here on nothing can start on it.
  books.observe({ ...channel, closed: true });
  store.settle(row.txId, { charged, credit: unused > fee ? unused - fee : 0n, atMs });
  return true;
}

/** Answers of an earlier life are not kept, so neither are the books of payments that were settled in it. */
function forgetSettled({ books, store }: RefundDeps): void {
  const own = [...books.all()].filter(({ channel }) => isOwnChannel(channel));
  for (const { channel } of own) {
    const state = store.find(channel.channelId)?.state;
    if (state === undefined || state === 'closed') books.forget(channel.channelId);
  }
}

/** The books of a settled payment are needed only while its answer is kept. */
function forgetOld(settledAtMs: Map<Hex, number>, { books, nowMs }: RefundDeps): void {
  for (const [txId, atMs] of settledAtMs) {
    if (nowMs() - atMs < booksKeptMs) return; // in the order of their end
    books.forget(txId);
    settledAtMs.delete(txId);
  }
}

async function settleRefund(
  { txId, bytes, validUntil }: { txId: Hex; bytes: Uint8Array; validUntil: number },
  { store, chain, onTrouble }: RefundDeps,
): Promise<void> {
  if (await chain.isFinal(txId)) return store.endRefund(txId);
  if (chain.height() > validUntil) return store.undoRefund(txId);
  try {
    await chain.send(bytes);
    store.endRefund(txId);
  } catch (error) {
    const { code } = asAppError(error);
    if (code !== 'TX_DUPLICATE') onTrouble(error, 'a refund is sent again later');
  }
}

async function refundOnce(deps: RefundDeps): Promise<void> {
  const { store, params, chain, account, network } = deps;
  const worth = worthTimes * BigInt(params.fees.transfer);
  const chosen = [...creditsByPayer(store.owed())].filter(([, { sum }]) => sum >= worth);
  const payers = chosen.slice(0, payersPerBatch);
  const first = payers[0];
  if (!first) return;
  const validUntil = chain.height() + validForBlocks;
  const unsigned = batchOf(payers, { network, params, from: account.accountId, validUntil });
  const signed = await account.signTx(unsigned);
  const rows = payers.flatMap(([, { rows: paid }]) => paid);
  const refund = { txId: signed.txId, bytes: signed.bytes, validUntil };
  store.saveRefund(refund, rows);
  await settleRefund(refund, deps);
}

interface Credit {
  readonly sum: bigint;
  readonly rows: readonly Hex[];
}

function creditsByPayer(owed: readonly OneShotRow[]): Map<Hex, Credit> {
  const credits = new Map<Hex, Credit>();
  for (const { payer, credit, txId } of owed) {
    const known = credits.get(payer) ?? { sum: 0n, rows: [] };
    credits.set(payer, { sum: known.sum + credit, rows: [...known.rows, txId] });
  }
  return credits;
}

interface BatchTerms {
  readonly network: Network;
  readonly params: ChainParams;
  readonly from: Hex;
  readonly validUntil: number;
}

/** One transfer to each payer; its memo names the first of the payments it sends back. */
function batchOf(
  payers: readonly (readonly [Hex, Credit])[],
  { network, params, from, validUntil }: BatchTerms,
): UnsignedTx {
  const operations = payers.map(([to, { sum, rows }]) => ({
    kind: 'transfer' as const,
    body: { to, amount: sum, memo: rows[0] ?? '' },
  }));
  const perOperation = BigInt(params.feePerOperation) * BigInt(operations.length);
  return {
    kind: 'batch',
    chain: network.chain,
    lane: expiringLane,
    nonce: Number.parseInt(hex(randomBytes(6)), 16),
    validUntil,
    from,
    fee: BigInt(params.fees.batch) + perOperation,
    body: { operations },
  };
}
