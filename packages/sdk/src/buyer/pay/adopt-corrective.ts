/**
 * Takes over the seller's books when this buyer has forgotten something: a store that was lost, or the last
 * moments before a power cut. The proof is our own signature on a cap above all we know of. Without that
 * proof the seller counts more than its receipts say, and is not paid any more.
 */

import { hex } from '@aitbc/primitives';
import { AppError, unwrap, verifyVoucher, zAmount, zHash, zSignature } from '@aitbc/protocol';
import { z } from 'zod';
import { type CallRow, callKey } from '../../books/store.ts';
import type { BuyerParts } from '../types.ts';

/** Facts of VOUCHER_UNDERFUNDED that carry the seller's books; they are there after a valid signature only. */
export const zCorrectiveFacts = z.object({
  charged: zAmount,
  reserved: zAmount,
  needed: zAmount,
  bestMaxClaimable: zAmount,
  bestContext: zHash,
  bestSignature: zSignature,
});

/** Adopts the seller's books for the channel of a call. Throws the error itself, or RECEIPT_INVALID. */
export async function adoptCorrective(
  parts: BuyerParts,
  call: CallRow,
  error: AppError,
): Promise<void> {
  const parsed = zCorrectiveFacts.safeParse(error.facts);
  if (!parsed.success) throw error;
  const { channelId } = call;
  const { charged, reserved, needed, bestMaxClaimable, bestContext, bestSignature } = parsed.data;
  const best = {
    channelId,
    maxClaimable: BigInt(bestMaxClaimable),
    context: bestContext,
    signature: bestSignature,
  };
  if (!verifyVoucher(parts.network, best, hex(parts.hotKey.publicKey))) {
    throw new AppError('RECEIPT_INVALID', {
      reason: 'its best voucher is not signed by this buyer',
    });
  }
  const books = {
    charged: BigInt(charged),
    reserved: BigInt(reserved),
    needed: BigInt(needed),
    bestMaxClaimable: best.maxClaimable,
  };
  await parts.store.save(unwrap(parts.book.adopt(callKey(call), books)));
  parts.log.warn(
    { channelId, charged, reserved },
    'books of a channel taken over from the provider',
  );
}
