/**
 * Receipts: the provider's signed statement of what was delivered for a job. One is signed with every
 * window and one at the end. Ranges [from, to) of output tokens tile: each receipt starts where the one
 * before ended, and `prefixHash` chains the text, so that receipts of several providers for one job
 * join into one gap-free chain and an overlap with other content is a proof of fraud.
 *
 *   h0     = tagged hash (prefix) of the body digest
 *   h(i+1) = tagged hash (prefix) of h(i) ‖ textHash(i) ‖ from u32 ‖ to u32
 */
import { createWriter, sha256Hex, utf8 } from '@aitbc/primitives';
import { z } from 'zod';
import { accept, refuse, type Verdict } from '../errors.ts';
import type { Hex } from '../fields.ts';
import { bytes32, type Network, taggedHash } from '../network.ts';
import { zAddress, zAmount, zCount, zHash, zKey, zSignature } from '../scalars.ts';
import { type Signed, verifyDocument } from './document.ts';
import { outcomes } from './price.ts';

/** Highest position of a token: in hashes it is 32 bits wide. No job comes near. */
export const positionMax = 0xffff_ffff;

/** Payload of a receipt. Token positions count output tokens of the job from 0. */
export const zReceiptPayload = z.strictObject({
  v: z.literal(1),
  network: z.string().max(40),
  jobId: zHash,
  offerId: zHash,
  channelId: zHash,
  provider: zAddress,
  model: z.string().max(128),
  digest: z.string().max(80),
  from: zCount,
  to: zCount,
  prefixHash: zHash,
  textHash: zHash,
  promptTokens: zCount,
  outcome: z.enum(outcomes),
  charged: zAmount.meta({ description: 'due for this job so far' }),
  chargedCumulative: zAmount.meta({ description: 'due on the channel so far' }),
  atMs: zCount,
});

export const zSignedReceipt = z.strictObject({
  payload: zReceiptPayload,
  signer: zKey,
  signature: zSignature,
});

export type ReceiptPayload = z.infer<typeof zReceiptPayload>;
export type SignedReceipt = z.infer<typeof zSignedReceipt>;

/** SHA-256 of the UTF-8 text of a range, hex. */
export function textHashOf(text: string): Hex {
  return sha256Hex(utf8(text));
}

/** Prefix hash before the first output token. */
export function firstPrefixHash(network: Network, bodyDigest: Hex): Hex {
  return taggedHash('prefix', network, bytes32(bodyDigest));
}

/** One range of output tokens. */
export interface TokenRange {
  readonly prefixHash: Hex;
  readonly textHash: Hex;
  readonly from: number;
  readonly to: number;
}

/** Prefix hash after a range. */
export function nextPrefixHash(network: Network, range: TokenRange): Hex {
  const writer = createWriter().fixed(bytes32(range.prefixHash), 32);
  writer.fixed(bytes32(range.textHash), 32).u32(range.from).u32(range.to);
  return taggedHash('prefix', network, writer.finish());
}

/** Checks network and signature. `authorizer` is the provider's registered key. Refusal: RECEIPT_INVALID. */
export function verifyReceipt(
  network: Network,
  receipt: SignedReceipt,
  authorizer: Hex,
): Verdict<ReceiptPayload> {
  const { payload } = receipt;
  const fault = (reason: string) => refuse('RECEIPT_INVALID', { reason });
  if (payload.network !== network.caip2) return fault('it is for another network');
  if (payload.from > payload.to) return fault('its token range runs backwards');
  if (payload.to > positionMax) return fault('its token range ends above any job');
  if (receipt.signer !== authorizer) return fault('its key is not the one registered on chain');
  if (!verifyDocument('receipt', network, receipt as Signed<unknown>)) {
    return fault('its signature is wrong');
  }
  return accept(payload);
}

/** Checks that `next` continues `previous`: same job, ranges tile, prefix hash follows. */
export function verifyTiling(
  network: Network,
  previous: ReceiptPayload,
  next: ReceiptPayload,
): Verdict<true> {
  const fault = (reason: string) => refuse('RECEIPT_INVALID', { reason });
  if (previous.jobId !== next.jobId) return fault('the receipts are for two jobs');
  if (previous.to !== next.from)
    return fault(`tokens ${previous.to} to ${next.from} are not covered`);
  if (next.prefixHash !== nextPrefixHash(network, previous))
    return fault('the text does not follow');
  return accept(true);
}
