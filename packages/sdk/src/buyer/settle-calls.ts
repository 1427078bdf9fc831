/**
 * Brings calls to their end in the books: by the final receipt that came with the answer, or, when the
 * answer broke off, by asking the provider for its receipts until it has the final one.
 *
 * Asked again after growing waits, a bounded number of times; what is still open then keeps its reservation
 * and is asked for again when the buyer starts next. Receipts that break a rule are never asked for again,
 * and nothing more is signed for that provider. A submitted job is asked for at the coordinator first: as
 * long as it may still run there, a provider that does not know it proves nothing.
 */
import {
  type AppError,
  amountOf,
  asAppError,
  type ErrorCode,
  type Hex,
  limits,
  offerIdOf,
  priceOf,
  type SignedReceipt,
  unwrap,
} from '@aitbc/protocol';
import type { CallRow } from '../books/store.ts';
import { pause } from '../chain/pause.ts';
import type { CoordinatorClient, ProviderClient } from '../http/clients.ts';
import { createReceiptChecker } from './check-receipts.ts';
import type { BuyerParts } from './types.ts';

const waitsMs = [50, 250, 1_000, 5_000, 30_000, 120_000, 600_000];
const submittedWaitMs = 2_000;
const submittedWaits = Math.ceil((limits.jobLifetimeMs + 120_000) / submittedWaitMs);
const terminalStates = ['completed', 'failed', 'expired', 'cancelled'];
const neverRanCodes: readonly ErrorCode[] = ['JOB_UNKNOWN', 'NOT_FOUND'];
const openMax = 10_000;

/** Times that the buyer measured. */
export interface Measured {
  readonly firstTokenMs: number | null;
  readonly durationMs: number;
}

/** A settled call and its receipts, for the coordinator. */
export type OnSettled = (row: CallRow, final: SignedReceipt) => void;

/** What settling needs. */
export interface SettlerDeps {
  readonly parts: BuyerParts;
  clientOf(endpoint: string): Pick<ProviderClient, 'receipt'>;
  readonly coordinator: Pick<CoordinatorClient, 'getJob'>;
  readonly onSettled: OnSettled;
  /** Ends all waiting. */
  readonly signal: AbortSignal;
}

/** Brings calls to their end. */
export interface Settler {
  /** Enters the final receipt; `receipts` were checked, the last one is final. */
  settle(key: string, end: Measured & { receipts: readonly SignedReceipt[] }): Promise<void>;
  /** Asks the provider once, at most `timeoutMs`; goes on in the background without an answer. */
  now(key: string, measured: Measured, timeoutMs: number): Promise<void>;
  /** Marks the call as unsettled and asks in the background. */
  later(key: string, status?: 'unsettled' | 'submitted'): Promise<void>;
}

const unmeasured: Measured = { firstTokenMs: null, durationMs: 0 };

