/** The amount checks that a voucher must pass, the same for the first one of a job and for a top-up. */
import { type Refusal, refuse } from '@aitbc/protocol';
import type { BestVoucher, ChannelRecord } from './channel-record.ts';

/**
 * What the seller believes about a channel. Shown only to who holds the buyer's key, so that a buyer who
 * lost track can go on, and nobody else learns what was spent.
 */
export interface CorrectiveState {
  readonly charged: bigint;
  readonly reserved: bigint;
  readonly signedMax: bigint;
  readonly best: BestVoucher | undefined;
}

/** A refusal of admission, with the seller's books where the signature was valid. */
export interface AdmissionRefusal extends Refusal {
  readonly corrective?: CorrectiveState;
}

/** Verdict of admission. */
export type AdmissionVerdict<T> = { readonly ok: true; readonly value: T } | AdmissionRefusal;

/** What a voucher promises and what it is needed for, nait. */
export interface VoucherPromise {
  /** Cumulative cap of the voucher. */
  readonly maxClaimable: bigint;
  /** Fresh reservation that is asked for. */
  readonly need: bigint;
  /** Most that may be signed beyond what is in use. */
  readonly openCreditMax: bigint;
}

/**
 * Checks a promise against the books. The larger of the voucher's cap and what was signed before counts,
 * because vouchers of parallel jobs arrive out of order and every cap includes the ones signed before it.
 * Refusals: VOUCHER_UNDERFUNDED, VOUCHER_BEYOND_BALANCE, VOUCHER_OPEN_CREDIT.
 */
export function checkPromise(record: ChannelRecord, promise: VoucherPromise): Refusal | undefined {
  const { channel, charged, reserved, signedMax } = record;
  const { maxClaimable, need, openCreditMax } = promise;
  const cap = maxClaimable > signedMax ? maxClaimable : signedMax;
  const needed = charged + reserved + need;
  if (needed > cap) return refuse('VOUCHER_UNDERFUNDED', { cap, needed });
  const available = channel.balance - channel.withdrawAmount;
  const binding = maxClaimable > signedMax ? maxClaimable : needed;
  if (binding > available) {
    return refuse('VOUCHER_BEYOND_BALANCE', { cap: binding, balance: available });
  }
  const outstanding = cap - needed;
  if (maxClaimable > signedMax && outstanding > openCreditMax) {
    return refuse('VOUCHER_OPEN_CREDIT', { outstanding, limit: openCreditMax });
  }
  return undefined;
}

/** The seller's books of a channel. */
export function correctiveOf(record: ChannelRecord): CorrectiveState {
  const { charged, reserved, signedMax, best } = record;
  return { charged, reserved, signedMax, best };
}

/** Books after a valid voucher: its cap counts when it is the largest so far. */
export function signedBy(
  record: ChannelRecord,
  voucher: BestVoucher,
): Pick<ChannelRecord, 'signedMax' | 'best'> {
  const { signedMax, best } = record;
  const { maxClaimable, context, signature } = voucher;
  return {
    signedMax: maxClaimable > signedMax ? maxClaimable : signedMax,
    best: best && best.maxClaimable >= maxClaimable ? best : { maxClaimable, context, signature },
  };
}
