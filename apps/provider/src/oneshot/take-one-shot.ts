/**
 * A payment by one transfer becomes an ordinary voucher payment of this daemon's own (own-channel.ts), which the desk of jobs
 * then takes like any other.
 *
 * Order: header, offer and model → the payer's signature or that of the transfer → known id? → the chain → written to
 * disk → voucher. A transaction id is written once, before anything runs. So the same call again gets the same job, any other
 * call JOB_CONFLICT, and of two racers one writes and both read along. What pays somebody else, or for another call, is
 * refused and not remembered. What pays for this call, but too little or under an offer that has run out, is taken
 * and goes back less the fee.
 *
 * The chain knows no reorganisation: what is final stays, and what is not final buys nothing.
 * See docs/spec/payments.md, "One-shot payments".
 */
import type { JobWish } from '@aitbc/market';
import { bytesFromBase64 } from '@aitbc/primitives';
import {
  AppError,
  accept,
  accountIdOf,
  asAppError,
  decodePaymentHeader,
  decodeTx,
  expiringLane,
  type Hex,
  jobIdOf,
  laneOf,
  limits,
  oneShotScheme,
  paymentReferenceOf,
  type Refusal,
  refuse,
  type SignedOffer,
  type SignedTx,
  type TransferPayment,
  type TxBody,
  type TxIdPayment,
  type Verdict,
  verifyTx,
  verifyTxIdProof,
  x402Version,
  zTransferPayment,
  zTxIdPayment,
} from '@aitbc/protocol';
import { z } from 'zod';
import type { ChannelBooks } from '../jobs/channel-books.ts';
import type { OfferBook, StandingOffer } from '../offers/offer-book.ts';
import type { KnownTransfer, OneShotChain } from './one-shot-chain.ts';
import type { OneShotRow, OneShotStore, TakenPayment } from './one-shot-store.ts';
import { type OwnKeys, ownChannelOf, ownVoucherHeader } from './own-channel.ts';

/** Questions to the chain at a time; each caller waits for one. */
const askedMax = 64;
/** Transfers that wait at a time: while the node is away, no call may fill the disk. */
const waitingMax = 1_000;
/** So long after its end an offer's payments are still taken back. Rows are kept longer than that. */
const lateOfferMs = 7 * 24 * 3_600_000;

/** A call as its price needs it. */
export interface OneShotCall {
  readonly model: string;
  readonly bodyDigest: Hex;
  /** Bound of its prompt. */
  readonly promptTokens: number;
  /** Output tokens of the job at most, under an offer. */
  tokensOf(offer: StandingOffer): number;
  /** Most that the call can cost under an offer, nait. */
  needOf(offer: StandingOffer): bigint;
}

export interface TakeOneShotDeps extends OwnKeys {
  readonly store: OneShotStore;
  readonly chain: OneShotChain;
  readonly books: Pick<ChannelBooks, 'get' | 'observe'>;
  readonly offers: Pick<OfferBook, 'find' | 'standing'>;
  /** Every offer of this provider that was ever signed. */
  readonly offerOf: (offerId: Hex) => SignedOffer | undefined;
  /** True when the journal of jobs has the job. */
  readonly hasJob: (jobId: Hex) => boolean;
  /** A refusal while there is no room in the queue. */
  readonly queueRefusal: (wish: JobWish) => Refusal | undefined;
  readonly feeNait: bigint;
  readonly nowMs: () => number;
}

/** Takes payments by one transfer. */
export interface OneShotTaker {
  /**
   * The payment header, decoded, that pays for the call; the same one when it is no one-shot payment, and then the call
   * is not asked for.
   */
  exchange(
    header: unknown,
    callOf: () => OneShotCall,
  ): Promise<Verdict<unknown>> | Verdict<unknown>;
}

export function createOneShotTaker(deps: TakeOneShotDeps): OneShotTaker {
  const sending = new Map<Hex, Promise<Verdict<true>>>();
  const desk: Desk = { deps, sending, asked: 0 };
  return {
    exchange(header, callOf) {
      const read = readOneShot(header, deps.network.caip2);
      if (!read.ok) return read;
      return read.value ? takeOneShot(desk, read.value, callOf()) : accept(header);
    },
  };
}

