/**
 * The seller's book of a channel, for sellers of anything. It holds what a provider's books hold:
 *
 *   totalClaimed ≤ charged ≤ charged + reserved ≤ signedMax
 *
 * A sale reserves its price when it is verified and is charged what it really cost. Each job is sold once: its id is
 * remembered until the charge has reached the cap it came with, and a cap that the charge has reached buys nothing. Reading and writing are one synchronous
 * step, so two requests cannot use the same room.
 */
import { type Hex, refuse, type Verdict, type Voucher } from '@aitbc/protocol';

/** Book of one channel, nait. */
export interface SellerEntry {
  readonly charged: bigint;
  readonly totalClaimed: bigint;
  /** Voucher with the largest cap. */
  readonly best: Omit<Voucher, 'channelId'>;
  /** Jobs that were sold, with the cap each came with. */
  readonly sold: ReadonlyMap<Hex, bigint>;
}

/** Where entries are kept. Whoever keeps them on disk writes before it returns. */
export interface SellerBook {
  get(channelId: Hex): SellerEntry | undefined;
  put(channelId: Hex, entry: SellerEntry): void;
  channels(): Iterable<readonly [Hex, SellerEntry]>;
}

/** A book in memory: what was not claimed before the end of the process is lost. */
export function createMemorySellerBook(): SellerBook {
  const entries = new Map<Hex, SellerEntry>();
  return {
    get: (channelId) => entries.get(channelId),
    put: (channelId, entry) => void entries.set(channelId, entry),
    channels: () => entries.entries(),
  };
}

/** A sale that is asked for. */
export interface SaleRequest {
  readonly jobId: Hex;
  readonly amountNait: bigint;
  readonly voucher: Voucher;
  /** What the chain has paid out of the channel. */
  readonly totalClaimed: bigint;
  /** Reserved for other sales of the channel that have not ended. */
  readonly reserved: bigint;
}

/** The entry with a sale in it. Refusals: JOB_CONFLICT for one that was sold, VOUCHER_UNDERFUNDED. */
export function withSale(
  entry: SellerEntry | undefined,
  { jobId, amountNait, voucher, totalClaimed, reserved }: SaleRequest,
): Verdict<SellerEntry> {
  const { maxClaimable, context, signature } = voucher;
  const best =
    entry && entry.best.maxClaimable >= maxClaimable
      ? entry.best
      : { maxClaimable, context, signature };
  const known = entry?.charged ?? 0n;
  const charged = known > totalClaimed ? known : totalClaimed;
  if (entry?.sold.has(jobId)) return refuse('JOB_CONFLICT', { jobId });
  const needed = charged + reserved + amountNait;
  const cap = maxClaimable > charged ? best.maxClaimable : maxClaimable;
  if (needed > cap) return refuse('VOUCHER_UNDERFUNDED', { cap, needed });
  const stillUsable = [...(entry?.sold ?? [])].filter(([, sold]) => sold > charged);
  const sold = new Map([...stillUsable, [jobId, maxClaimable] as const]);
  return { ok: true, value: { charged, totalClaimed, best, sold } };
}
