/**
 * The first voucher of a call: books, store, signature, header, in this order. A call that goes on with what
 * another provider began promises only its own tokens, and its voucher names the text it goes on from.
 */
import {
  AppError,
  accept,
  encodePayment,
  fullCharge,
  type Hex,
  requirementsOf,
  resumeContext,
  signVoucher,
  startContext,
  topUpContext,
  unwrap,
  type Verdict,
} from '@aitbc/protocol';
import { type MaxNait, outputTokensMax } from '../../books/book.ts';
import { type CallRow, callKey } from '../../books/store.ts';
import type { Candidate } from '../../offers/discover-offers.ts';
import type { Purchase } from '../purchase.ts';
import type { JobProgress } from '../survive/job-progress.ts';
import type { BuyerParts } from '../types.ts';
import type { SignedTopUp } from './extend-job.ts';

/** Parallel calls may promise what was just filled in. */
const promiseAttempts = 5;

/** One call at one provider. */
export interface AttemptPlan {
  readonly purchase: Purchase;
  readonly candidate: Candidate;
  /** The answer so far: what came before this attempt, and what it adds. */
  readonly progress: JobProgress;
  /** Ends this attempt. */
  readonly signal: AbortSignal;
  /** The same call from before: open, or complete. `candidate` is its offer then. */
  readonly former?: CallRow | undefined;
}

/** A call whose first voucher is in the books. */
export interface PaidStart {
  readonly row: CallRow;
  /** Position that the first voucher covers. */
  readonly firstTokens: number;
  /** Position that the call may reach. */
  readonly maxTokens: number;
  readonly need: bigint;
  /** The job was asked for before, perhaps in an earlier life, and may have run then. */
  readonly isRepeat: boolean;
  /** The job was paid and is only read again: nothing more is promised. */
  readonly isPaid: boolean;
}

/** Position and price of the first voucher of a call that begins at `from`. */
export function firstPromise(
  { promptBound, mode, maxTokens: asked }: Purchase,
  { offer, price }: Candidate,
  from: number,
): Pick<PaidStart, 'firstTokens' | 'maxTokens' | 'need'> {
  const maxTokens = outputTokensMax(offer, asked);
  const { windowTokens } = offer.payload;
  const firstTokens = mode === 'reserve' ? maxTokens : Math.min(from + windowTokens, maxTokens);
  const need = fullCharge(price, { promptTokens: promptBound, outputTokens: firstTokens - from });
  return { firstTokens, maxTokens, need };
}

/**
 * Enters the first promise of a call; waits for money when no channel has any. Throws BUDGET_EXCEEDED,
 * VOUCHER_BEYOND_BALANCE, what funding throws, and for a call from before RECEIPT_INVALID or JOB_STATE_WRONG.
 */
export async function payFirst(parts: BuyerParts, plan: AttemptPlan): Promise<PaidStart> {
  const { former, purchase, candidate, progress } = plan;
  if (former) return startAgain(parts, plan, former);
  const first = firstPromise(purchase, candidate, progress.position());
  const { jobId, maxNait } = purchase;
  unwrap(parts.book.checkBudget(jobId, first.need, maxNait));
  for (let attempt = 1; ; attempt += 1) {
    const { channelId } = await parts.channels.usable(candidate, first.need);
    const draft = draftOf(parts, plan, channelId);
    const promised = parts.book.promise(draft, first.firstTokens, maxNait);
    if (promised.ok) {
      await parts.store.save(promised.value.change);
      return { row: promised.value.call, ...first, isRepeat: false, isPaid: false };
    }
    if (attempt >= promiseAttempts) throw new AppError(promised.code, promised.facts);
  }
}

/** Within what was promised the first time: what its vouchers covered stays covered. */
function startAgain(parts: BuyerParts, plan: AttemptPlan, former: CallRow): PaidStart {
  const { candidate, purchase } = plan;
  const firstTokens = former.tokens;
  const need = fullCharge(candidate.price, {
    promptTokens: purchase.promptBound,
    outputTokens: firstTokens,
  });
  const isPaid = former.status === 'settled';
  if (!isPaid) assertOpen(parts, former);
  if (parts.book.channel(former.channelId)?.status === 'distrusted') {
    throw new AppError('RECEIPT_INVALID', { reason: `${former.provider} broke the rules before` });
  }
  const most = outputTokensMax(candidate.offer, purchase.maxTokens);
  const maxTokens = isPaid ? firstTokens : Math.max(firstTokens, most);
  return { row: former, firstTokens, maxTokens, need, isRepeat: true, isPaid };
}

