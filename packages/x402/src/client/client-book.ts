/**
 * The buyer's book of a channel: how much the seller may count at most, and what was signed.
 *
 * `due` only grows with what is promised: a stock client does not read receipts, so it takes every call at its
 * full price until the seller tells its own books, in a corrective 402 or after a settlement. These are
 * believed when they do not pass what this key is known to have signed: by the book, or by the voucher that
 * the seller shows.
 */
import { amountFromText } from '@aitbc/primitives';
import { type Hex, type Network, verifyVoucher } from '@aitbc/protocol';

/** Amounts of one channel, nait. */
export interface BookEntry {
  /** Most that the seller may count as charged or reserved. */
  readonly due: bigint;
  /** Largest cap that was signed. */
  readonly signedMax: bigint;
  /** `due` is what the seller told, and nothing was promised since. */
  readonly isTold?: boolean;
}

/** Where the entries are kept. A store that forgets is corrected by the seller, at the price of one more 402. */
export interface ClientBook {
  read(channelId: Hex): Promise<BookEntry | undefined>;
  write(channelId: Hex, entry: BookEntry): Promise<void>;
}

/** A book in memory. */
export function createMemoryBook(): ClientBook {
  const entries = new Map<Hex, BookEntry>();
  return {
    read: async (channelId) => entries.get(channelId),
    write: async (channelId, entry) => void entries.set(channelId, entry),
  };
}

/** What is needed to believe a seller's books. */
export interface ChannelKey {
  readonly network: Network;
  readonly channelId: Hex;
  readonly payerAuthorizer: Hex;
}

/** The entry after a seller told its books; undefined when it claims more than was signed, or tells nothing. */
export function correctedBy(
  entry: BookEntry,
  extra: Readonly<Record<string, unknown>> | undefined,
  key: ChannelKey,
): BookEntry | undefined {
  const state = (extra?.channelState ?? {}) as Record<string, unknown>;
  const charged = amountFromText(state.charged);
  const reserved = amountFromText(state.reserved);
  if (charged === undefined || reserved === undefined) return undefined;
  const due = charged + reserved;
  const shown = provenCap(extra?.voucherState, key);
  const signedMax = shown > entry.signedMax ? shown : entry.signedMax;
  return due > signedMax ? undefined : { due, signedMax, isTold: true };
}

/** Cap of the voucher that a seller shows, when this channel's key really signed it. */
function provenCap(shown: unknown, { network, channelId, payerAuthorizer }: ChannelKey): bigint {
  const { maxClaimable, context, signature } = (shown ?? {}) as Record<string, unknown>;
  const cap = amountFromText(maxClaimable);
  const isHex = (text: unknown, digits: number): text is Hex =>
    typeof text === 'string' && text.length === digits && /^[0-9a-f]+$/.test(text);
  if (cap === undefined || !isHex(context, 64) || !isHex(signature, 128)) return 0n;
  const voucher = { channelId, maxClaimable: cap, context, signature };
  return verifyVoucher(network, voucher, payerAuthorizer) ? cap : 0n;
}
