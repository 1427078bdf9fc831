/**
 * Resuming: an answer that one provider began goes on at another.
 *
 * The buyer shows the new provider what it has: the text so far, cut into pieces exactly as it was delivered
 * and receipted, and the newest receipt of the job. Pieces chain like receipts (see receipt.ts), so the
 * signed prefix hash of the newest receipt commits to every piece before it; the pieces after it are the
 * tail, which no provider has signed. A tail is short, because it is what came since the last window.
 *
 * The new provider goes on at `from`, counts tokens from there, and its first receipt carries `prefixHash`. So
 * receipts of all providers of one job tile. It does not charge for the prefix: those tokens were sold before.
 * That is why the tail is bounded: a prefix that nobody has signed would be a prompt that nobody pays.
 *
 * Rejected: showing all receipts of all providers (1 kB for every window; the newest commits to the others).
 * See docs/spec/payments.md, "When a provider fails".
 */
import { createWriter, hex, sign, verify } from '@aitbc/primitives';
import { z } from 'zod';
import { accept, refuse, type Verdict } from '../errors.ts';
import type { Hex } from '../fields.ts';
import { limits } from '../limits.ts';
import { bytes32, type Network, signatureBytesOf, signingBytes, taggedHash } from '../network.ts';
import { zCount } from '../scalars.ts';
import {
  firstPrefixHash,
  nextPrefixHash,
  positionMax,
  type SignedReceipt,
  textHashOf,
  verifyReceipt,
  zSignedReceipt,
} from './receipt.ts';

/** One range of the answer so far: its text, and the output token it ends before. */
export const zResumePiece = z.strictObject({ text: z.string(), to: zCount });

/** What a buyer shows of an answer that is to be continued. */
export const zResume = z.strictObject({
  pieces: z.array(zResumePiece).min(1).max(limits.resumePieces),
  receipt: zSignedReceipt.nullable().meta({ description: 'newest receipt of the job, if any' }),
});

export type ResumePiece = z.infer<typeof zResumePiece>;
export type Resume = z.infer<typeof zResume>;

/** Where an answer is continued. */
export interface ResumePoint {
  /** Output tokens so far; the next token has this position. */
  readonly from: number;
  /** Chains all text so far. */
  readonly prefixHash: Hex;
  readonly text: string;
  /** Output tokens that no receipt covers. */
  readonly tailTokens: number;
}

/** The job that is continued. */
export interface ResumedJob {
  readonly jobId: Hex;
  /** SHA-256 of the request body, hex. */
  readonly bodyDigest: Hex;
}

/**
 * Checks that the pieces chain and that the receipt is one of their ranges, signed by its own signer. Whether
 * that key belongs to a registered provider is the caller's to ask. Refusal: RESUME_INVALID.
 */
export function verifyResume(
  network: Network,
  job: ResumedJob,
  { pieces, receipt }: Resume,
): Verdict<ResumePoint> {
  const fault = (reason: string) => refuse('RESUME_INVALID', { reason });
  let prefixHash = firstPrefixHash(network, job.bodyDigest);
  let from = 0;
  let signedTo = 0;
  let isFound = receipt === null;
  for (const { text, to } of pieces) {
    if (!goesOn(from, { text, to })) return fault('its pieces run backwards');
    const range = { prefixHash, textHash: textHashOf(text), from, to };
    if (receipt && isRangeOf(receipt, range)) {
      isFound = true;
      signedTo = to;
    }
    prefixHash = nextPrefixHash(network, range);
    from = to;
  }
  if (!isFound) return fault('its receipt is for another text');
  if (receipt) {
    if (receipt.payload.jobId !== job.jobId) return fault('its receipt is for another job');
    if (!verifyReceipt(network, receipt, receipt.signer).ok) return fault('its receipt is forged');
  }
  const tailTokens = from - signedTo;
  if (tailTokens > limits.resumeTailTokens) {
    return fault(`${tailTokens} tokens are in no receipt; the limit is ${limits.resumeTailTokens}`);
  }
  const text = pieces.map((piece) => piece.text).join('');
  return accept({ from, prefixHash, text, tailTokens });
}

function goesOn(from: number, { text, to }: ResumePiece): boolean {
  return to <= positionMax && (to > from || (to === from && text === ''));
}

function isRangeOf(
  { payload }: SignedReceipt,
  range: { prefixHash: Hex; textHash: Hex; from: number; to: number },
): boolean {
  return (
    payload.from === range.from &&
    payload.to === range.to &&
    payload.textHash === range.textHash &&
    payload.prefixHash === range.prefixHash
  );
}

/** What a voucher that continues a job elsewhere is for. */
export interface ResumeTerms extends ResumedJob {
  readonly offerId: Hex;
  readonly from: number;
  readonly prefixHash: Hex;
  /** Position up to which output tokens are covered, counted from the job's first token. */
  readonly tokens: number;
}

/** Context of a voucher that continues a job at another provider. */
export function resumeContext(network: Network, terms: ResumeTerms): Hex {
  const writer = createWriter().fixed(bytes32(terms.offerId), 32).fixed(bytes32(terms.jobId), 32);
  writer.fixed(bytes32(terms.bodyDigest), 32).u32(terms.from).fixed(bytes32(terms.prefixHash), 32);
  return taggedHash('resume', network, writer.u32(terms.tokens).finish());
}

/**
 * A buyer's word that it received output tokens which no receipt covers, because their provider died: with it
 * the provider may sign for them and charge them.
 */
export interface Acknowledgement extends Pick<ResumedJob, 'jobId'> {
  readonly channelId: Hex;
  /** End of the provider's last receipt. */
  readonly from: number;
  readonly to: number;
  /** SHA-256 of the text of the range, hex. */
  readonly textHash: Hex;
}

function acknowledgementBytes(network: Network, ack: Acknowledgement): Uint8Array {
  const writer = createWriter().fixed(bytes32(ack.jobId), 32).fixed(bytes32(ack.channelId), 32);
  writer.u32(ack.from).u32(ack.to).fixed(bytes32(ack.textHash), 32);
  return signingBytes('acknowledge', network, writer.finish());
}

/** Signs an acknowledgement with the secret key of the channel's `payerAuthorizer`. */
export function signAcknowledgement(
  network: Network,
  ack: Acknowledgement,
  secretKey: Uint8Array,
): Hex {
  return hex(sign(acknowledgementBytes(network, ack), secretKey));
}

/** True when `payerAuthorizer` signed exactly this acknowledgement. */
export function verifyAcknowledgement(
  network: Network,
  { ack, signature }: { ack: Acknowledgement; signature: Hex },
  payerAuthorizer: Hex,
): boolean {
  if (ack.from > positionMax || ack.to > positionMax) return false; // nobody can have signed that
  const signed = acknowledgementBytes(network, ack);
  return verify(signatureBytesOf(signature), signed, bytes32(payerAuthorizer));
}
