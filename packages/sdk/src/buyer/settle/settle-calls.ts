/**
 * Brings calls to their end in the books: by the final receipt that came with the answer, or, when the
 * answer broke off, by asking the provider for its receipts until it has the final one.
 *
 * Asked again after growing waits, in the end once an hour; what is open then keeps its reservation and is
 * asked for again when the buyer starts next. A submitted job is asked for at the coordinator first: as
 * long as it may still run there, a provider that does not know it proves nothing. The same holds for the
 * first seconds after a request left: it may still be on its way when the connection is long gone, so
 * "never heard of it" counts only after `neverRanAfterMs`. Then the call is given up at the provider (acknowledge.ts), and
 * its end is entered when the provider has said that it will not run what comes later still.
 *
 * A provider that failed and is back may have no receipt for the last tokens that arrived here: it is told
 * before the call is settled (acknowledge.ts), so that each provider gets its own tokens and no other.
 *
 * Receipts that break a rule are never asked for again, and nothing more is signed for that provider. With
 * one exception: a call that an earlier life of this buyer left open. Its row may be older than the last
 * voucher (a power cut takes the newest writes), so receipts beyond it prove nothing against the provider.
 * The call then keeps its reservation, nothing is settled, and the owner reads of it in the log.
 */
import {
  type AppError,
  amountOf,
  asAppError,
  type Hex,
  limits,
  type SignedReceipt,
} from '@aitbc/protocol';
import type { Suspended } from '../../books/book.ts';
import { type BuyerChange, type CallRow, callKey } from '../../books/store.ts';
import { pause } from '../../chain/pause.ts';
import type { CoordinatorClient, ProviderClient } from '../../http/clients.ts';
import type { BuyerParts } from '../types.ts';
import { acknowledge, checkedReceipts, giveUp, neverRanCodes } from './acknowledge.ts';

/**
 * A daemon that is started again is back within seconds, a machine within minutes; a provider that missed a voucher
 * ends its job after half a minute, a little before the eighth question.
 */
const waitsMs = [50, 250, 500, 1_000, 2_000, 4_000, 8_000, 20_000, 60_000, 120_000, 600_000];
const lastWaitMs = 3_600_000;
/** Longer than a request mostly needs from a broken connection to a provider's journal, chain look-up included. */
const neverRanAfterMs = 5_000;
const submittedWaitMs = 2_000;
const submittedWaits = Math.ceil((limits.jobLifetimeMs + 120_000) / submittedWaitMs);
const terminalStates = ['completed', 'failed', 'expired', 'cancelled'];
const openMax = 10_000;

/** Times that the buyer measured. */
export interface Measured {
  readonly firstTokenMs: number | null;
  readonly durationMs: number;
}

/** Times and final receipt of a settled call, for the coordinator. */
export type OnSettled = (measured: Measured, final: SignedReceipt) => void;

/** What settling needs. */
export interface SettlerDeps {
  readonly parts: BuyerParts;
  clientOf(endpoint: string): Pick<ProviderClient, 'receipt' | 'acknowledge'>;
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
  /** Marks the call as one whose end is not known, keeps the receipts so far, and asks in the background. */
  later(key: string, how?: Suspended, receipts?: readonly SignedReceipt[]): Promise<void>;
  /** The same for a call that an earlier life left open. */
  resume(key: string): Promise<void>;
  /** A call is asked for again: what its provider said before that request proves nothing now. */
  hold(key: string): void;
}

interface Settling extends SettlerDeps {
  /** What ends the asking for a call. */
  readonly asking: Map<string, AbortController>;
  /** Calls of an earlier life. */
  readonly resumed: Set<string>;
  /** When a request may last have left, by call. */
  readonly askedMs: Map<string, number>;
}

/** A settler; what it does in the background ends with the signal. */
export function createSettler(deps: SettlerDeps): Settler {
  const settling: Settling = {
    ...deps,
    asking: new Map(),
    resumed: new Set(),
    askedMs: new Map(),
  };
  const { book, store, nowMs } = deps.parts;
  const later: Settler['later'] = async (key, how, receipts = []) => {
    if (!book.isOpen(key)) return;
    settling.askedMs.set(key, nowMs());
    await store.save({ ...book.suspend(key, how), receipts });
    askInBackground(settling, key);
  };
  return {
    settle: (key, end) => settle(settling, key, end),
    async now(key, measured, timeoutMs) {
      const limit = new AbortController();
      const timer = setTimeout(() => limit.abort(), timeoutMs);
      try {
        if (await askOnce(settling, key, { measured, signal: limit.signal })) return;
      } finally {
        clearTimeout(timer);
      }
      askInBackground(settling, key);
    },
    later,
    hold(key) {
      if (!book.isOpen(key)) return;
      settling.asking.get(key)?.abort();
      settling.askedMs.set(key, nowMs());
    },
    async resume(key) {
      settling.resumed.add(key);
      const isSubmitted = book.call(key)?.status === 'submitted';
      await later(key, { status: isSubmitted ? 'submitted' : 'unsettled' });
    },
  };
}