function draftOf(parts: BuyerParts, plan: AttemptPlan, channelId: Hex): CallRow {
  const { candidate, purchase, progress } = plan;
  const { jobId, bodyDigest, idempotencyKey, promptBound } = purchase;
  const from = progress.position();
  return {
    jobId,
    channelId,
    provider: candidate.provider,
    model: candidate.offer.payload.model,
    offer: candidate.offer,
    bodyDigest,
    idempotencyKey,
    promptBound,
    from,
    prefixHash: from > 0 ? progress.prefixHash() : null,
    tokens: from,
    reserved: 0n,
    status: 'running',
    outcome: 'running',
    promptTokens: 0,
    outputTokens: 0,
    charged: 0n,
    startedAtMs: parts.nowMs(),
    firstTokenMs: null,
    durationMs: 0,
    tail: null,
  };
}

/** A first promise on its way; `again` names the giving up of the same job that it comes after. */
export interface AskedStart extends PaidStart {
  readonly again?: number | undefined;
}

/** The PAYMENT-SIGNATURE header for the promise as the books hold it now. */
export async function startHeader(
  parts: BuyerParts,
  plan: AttemptPlan,
  start: AskedStart,
): Promise<string> {
  const { network, hotKey } = parts;
  const { offerId, offer } = plan.candidate;
  const { firstTokens, need, again } = start;
  const { channelId } = start.row;
  const maxClaimable = await capOf(parts, start);
  const context = contextOf(parts, plan, start);
  const voucher = signVoucher(network, { channelId, maxClaimable, context }, hotKey.secretKey);
  return encodePayment(requirementsOf(offerId, offer.payload, need), {
    type: 'voucher',
    offerId,
    channelId,
    idempotencyKey: plan.purchase.idempotencyKey,
    tokens: firstTokens,
    maxClaimable: maxClaimable.toString(),
    signature: voucher.signature,
    ...(again === undefined ? {} : { again }),
  });
}

function contextOf({ network }: BuyerParts, plan: AttemptPlan, start: PaidStart): Hex {
  const { jobId, bodyDigest } = plan.purchase;
  const { offerId } = plan.candidate;
  const terms = { offerId, jobId, bodyDigest, tokens: start.firstTokens };
  const { from, prefixHash } = start.row;
  if (prefixHash === null) return startContext(network, terms);
  return resumeContext(network, { ...terms, from, prefixHash });
}

/** Cap of the first voucher: all that is open and due, stored. For a paid job no more than was ever signed. */
async function capOf(parts: BuyerParts, start: PaidStart): Promise<bigint> {
  const { book, store } = parts;
  const { channelId } = start.row;
  if (start.isPaid) return book.channel(channelId)?.signedMax ?? 0n;
  assertOpen(parts, start.row);
  const { maxClaimable, change } = unwrap(book.promise(start.row, start.firstTokens));
  if (change.channel) await store.save(change);
  return maxClaimable;
}

/** A call may be settled in the background while something else waits: nothing is signed for it then. */
function assertOpen({ book }: BuyerParts, row: CallRow): void {
  if (book.isOpen(callKey(row))) return;
  throw new AppError('JOB_STATE_WRONG', { jobId: row.jobId, state: 'settled' });
}

/**
 * Enters, stores and signs a top-up. Refusals: BUDGET_EXCEEDED, VOUCHER_BEYOND_BALANCE; throws
 * JOB_STATE_WRONG when the call has ended.
 */
export async function signTopUp(
  parts: BuyerParts,
  row: CallRow,
  { tokens, maxNait }: { readonly tokens: number; readonly maxNait: MaxNait | undefined },
): Promise<Verdict<SignedTopUp>> {
  const { network, book, store, hotKey } = parts;
  assertOpen(parts, row);
  const promised = book.promise(row, tokens, maxNait);
  if (!promised.ok) return promised;
  const { maxClaimable, change } = promised.value;
  await store.save(change);
  const { jobId, channelId } = row;
  const context = topUpContext(network, jobId, tokens);
  const { signature } = signVoucher(
    network,
    { channelId, maxClaimable, context },
    hotKey.secretKey,
  );
  return accept({ jobId, channelId, tokens, maxClaimable: maxClaimable.toString(), signature });
}
