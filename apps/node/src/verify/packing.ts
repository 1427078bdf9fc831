/**
 * Signatures on their way to a worker: one buffer that is handed over, not copied. It holds ready messages, so
 * that a worker does nothing but check: it knows neither transactions nor networks, and makes no copies.
 *
 *   for each signature: transaction u32 | message bytes u32 | key at u32 | signature at u32 | row bytes u32 |
 *                       tag ‖ genesis hash ‖ bytes of the transaction
 *
 * The message is the head of the last part; both places are counted from its start. A sponsored transaction
 * has two rows, and their common number is that of the transaction in its batch.
 */
import { type Network, type SignedTx, signaturesIn, signingBytes } from '@aitbc/protocol';

const headBytes = 20;
const keyBytes = 32;
const signatureBytes = 64;

/** What signed messages of a network begin with. */
export interface Prefixes {
  readonly tx: Uint8Array;
  readonly payer: Uint8Array;
}

/** Prefixes of the signatures in a transaction. */
export function prefixesOf(network: Network): Prefixes {
  return { tx: signingBytes('tx', network), payer: signingBytes('payer', network) };
}

/** Signatures that a transaction brings. */
export function signatureCountOf(tx: SignedTx): number {
  return tx.sponsored ? 2 : 1;
}

/** All signatures of the transactions in one buffer of their own. */
export function packSignatures(
  prefixes: Prefixes,
  txs: readonly Pick<SignedTx, 'bytes'>[],
): Uint8Array<ArrayBuffer> {
  const all = txs.map(({ bytes }) => signaturesIn(bytes));
  let sizeBytes = 0;
  for (const [index, { places }] of all.entries()) {
    const { length } = (txs[index] as SignedTx).bytes;
    for (const { tag } of places) sizeBytes += headBytes + prefixes[tag].length + length;
  }
  const packed = new Uint8Array(sizeBytes);
  const view = new DataView(packed.buffer);
  let at = 0;
  for (const [index, { signedBytes, places }] of all.entries()) {
    const { bytes } = txs[index] as SignedTx;
    for (const { tag, keyAt, signatureAt } of places) {
      const prefix = prefixes[tag];
      view.setUint32(at, index);
      view.setUint32(at + 4, prefix.length + signedBytes);
      view.setUint32(at + 8, prefix.length + keyAt);
      view.setUint32(at + 12, prefix.length + signatureAt);
      view.setUint32(at + 16, prefix.length + bytes.length);
      packed.set(prefix, at + headBytes);
      packed.set(bytes, at + headBytes + prefix.length);
      at += headBytes + prefix.length + bytes.length;
    }
  }
  return packed;
}

/** Checks one signature: the signature, the message, the key. */
export type CheckSignature = (
  signature: Uint8Array,
  message: Uint8Array,
  publicKey: Uint8Array,
) => boolean;

/** One byte for each of `count` transactions: 1 when all its signatures in the packed buffer are valid. */
export function checkPacked(
  { packed, count }: Omit<VerifyRequest, 'id'>,
  check: CheckSignature,
): Uint8Array<ArrayBuffer> {
  const valid = new Uint8Array(count).fill(1);
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  for (let at = 0; at < packed.length; ) {
    const start = at + headBytes;
    const keyAt = start + view.getUint32(at + 8);
    const signatureAt = start + view.getUint32(at + 12);
    const isValid = check(
      packed.subarray(signatureAt, signatureAt + signatureBytes),
      packed.subarray(start, start + view.getUint32(at + 4)),
      packed.subarray(keyAt, keyAt + keyBytes),
    );
    if (!isValid) valid[view.getUint32(at)] = 0;
    at = start + view.getUint32(at + 16);
  }
  return valid;
}

/** What a worker is asked. */
export interface VerifyRequest {
  readonly id: number;
  /** Transactions that the signatures belong to. */
  readonly count: number;
  readonly packed: Uint8Array;
}

/** What it answers: one byte for each transaction, 1 for valid. */
export interface VerifyAnswer {
  readonly id: number;
  readonly valid: Uint8Array<ArrayBuffer>;
}
