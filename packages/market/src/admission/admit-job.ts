/**
 * Admission: may this job run, and is it paid? Local and cheap; nothing here asks the chain.
 *
 * Order, cheapest first; schema, offer look-up and queue room come before and are the caller's. A voucher
 * that covers no token of what is asked for, or more than the limit, is PAYMENT_MALFORMED. Then:
 *   1. the offer is known                         OFFER_UNKNOWN
 *   2. the channel exists and pays this provider  VOUCHER_CHANNEL_WRONG, CHANNEL_CLOSED
 *   3. the job was asked for before               JOB_CONFLICT, or attach when the signature is valid
 *   4. the chain was heard of lately, no exit     VOUCHER_STALE_STATE, VOUCHER_CHANNEL_CLOSING
 *   5. the amounts                                VOUCHER_UNDERFUNDED, VOUCHER_BEYOND_BALANCE, VOUCHER_OPEN_CREDIT
 *   6. the signature over the recomputed context  VOUCHER_SIGNATURE_INVALID
 *
 * A repeated job is looked at before the amounts, because its own reservation would make them fail. When
 * an amount is refused the signature is checked all the same: a valid one gets the seller's books with
 * the refusal, any other gets VOUCHER_SIGNATURE_INVALID and learns nothing.
 *
 * A job that another provider began comes with the point where it goes on. The voucher signs that point,
 * and only the tokens after it are reserved. Whether the answer so far is genuine is the caller's to check.
 * The same job from another point is JOB_CONFLICT: two ranges of one answer must not overlap here.
 *
 * See docs/spec/payments.md, "Admission".
 */
import {
  accept,
  type ChannelState,
  fullCharge,
  type Hex,
  limits,
  type Network,
  type Price,
  type Refusal,
  refuse,
  resumeContext,
  startContext,
  type Voucher,
  verifyVoucher,
} from '@aitbc/protocol';
import { assertRecord, type ChannelRecord, type JobRecord, withJob } from './channel-record.ts';
import {
  type AdmissionVerdict,
  checkPromise,
  correctiveOf,
  signedBy,
  type VoucherPromise,
} from './check-promise.ts';

/** Who sells, and where. */
export interface Seller {
  readonly network: Network;
  /** Account id of the provider: the only receiver it accepts. */
  readonly provider: Hex;
  /** Its hot key. */
  readonly authorizer: Hex;
}

/** The offer that a job refers to, as the seller still honours it. */
export interface OfferTerms {
  readonly offerId: Hex;
  readonly price: Price;
  readonly withdrawDelayMsMin: number;
  /** The most one job under this offer can cost, nait; bounds open credit. */
  readonly jobMax: bigint;
}

/** A job the seller has seen before, live or ended. */
export interface KnownJob {
  readonly offerId: Hex;
  readonly channelId: Hex;
  /** Where it went on; undefined for a job that began here. */
  readonly resume?: ResumeMark | undefined;
}

/** Where an answer goes on that another provider began. */
export interface ResumeMark {
  /** Position of the next output token. */
  readonly from: number;
  /** Chains all text before it. */
  readonly prefixHash: Hex;
}

/** What asks to run. */
export interface JobRequest {
  readonly jobId: Hex;
  /** Undefined when the offer is unknown or has run out. */
  readonly offer: OfferTerms | undefined;
  readonly known: KnownJob | undefined;
  readonly bodyDigest: Hex;
  readonly promptBound: number;
  readonly resume?: ResumeMark | undefined;
  readonly voucher: StartVoucher;
  /** Time since the chain was last heard of. */
  readonly mirrorAgeMs: number;
}

/** The voucher that came with a request; its context is recomputed here. */
export interface StartVoucher {
  readonly offerId: Hex;
  readonly channelId: Hex;
  /** Position up to which it covers output tokens. */
  readonly tokens: number;
  /** Cumulative cap, nait. */
  readonly maxClaimable: bigint;
  readonly signature: Hex;
}

/** A fresh job with the books that hold its reservation, or an older job to attach to. */
export type Admission =
  | { readonly kind: 'admitted'; readonly record: ChannelRecord; readonly job: JobRecord }
  | { readonly kind: 'attach'; readonly jobId: Hex };