async function settle(
  settling: Settling,
  key: string,
  { receipts, firstTokenMs, durationMs }: Measured & { receipts: readonly SignedReceipt[] },
): Promise<void> {
  const { book } = settling.parts;
  const final = receipts.at(-1);
  const row = book.call(key);
  if (!final || !row || !book.isOpen(key)) return;
  const { outcome, promptTokens, to } = final.payload;
  const charged = amountOf(final.payload.charged);
  const outputTokens = to - row.from;
  const end = { outcome, promptTokens, outputTokens, charged, firstTokenMs, durationMs };
  const change = book.settle(key, end);
  forget(settling, key);
  saveSoon(settling.parts, { receipts, ...change });
  settling.onSettled({ firstTokenMs, durationMs }, final);
}

/** No answer waits for it: a crash before it is written is a call whose end is asked for again. */
function saveSoon({ store, log }: BuyerParts, change: BuyerChange): void {
  Promise.resolve(store.save(change, 'soon')).catch((error: unknown) => {
    log.error({ code: asAppError(error).code }, 'a settled call could not be written');
  });
}

interface Ask {
  /** By default what the call remembers. */
  readonly measured?: Measured;
  readonly signal: AbortSignal;
}

/** True when the call needs no more asking. */
async function askOnce(settling: Settling, key: string, ask: Ask): Promise<boolean> {
  const { parts, clientOf } = settling;
  const { signal } = ask;
  const row = parts.book.call(key);
  if (!row || !parts.book.isOpen(key)) return true;
  try {
    if (row.status === 'submitted' && !(await hasEnded(settling, row.jobId, signal))) return false;
    const client = clientOf(row.offer.payload.endpoint);
    const answer = await client.receipt({ jobId: row.jobId }, { signal });
    const known = checkedReceipts(parts, row, answer.receipts);
    if (known === 'running') return false;
    const receipts =
      known === 'elsewhere' ? known : await acknowledge({ parts, client, row, signal }, known);
    if (!receipts) return false;
    const { firstTokenMs, durationMs } = ask.measured ?? row;
    if (receipts === 'elsewhere') await release(settling, key);
    else await settle(settling, key, { receipts, firstTokenMs, durationMs });
    return true;
  } catch (error) {
    return concludeFailure(settling, row, { error: asAppError(error), signal });
  }
}

async function concludeFailure(
  settling: Settling,
  row: CallRow,
  { error, signal }: { readonly error: AppError; readonly signal: AbortSignal },
): Promise<boolean> {
  const { parts, askedMs, resumed, clientOf } = settling;
  const { log, nowMs } = parts;
  const key = callKey(row);
  if (neverRanCodes.includes(error.code)) {
    const sinceMs = nowMs() - (askedMs.get(key) ?? Number.NEGATIVE_INFINITY);
    if (sinceMs < neverRanAfterMs) return false;
    const client = clientOf(row.offer.payload.endpoint);
    if (!(await giveUp({ parts, client, row, signal }))) return false;
    await release(settling, key);
    return true;
  }
  if (error.code !== 'RECEIPT_INVALID') {
    log.debug({ code: error.code }, 'a receipt could not be fetched yet');
    return false;
  }
  if (resumed.has(key)) {
    const { jobId, provider } = row;
    log.warn({ ...error.facts, jobId, provider }, 'receipts of an earlier life do not fit');
  } else await distrustProvider(parts, key, error);
  return true;
}

/** The call never ran; it holds nothing any more. */
async function release(settling: Settling, key: string): Promise<void> {
  const { book, store } = settling.parts;
  if (book.isOpen(key)) await store.save(book.release(key));
  forget(settling, key);
}

function forget({ resumed, askedMs }: Settling, key: string): void {
  resumed.delete(key);
  askedMs.delete(key);
}

/** Begins to ask; a call that is asked for already begins anew with the short waits. */
function askInBackground(settling: Settling, key: string): void {
  const { asking, parts } = settling;
  const { book, log } = parts;
  asking.get(key)?.abort();
  if (asking.size >= openMax) return;
  const mine = new AbortController();
  asking.set(key, mine);
  const signal = AbortSignal.any([settling.signal, mine.signal]);
  const isSubmitted = book.call(key)?.status === 'submitted';
  askUntilDone(() => askOnce(settling, key, { signal }), {
    waits: isSubmitted ? new Array(submittedWaits).fill(submittedWaitMs) : waitsMs,
    onLast: () => log.warn({ jobId: book.call(key)?.jobId }, 'a call stays unsettled'),
    signal,
  })
    .catch((error: unknown) => {
      const { code } = asAppError(error);
      if (code !== 'CANCELLED') log.error({ code }, 'settling a call failed');
    })
    .finally(() => asking.get(key) === mine && asking.delete(key));
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

interface Patience {
  readonly waits: readonly number[];
  /** Called when the waits are over, before the hourly ones. */
  onLast(): void;
  readonly signal: AbortSignal;
}

/** Asks after growing waits, then every hour. */
async function askUntilDone(
  isDone: () => Promise<boolean>,
  { waits, onLast, signal }: Patience,
): Promise<void> {
  for (const waitMs of waits) {
    await pause(waitMs, signal);
    if (await isDone()) return;
  }
  onLast();
  do await pause(lastWaitMs, signal);
  while (!(await isDone()));
}
