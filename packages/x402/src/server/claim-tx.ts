/** Claims that a seller makes and signs by itself: whoever sends them, they pay only the seller. */
import { base64, hex, randomBytes as platformBytes, sign } from '@aitbc/primitives';
import {
  type ClaimRow,
  claimBytes,
  type DocumentSigner,
  expiringLane,
  type Hex,
  type Network,
  signTx,
} from '@aitbc/protocol';
import type { SellerEntry } from './seller-book.ts';

/** A claim that did not come in after so many blocks is void, and the next one takes its sum. */
const claimValidBlocks = 200;
const publicKeyOffset = 32; // a secret key ends in its public key

/** Who claims. */
export interface ClaimSigner {
  readonly network: Network;
  /** Hot key of the seller. */
  readonly authorizer: DocumentSigner;
  /** 64-byte secret key of the account that pays the fee. */
  readonly feeKey: Uint8Array;
  randomBytes?(sizeBytes: number): Uint8Array;
}

/** The row that claims what is due on a channel; none when nothing is. */
export function dueRowOf(channelId: Hex, entry: SellerEntry | undefined): ClaimRow[] {
  if (!entry || entry.charged <= entry.totalClaimed) return [];
  const { maxClaimable, context, signature: voucherSignature } = entry.best;
  return [{ channelId, maxClaimable, context, voucherSignature, totalClaimed: entry.charged }];
}

/** A signed claim in base64, for a node or a facilitator. */
export function claimTx(
  { network, authorizer, feeKey, randomBytes = platformBytes }: ClaimSigner,
  rows: ClaimRow[],
  { height, feeNait }: { readonly height: number; readonly feeNait: bigint },
): string {
  const authorizerSignature = hex(sign(claimBytes(network, rows), authorizer.secretKey));
  const tx = {
    kind: 'channel_claim',
    chain: network.chain,
    lane: expiringLane,
    nonce: Number.parseInt(hex(randomBytes(6)), 16),
    validUntil: height + claimValidBlocks,
    from: hex(feeKey.subarray(publicKeyOffset)),
    fee: feeNait,
    body: { receiverAuthorizer: authorizer.publicKey, rows, authorizerSignature },
  } as const;
  return base64(signTx(network, tx, feeKey).bytes);
}