interface Desk {
  readonly deps: TakeOneShotDeps;
  /** Transfers that are on their way to the chain. */
  readonly sending: Map<Hex, Promise<Verdict<true>>>;
  asked: number;
}

type OneShotPayment = TxIdPayment | (TransferPayment & { readonly offerId: Hex });

const zHead = z.object({
  x402Version: z.literal(x402Version),
  accepted: z.object({ scheme: z.string(), network: z.string() }),
  payload: z.unknown(),
});
const zPayload = z.discriminatedUnion('type', [
  zTxIdPayment,
  zTransferPayment.required({ offerId: true }),
]);

async function takeOneShot(
  desk: Desk,
  payment: OneShotPayment,
  call: OneShotCall,
): Promise<Verdict<unknown>> {
  const voucher = await take(desk, payment, call);
  return voucher.ok ? decodePaymentHeader(voucher.value) : voucher;
}

/** The one-shot payment of a header, undefined for any other scheme. Refusals: PAYMENT_MALFORMED, PAYMENT_NETWORK_WRONG. */
function readOneShot(header: unknown, network: string): Verdict<OneShotPayment | undefined> {
  if (!namesOneShot(header)) return accept(undefined); // most calls: nothing else of them is looked at here
  const head = zHead.safeParse(header);
  if (!head.success) return accept(undefined);
  const got = head.data.accepted.network;
  if (got !== network) return refuse('PAYMENT_NETWORK_WRONG', { got, expected: network });
  const payload = zPayload.safeParse(head.data.payload);
  if (payload.success) return accept(payload.data);
  const issue = payload.error.issues[0];
  const reason = `payload.${issue?.path.join('.')}: ${issue?.message}`;
  return refuse('PAYMENT_MALFORMED', { reason: reason.slice(0, 300) });
}

function namesOneShot(header: unknown): boolean {
  const { accepted } = (header ?? {}) as {
    readonly accepted?: { readonly scheme?: unknown } | null;
  };
  return accepted?.scheme === oneShotScheme;
}

/** A payment whose form and signature are good, for a call under an offer of ours. */
interface Presented {
  readonly txId: Hex;
  readonly payer: Hex;
  readonly offer: StandingOffer;
  readonly call: OneShotCall;
  /** The transfer to be sent; undefined for one that its payer has sent. */
  readonly tx: SignedTx | undefined;
}

async function take(
  desk: Desk,
  payment: OneShotPayment,
  call: OneShotCall,
): Promise<Verdict<string>> {
  const { deps } = desk;
  const offer = offerFor(deps, payment.offerId, call);
  if (!offer) return refuse('OFFER_UNKNOWN', { offerId: payment.offerId });
  const presented = presentedBy(deps, payment, { offer, call });
  if (!presented.ok) return presented;
  const known = deps.store.find(presented.value.txId);
  if (known) return again(desk, known, presented.value);
  const full = deps.queueRefusal(wishOf(presented.value));
  if (full) return full;
  const { txId, tx } = presented.value;
  const isWritten = tx
    ? takeTransfer(deps, presented.value, tx)
    : await takeSent(desk, presented.value);
  if (!isWritten.ok) return isWritten;
  const row = deps.store.find(txId);
  if (!row) return refuse('PAYMENT_NOT_FINAL', { txId });
  return again(desk, row, presented.value);
}

/** What its job needs of the engine. */
function wishOf({ payer, offer, call }: Presented): JobWish {
  const { model, firstTokenMs } = offer.payload;
  const { promptTokens } = call;
  return { payer, model, firstTokenMs, promptTokens, outputTokens: call.tokensOf(offer) };
}

/** The offer of the payment, also when it has run out not long ago. */
function offerFor(
  { offers, offerOf, nowMs }: TakeOneShotDeps,
  offerId: Hex,
  { model }: OneShotCall,
): StandingOffer | undefined {
  const signed = offers.find(offerId)?.signed ?? offerOf(offerId);
  if (signed?.payload.model !== model) return undefined;
  return nowMs() <= signed.payload.validUntilMs + lateOfferMs ? offers.standing(signed) : undefined;
}

interface Sought {
  readonly offer: StandingOffer;
  readonly call: OneShotCall;
}

