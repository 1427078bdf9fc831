/** Where the signatures of a transaction lie in its bytes, and whether they are valid. See docs/spec/chain.md, "Transactions". */
import { verify } from '@aitbc/primitives';
import { limits } from './limits.ts';
import { type Network, signingBytes } from './network.ts';

export const signatureSizeBytes = 64;
export const payerSizeBytes = 32;
export const accountSizeBytes = 32;
export const sponsoredFlag = 1;
const flagsLowByte = 3; // version, kind, then flags, the high byte first
const senderAt = 26; // after the flags: chain, lane, nonce, validUntil
const senderEnd = senderAt + accountSizeBytes;

function isSponsored(all: Uint8Array): boolean {
  return ((all[flagsLowByte] ?? 0) & sponsoredFlag) !== 0;
}

/** Bytes behind the body: one signature, or also the payer and its signature. */
export function tailSizeOf(all: Uint8Array): number {
  return signatureSizeBytes + (isSponsored(all) ? payerSizeBytes + signatureSizeBytes : 0);
}

/** One signature of a transaction: where it and its key lie in the bytes. */
export interface SignaturePlace {
  readonly tag: 'tx' | 'payer';
  readonly keyAt: number;
  readonly signatureAt: number;
}

/** The signatures in the bytes of a transaction; all sign the first `signedBytes` of them under their tag. */
export interface TxSignatures {
  readonly signedBytes: number;
  readonly places: readonly SignaturePlace[];
}

/** Where the signatures of a decoded transaction lie: for checks that take many at once. */
export function signaturesIn(all: Uint8Array): TxSignatures {
  const signedBytes = Math.max(0, all.length - tailSizeOf(all));
  const sender = { tag: 'tx', keyAt: senderAt, signatureAt: signedBytes } as const;
  if (!isSponsored(all)) return { signedBytes, places: [sender] };
  const keyAt = signedBytes + signatureSizeBytes;
  const payer = { tag: 'payer', keyAt, signatureAt: keyAt + payerSizeBytes } as const;
  return { signedBytes, places: [sender, payer] };
}

/** The part of a signed transaction that is checked. */
export interface TxBytes {
  readonly bytes: Uint8Array;
}

/** Says whether the sender, and the payer where there is one, signed exactly these bytes. */
export type TxVerifier = (tx: TxBytes) => boolean;

/**
 * The answers of `verifyTx` for a node that checks thousands: what is signed is put together in one memory that is used
 * again, and views of it are made anew only when the size differs from that of the transaction before.
 */
export function createTxVerifier(network: Network): TxVerifier {
  const prefix = signingBytes('tx', network);
  const memory = new Uint8Array(prefix.length + limits.txSizeBytes);
  memory.set(prefix);
  const part = (at: number, sizeBytes: number) =>
    memory.subarray(prefix.length + at, prefix.length + at + sizeBytes);
  const key = part(senderAt, accountSizeBytes);
  let message = prefix;
  let signature = key;
  return (tx) => {
    const { bytes } = tx;
    const signedBytes = bytes.length - signatureSizeBytes;
    const fits = signedBytes >= senderEnd && bytes.length <= limits.txSizeBytes;
    if (!fits || isSponsored(bytes)) return verifyTx(network, tx);
    memory.set(bytes, prefix.length);
    if (message.length !== prefix.length + signedBytes) {
      message = memory.subarray(0, prefix.length + signedBytes);
      signature = part(signedBytes, signatureSizeBytes);
    }
    return verify(signature, message, key);
  };
}

/** True when the sender, and the payer where there is one, signed exactly these bytes for this network. */
export function verifyTx(network: Network, tx: TxBytes): boolean {
  const { bytes } = tx;
  const { signedBytes, places } = signaturesIn(bytes);
  const signed = bytes.subarray(0, signedBytes);
  return places.every(({ tag, keyAt, signatureAt }) =>
    verify(
      bytes.subarray(signatureAt, signatureAt + signatureSizeBytes),
      signingBytes(tag, network, signed),
      bytes.subarray(keyAt, keyAt + payerSizeBytes),
    ),
  );
}
