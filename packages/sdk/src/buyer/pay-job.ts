/** The first voucher of a call: books, store, signature, header, in this order. */
import {
  AppError,
  accept,
  encodePayment,
  fullCharge,
  type Hex,
  requirementsOf,
  signVoucher,
  startContext,
  topUpContext,
  unwrap,
  type Verdict,
} from '@aitbc/protocol';
import { outputTokensMax } from '../books/book.ts';
import { type CallRow, callKey } from '../books/store.ts';
import type { Candidate } from '../offers/discover-offers.ts';
import type { SignedTopUp } from './extend-job.ts';
import type { BuyCall, BuyerParts, PayMode } from './types.ts';

/** Parallel calls may promise what was just filled in. */
const promiseAttempts = 5;

/** One call at one provider. */
export interface AttemptPlan {
  readonly call: BuyCall;
  readonly candidate: Candidate;
  readonly jobId: Hex;
  readonly bodyDigest: Hex;
  /** Most prompt tokens the body can be. */
  readonly promptBound: number;
  readonly mode: PayMode;
  /** The same call from before: open, or complete. `candidate` is its offer then. */
  readonly former?: CallRow | undefined;
}

/** A call whose first voucher is in the books. */
export interface PaidStart {
  readonly row: CallRow;
  readonly firstTokens: number;
  readonly maxTokens: number;
  readonly need: bigint;
  /** The job was asked for before, perhaps in an earlier life, and may have run then. */
  readonly isRepeat: boolean;
  /** The job was paid and is only read again: nothing more is promised. */
  readonly isPaid: boolean;
}

/** Enters the first promise of a call; waits for money when no channel has any. Throws BUDGET_EXCEEDED. */
export async function payFirst(parts: BuyerParts, plan: AttemptPlan): Promise<PaidStart> {
  const { former, promptBound, mode } = plan;
  if (former) return startAgain(parts, plan, former);
  const { candidate } = plan;
  const { windowTokens } = candidate.offer.payload;
  const maxTokens = outputTokensMax(candidate.offer, plan.call.request.maxTokens);
  const firstTokens = mode === 'reserve' ? maxTokens : Math.min(windowTokens, maxTokens);
  const need = fullCharge(candidate.price, {
    promptTokens: promptBound,
    outputTokens: firstTokens,
  });
  unwrap(parts.book.checkBudget(need));
  for (let attempt = 1; ; attempt += 1) {
    const { channelId } = await parts.channels.usable(candidate, need);
    const promised = parts.book.promise(draftOf(parts, plan, channelId), firstTokens);
    if (promised.ok) {
      await parts.store.save(promised.value.change);
      const row = promised.value.call;
      return { row, firstTokens, maxTokens, need, isRepeat: false, isPaid: false };
    }
    if (attempt >= promiseAttempts) throw new AppError(promised.code, promised.facts);
  }
}

/** Within what was promised the first time: what its vouchers covered stays covered. */
function startAgain(parts: BuyerParts, plan: AttemptPlan, former: CallRow): PaidStart {
  const { candidate, promptBound } = plan;
  const firstTokens = former.tokens;
  const need = fullCharge(candidate.price, {
    promptTokens: promptBound,
    outputTokens: firstTokens,
  });
  const isPaid = former.status === 'settled';
  if (!isPaid) assertOpen(parts, former);
  if (parts.book.channel(former.channelId)?.status === 'distrusted') {
    throw new AppError('RECEIPT_INVALID', { reason: `${former.provider} broke the rules before` });
  }
  const most = outputTokensMax(candidate.offer, plan.call.request.maxTokens);
  const maxTokens = isPaid ? firstTokens : Math.max(firstTokens, most);
  return { row: former, firstTokens, maxTokens, need, isRepeat: true, isPaid };
}

function draftOf(parts: BuyerParts, plan: AttemptPlan, channelId: Hex): CallRow {
  const { candidate, jobId, bodyDigest, promptBound } = plan;
  return {
    jobId,
    channelId,
    provider: candidate.provider,
    model: candidate.offer.payload.model,
    offer: candidate.offer,
    bodyDigest,
    promptBound,
    tokens: 0,
    reserved: 0n,
    status: 'running',
    outcome: 'running',
    promptTokens: 0,
    outputTokens: 0,
    charged: 0n,
    startedAtMs: parts.nowMs(),
    firstTokenMs: null,
    durationMs: 0,
  };
}

/** The PAYMENT-SIGNATURE header for the promise as the books hold it now. */
export async function startHeader(
  parts: BuyerParts,
  plan: AttemptPlan,
  start: PaidStart,
): Promise<string> {
  const { network, hotKey } = parts;
  const { jobId, bodyDigest, candidate, call } = plan;
  const { offerId, offer } = candidate;
  const { firstTokens, need } = start;
  const { channelId } = start.row;
  const maxClaimable = await capOf(parts, start);
  const context = startContext(network, { offerId, jobId, bodyDigest, tokens: firstTokens });
  const voucher = signVoucher(network, { channelId, maxClaimable, context }, hotKey.secretKey);
  return encodePayment(requirementsOf(offerId, offer.payload, need), {
    type: 'voucher',
    offerId,
    channelId,
    idempotencyKey: call.idempotencyKey,
    tokens: firstTokens,
    maxClaimable: maxClaimable.toString(),
    signature: voucher.signature,
  });
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
  tokens: number,
): Promise<Verdict<SignedTopUp>> {
  const { network, book, store, hotKey } = parts;
  assertOpen(parts, row);
  const promised = book.promise(row, tokens);
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
