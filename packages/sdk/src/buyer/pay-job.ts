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

const promiseAttempts = 3;

/** One call at one provider. */
export interface AttemptPlan {
  readonly call: BuyCall;
  readonly candidate: Candidate;
  readonly jobId: Hex;
  readonly bodyDigest: Hex;
  /** Most prompt tokens the body can be. */
  readonly promptBound: number;
  readonly mode: PayMode;
}

/** A call whose first voucher is in the books. */
export interface PaidStart {
  readonly row: CallRow;
  readonly firstTokens: number;
  readonly maxTokens: number;
  readonly need: bigint;
  /** The books knew the job already: it was asked for before, perhaps in an earlier life. */
  readonly wasOpen: boolean;
}

/** Enters the first promise of a call; waits for money when no channel has any. Throws BUDGET_EXCEEDED. */
export async function payFirst(parts: BuyerParts, plan: AttemptPlan): Promise<PaidStart> {
  const { candidate, promptBound, mode } = plan;
  const { windowTokens } = candidate.offer.payload;
  const maxTokens = outputTokensMax(candidate.offer, plan.call.request.maxTokens);
  const firstTokens = mode === 'reserve' ? maxTokens : Math.min(windowTokens, maxTokens);
  const usage = { promptTokens: promptBound, outputTokens: firstTokens };
  const need = fullCharge(candidate.price, usage);
  unwrap(parts.book.checkBudget(need));
  for (let attempt = 1; ; attempt += 1) {
    const { channelId } = await parts.channels.usable(candidate, need);
    const draft = draftOf(parts, plan, channelId);
    const former = parts.book.call(callKey(draft));
    const wasOpen = parts.book.isOpen(callKey(draft));
    // Asked for again: what its windows covered the first time stays covered.
    const tokens = Math.max(firstTokens, former?.tokens ?? 0);
    const promised = parts.book.promise(draft, tokens);
    if (promised.ok) {
      await parts.store.save(promised.value.change);
      return { row: promised.value.call, firstTokens: tokens, maxTokens, need, wasOpen };
    }
    if (attempt >= promiseAttempts) throw new AppError(promised.code, promised.facts);
  }
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
export function startHeader(
  parts: BuyerParts,
  plan: AttemptPlan,
  { row, firstTokens, need }: PaidStart,
): string {
  const { network, book, hotKey } = parts;
  const { jobId, bodyDigest, candidate, call } = plan;
  const { offerId, offer } = candidate;
  const { channelId } = row;
  const { maxClaimable } = unwrap(book.promise(row, firstTokens));
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

/** Enters, stores and signs a top-up. Refusals: BUDGET_EXCEEDED, VOUCHER_BEYOND_BALANCE. */
export async function signTopUp(
  parts: BuyerParts,
  row: CallRow,
  tokens: number,
): Promise<Verdict<SignedTopUp>> {
  const { network, book, store, hotKey } = parts;
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