/** A settler; what it does in the background ends with the signal. */
export function createSettler(deps: SettlerDeps): Settler {
  const { parts, signal } = deps;
  const { book, store, log } = parts;
  const asking = new Set<string>();

  const settle: Settler['settle'] = async (key, { receipts, firstTokenMs, durationMs }) => {
    const final = receipts.at(-1);
    const row = book.call(key);
    if (!final || !row || !book.isOpen(key)) return;
    const { outcome, promptTokens, to, charged } = final.payload;
    const end = { outcome, promptTokens, outputTokens: to, firstTokenMs, durationMs };
    const change = book.settle(key, { ...end, charged: amountOf(charged) });
    await store.save({ ...change, receipts });
    deps.onSettled({ ...row, ...end, charged: amountOf(charged), status: 'settled' }, final);
  };

  /** True when the call needs no more asking. */
  const askOnce = async (key: string, measured: Measured, limit: AbortSignal): Promise<boolean> => {
    const row = book.call(key);
    if (!row || !book.isOpen(key)) return true;
    try {
      if (row.status === 'submitted' && !(await hasEnded(deps, row.jobId, limit))) return false;
      const { endpoint } = row.offer.payload;
      const answer = await deps.clientOf(endpoint).receipt({ jobId: row.jobId }, { signal: limit });
      const receipts = checkedReceipts(parts, row, answer.receipts);
      if (!receipts) return false;
      await settle(key, { receipts, ...measured });
      return true;
    } catch (error) {
      return concludeFailure(key, asAppError(error));
    }
  };

  const concludeFailure = async (key: string, error: AppError): Promise<boolean> => {
    if (neverRanCodes.includes(error.code)) {
      if (book.isOpen(key)) await store.save(book.release(key));
      return true;
    }
    if (error.code === 'RECEIPT_INVALID') {
      await distrustProvider(parts, key, error);
      return true;
    }
    log.debug({ code: error.code }, 'a receipt could not be fetched yet');
    return false;
  };

  const inBackground = (key: string): void => {
    if (asking.has(key) || asking.size >= openMax) return;
    asking.add(key);
    const isSubmitted = book.call(key)?.status === 'submitted';
    const waits = isSubmitted ? new Array(submittedWaits).fill(submittedWaitMs) : waitsMs;
    askUntilDone((limit) => askOnce(key, unmeasured, limit), waits, signal)
      .then((isDone) => {
        if (!isDone) log.warn({ jobId: book.call(key)?.jobId }, 'a call stays unsettled');
      })
      .catch((error: unknown) => {
        const { code } = asAppError(error);
        if (code !== 'CANCELLED') log.error({ code }, 'settling a call failed');
      })
      .finally(() => asking.delete(key));
  };

  return {
    settle,
    async now(key, measured, timeoutMs) {
      const limit = new AbortController();
      const timer = setTimeout(() => limit.abort(), timeoutMs);
      try {
        if (await askOnce(key, measured, limit.signal)) return;
      } finally {
        clearTimeout(timer);
      }
      inBackground(key);
    },
    async later(key, status) {
      if (!book.isOpen(key)) return;
      await store.save(book.suspend(key, status));
      inBackground(key);
    },
  };
}

/** Nothing more is signed for the provider of this call. */
export async function distrustProvider(
  { book, store, log }: BuyerParts,
  key: string,
  { facts }: AppError,
): Promise<void> {
  const row = book.call(key);
  const channel = row ? book.channel(row.channelId) : undefined;
  if (!row || !channel) return;
  log.error({ ...facts, provider: row.provider, jobId: row.jobId }, 'a provider broke the rules');
  await store.save(book.putChannel({ ...channel, status: 'distrusted' }));
}

/** Whether the coordinator is done with a submitted job. Throws JOB_UNKNOWN when it never had it. */
async function hasEnded(
  { coordinator }: SettlerDeps,
  jobId: Hex,
  signal: AbortSignal,
): Promise<boolean> {
  const { state } = await coordinator.getJob({ jobId }, { signal });
  return terminalStates.includes(state);
}

/** Asks after growing waits; false when it was never answered. */
async function askUntilDone(
  askOnce: (signal: AbortSignal) => Promise<boolean>,
  waits: readonly number[],
  signal: AbortSignal,
): Promise<boolean> {
  for (const waitMs of waits) {
    await pause(waitMs, signal);
    if (await askOnce(signal)) return true;
  }
  return false;
}

/** The call's receipts when they are in order and the last is final. Throws RECEIPT_INVALID. */
function checkedReceipts(
  { network }: BuyerParts,
  row: CallRow,
  receipts: readonly SignedReceipt[],
): readonly SignedReceipt[] | undefined {
  const { payload } = row.offer;
  const terms = {
    network,
    call: row,
    offerId: offerIdOf(network, payload),
    price: priceOf(payload),
  };
  const checker = createReceiptChecker(terms, false);
  const mine = receipts.filter((receipt) => receipt.payload.channelId === row.channelId);
  for (const receipt of mine) unwrap(checker.check(receipt, row.tokens));
  const last = checker.last();
  return last && last.outcome !== 'running' ? mine : undefined;
}