/** Who pays with which transaction, proved by the payer's signature. */
function presentedBy(
  deps: TakeOneShotDeps,
  payment: OneShotPayment,
  sought: Sought,
): Verdict<Presented> {
  const { network } = deps;
  if (payment.type === 'txid') {
    const payer = accountIdOf(payment.payer);
    if (!payer.ok) return payer;
    const { txid, signature } = payment;
    const proof = { txid, bodyDigest: sought.call.bodyDigest };
    const isSigned = verifyTxIdProof(network, proof, { payer: payer.value, signature });
    if (!isSigned) return mismatch('its payer did not sign for this call');
    return accept({ txId: txid, payer: payer.value, tx: undefined, ...sought });
  }
  const tx = decodeTx(network, bytesFromBase64(payment.transaction) ?? new Uint8Array(0));
  if (!tx.ok) return refuse('PAYMENT_REFUSED', { reason: tx.code });
  if (!verifyTx(network, tx.value))
    return refuse('PAYMENT_REFUSED', { reason: 'TX_SIGNATURE_INVALID' });
  return accept({ txId: tx.value.txId, payer: tx.value.from, tx: tx.value, ...sought });
}

const mismatch = (reason: string): Refusal => refuse('PAYMENT_MISMATCH', { reason });

/** A transaction id that is written down: waits for the chain where it must, and pays for its own call only. */
async function again(desk: Desk, row: OneShotRow, presented: Presented): Promise<Verdict<string>> {
  const { deps } = desk;
  const { offer, call } = presented;
  const { jobId, txId } = row;
  if (row.payer !== presented.payer) return mismatch('it was sent by somebody else');
  if (row.bodyDigest !== call.bodyDigest || row.offerId !== offer.offerId) {
    return refuse('JOB_CONFLICT', { jobId });
  }
  if (row.state === 'waiting') {
    const final = await finality(desk, row, presented.tx);
    if (!final.ok) return final;
    const now = deps.store.find(txId);
    return now ? again(desk, now, presented) : refuse('PAYMENT_NOT_FINAL', { txId });
  }
  if (row.state === 'closed' && !deps.hasJob(jobId)) {
    return refuse('JOB_EXPIRED', { jobId });
  }
  const needNait = call.needOf(offer);
  if (!deps.books.get(txId)) {
    if (row.state === 'closed') return ended(row);
    deps.books.observe(ownChannelOf(deps, row));
  }
  return accept(ownVoucherHeader(deps, { row, offer, tokens: call.tokensOf(offer), needNait }));
}

function ended({ jobId }: OneShotRow): Refusal {
  return refuse('JOB_ENDED', {
    jobId,
    outcome: 'settled',
    receiptPath: `/v1/payments/receipts/${jobId}`,
  });
}

/** Writes down a transfer that its payer has sent. Refusals: PAYMENT_NOT_FINAL, PAYMENT_MISMATCH. */
async function takeSent(desk: Desk, presented: Presented): Promise<Verdict<true>> {
  const { deps } = desk;
  const { txId, payer } = presented;
  const found = await ask(desk, () => deps.chain.transfer(txId));
  if (!found?.isFinal) return refuse('PAYMENT_NOT_FINAL', { txId });
  if (found.from !== payer) return mismatch('it was sent by somebody else');
  const fault = faultOf(deps, presented, found);
  if (fault) return mismatch(fault);
  const short = shortfall(deps, presented, found.amount);
  deps.store.take(rowFor(deps, presented, { amount: found.amount, isFinal: true, short }));
  return short ? mismatch(`${short}; it goes back less the fee`) : accept(true);
}

/** Writes down a transfer that this daemon is to send. Refusals: PAYMENT_MISMATCH, PAYMENT_REFUSED. */
function takeTransfer(deps: TakeOneShotDeps, presented: Presented, tx: SignedTx): Verdict<true> {
  if (tx.kind !== 'transfer') return mismatch('it is no transfer');
  const { to, amount, memo } = tx.body as TxBody<'transfer'>;
  const fault = faultOf(deps, presented, { to, memo }) ?? shortfall(deps, presented, amount);
  if (fault) return mismatch(fault);
  if (deps.store.waiting() >= waitingMax) return refuse('RATE_LIMITED', { retryAfterSeconds: 1 });
  const height = deps.chain.height();
  if (laneOf(tx) !== expiringLane) return mismatch('it is not in the expiring lane');
  if (tx.validUntil <= height || tx.validUntil > height + limits.expiringHorizonBlocks) {
    return refuse('PAYMENT_REFUSED', {
      reason: `valid until ${tx.validUntil} at height ${height}`,
    });
  }
  const row = rowFor(deps, presented, { amount, isFinal: false, short: undefined });
  deps.store.take({ ...row, validUntil: tx.validUntil });
  return accept(true);
}

