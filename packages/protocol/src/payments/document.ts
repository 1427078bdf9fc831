/** Signed JSON documents: a payload in canonical JSON, and who signed it. */
import { canonicalJson, hex, type JsonValue, sha256, sign, utf8, verify } from '@aitbc/primitives';
import type { Hex } from '../fields.ts';
import { bytes32, type Network, signatureBytesOf, signingBytes, type Tag } from '../network.ts';

/** A payload with the signature over its tagged, canonical form. */
export interface Signed<T> {
  readonly payload: T;
  /** Ed25519 public key, hex. */
  readonly signer: Hex;
  readonly signature: Hex;
}

function documentBytes(tag: Tag, network: Network, payload: unknown): Uint8Array {
  return signingBytes(tag, network, sha256(utf8(canonicalJson(payload as JsonValue))));
}

/** A key that signs documents. */
export interface DocumentSigner {
  readonly publicKey: Hex;
  readonly secretKey: Uint8Array;
}

/** Signs a payload. Throws TypeError when it holds what canonical JSON does not allow. */
export function signDocument<T>(
  context: { tag: Tag; network: Network },
  payload: T,
  signer: DocumentSigner,
): Signed<T> {
  const message = documentBytes(context.tag, context.network, payload);
  return { payload, signer: signer.publicKey, signature: hex(sign(message, signer.secretKey)) };
}

/** True when `signed.signer` signed exactly this payload. The caller checks that the signer is the right one. */
export function verifyDocument(tag: Tag, network: Network, signed: Signed<unknown>): boolean {
  try {
    const message = documentBytes(tag, network, signed.payload);
    return verify(signatureBytesOf(signed.signature), message, bytes32(signed.signer));
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) return false;
    throw error;
  }
}