/** Decides on a request. Refusals: see the head of this file. */
export function admitJob(
  seller: Seller,
  record: ChannelRecord | undefined,
  request: JobRequest,
): AdmissionVerdict<Admission> {
  const { offer, voucher } = request;
  const first = (request.resume?.from ?? 0) + 1;
  if (voucher.tokens < first || voucher.tokens > limits.outputTokensMax) {
    const reason = `tokens: from ${first} to ${limits.outputTokensMax}`;
    return refuse('PAYMENT_MALFORMED', { reason });
  }
  if (!offer) return refuse('OFFER_UNKNOWN', { offerId: voucher.offerId });
  if (!record || !paysSeller(seller, record.channel, offer)) {
    return refuse('VOUCHER_CHANNEL_WRONG', { channelId: voucher.channelId });
  }
  const signed = signedStart(seller.network, request);
  const forgery = () =>
    verifyVoucher(seller.network, signed, record.channel.payerAuthorizer)
      ? undefined
      : refuse('VOUCHER_SIGNATURE_INVALID', { channelId: voucher.channelId });
  if (request.known) return attach(request, request.known, forgery);
  const stateFault = checkState(record.channel, request.mirrorAgeMs);
  if (stateFault) return stateFault;
  const job = freshJob(request, offer);
  const amountFault = checkPromise(record, promiseOf(voucher, job, offer));
  const forged = forgery();
  if (forged) return forged;
  if (amountFault) return { ...amountFault, corrective: correctiveOf(record) };
  const books = { ...record, ...signedBy(record, signed), ...withJob(record, job.jobId, job) };
  return accept({ kind: 'admitted', record: assertRecord(books), job });
}

function signedStart(network: Network, request: JobRequest): Voucher {
  const { jobId, bodyDigest, voucher, resume } = request;
  const { offerId, channelId, tokens, maxClaimable, signature } = voucher;
  const terms = { offerId, jobId, bodyDigest, tokens };
  const context = resume
    ? resumeContext(network, { ...terms, ...resume })
    : startContext(network, terms);
  return { channelId, maxClaimable, context, signature };
}

function paysSeller(seller: Seller, channel: ChannelState, offer: OfferTerms): boolean {
  return (
    channel.receiver === seller.provider &&
    channel.receiverAuthorizer === seller.authorizer &&
    channel.withdrawDelayMs >= offer.withdrawDelayMsMin
  );
}

function attach(
  { jobId, voucher, resume }: JobRequest,
  known: KnownJob,
  forgery: () => Refusal | undefined,
): AdmissionVerdict<Admission> {
  const isSame =
    known.offerId === voucher.offerId &&
    known.channelId === voucher.channelId &&
    known.resume?.from === resume?.from &&
    known.resume?.prefixHash === resume?.prefixHash;
  if (!isSame) return refuse('JOB_CONFLICT', { jobId });
  return forgery() ?? accept({ kind: 'attach', jobId });
}

/**
 * New work needs a channel that is open and a chain that was heard of: at most a quarter of the withdraw
 * delay ago, so that a withdrawal is always seen before it is due.
 */
function checkState(channel: ChannelState, mirrorAgeMs: number): Refusal | undefined {
  const { channelId, closed, withdrawDueMs, withdrawDelayMs } = channel;
  if (closed) return refuse('CHANNEL_CLOSED', { channelId });
  if (withdrawDueMs > 0) return refuse('VOUCHER_CHANNEL_CLOSING', { channelId });
  const ageMax = Math.min(withdrawDelayMs / 4, limits.mirrorAgeMsMax);
  if (mirrorAgeMs > ageMax) return refuse('VOUCHER_STALE_STATE', { ageMs: mirrorAgeMs });
  return undefined;
}

function freshJob(request: JobRequest, offer: OfferTerms): JobRecord {
  const { jobId, promptBound, voucher, resume } = request;
  const from = resume?.from ?? 0;
  const usage = { promptTokens: promptBound, outputTokens: voucher.tokens - from };
  return {
    jobId,
    offerId: offer.offerId,
    price: offer.price,
    promptBound,
    from,
    tokensCovered: voucher.tokens,
    reserved: fullCharge(offer.price, usage),
    charged: 0n,
    delivered: from,
    promptTokens: 0,
    outcome: 'running',
  };
}

function promiseOf(voucher: StartVoucher, job: JobRecord, { jobMax }: OfferTerms): VoucherPromise {
  const openCreditMax = BigInt(limits.openCreditRequests) * jobMax;
  return { maxClaimable: voucher.maxClaimable, need: job.reserved, openCreditMax };
}