/** Why a transfer is not for this provider and this call. */
function faultOf(
  { network, provider }: TakeOneShotDeps,
  { offer, call }: Presented,
  { to, memo }: Pick<KnownTransfer, 'to' | 'memo'>,
): string | undefined {
  if (to !== provider) return 'it pays somebody else';
  const { offerId } = offer;
  const expected = paymentReferenceOf(network, { offerId, bodyDigest: call.bodyDigest });
  return memo === expected ? undefined : 'its memo is not the reference of this call';
}

/** Why a transfer for this call does not pay for it. */
function shortfall(
  { nowMs }: TakeOneShotDeps,
  { offer, call }: Presented,
  amount: bigint,
): string | undefined {
  if (nowMs() > offer.payload.validUntilMs + limits.clockSkewMs) return 'its offer has run out';
  const need = call.needOf(offer);
  return amount < need ? `it pays ${amount} nait, ${need} are needed` : undefined;
}

interface Paid {
  readonly amount: bigint;
  readonly isFinal: boolean;
  readonly short: string | undefined;
}

function rowFor(
  { network, nowMs, feeNait }: TakeOneShotDeps,
  { txId, payer, offer, call }: Presented,
  { amount, isFinal, short }: Paid,
): TakenPayment {
  const { bodyDigest } = call;
  const jobId = jobIdOf(network, { payer, idempotencyKey: txId, bodyDigest });
  const state = short ? 'closed' : isFinal ? 'open' : 'waiting';
  const credit = short && amount > feeNait ? amount - feeNait : 0n;
  const common = { txId, payer, amount, offerId: offer.offerId, bodyDigest, jobId };
  return { ...common, state, validUntil: 0, takenAtMs: nowMs(), credit };
}

/** Waits until a transfer is final. Refusals: PAYMENT_REFUSED, and PAYMENT_NOT_FINAL while that is not known. */
function finality(
  desk: Desk,
  { txId }: OneShotRow,
  tx: SignedTx | undefined,
): Promise<Verdict<true>> {
  const { deps, sending } = desk;
  const underWay = sending.get(txId);
  if (underWay) return underWay;
  const wait = ask(desk, () => sendOrFind(deps, txId, tx)).finally(() => sending.delete(txId));
  sending.set(txId, wait);
  return wait;
}

async function sendOrFind(
  { chain, store, nowMs }: TakeOneShotDeps,
  txId: Hex,
  tx: SignedTx | undefined,
): Promise<Verdict<true>> {
  const done = (): Verdict<true> => {
    store.open(txId, nowMs());
    return accept(true);
  };
  try {
    if (tx) await chain.send(tx.bytes);
    else if (!(await chain.isFinal(txId))) return refuse('PAYMENT_NOT_FINAL', { txId });
    return done();
  } catch (error) {
    const { code, row } = asAppError(error);
    if (row.retryable) return refuse('PAYMENT_NOT_FINAL', { txId });
    if (await chain.isFinal(txId)) return done();
    // Known but not final: it waits in the mempool. Anything else was refused, and nobody else has its bytes.
    if (code === 'TX_DUPLICATE') return refuse('PAYMENT_NOT_FINAL', { txId });
    store.drop(txId);
    return refuse('PAYMENT_REFUSED', { reason: code });
  }
}

/** Asks the chain, not too often at a time. Throws RATE_LIMITED. */
async function ask<T>(desk: Desk, question: () => Promise<T>): Promise<T> {
  if (desk.asked >= askedMax) throw new AppError('RATE_LIMITED', { retryAfterSeconds: 1 });
  desk.asked += 1;
  try {
    return await question();
  } finally {
    desk.asked -= 1;
  }
}
