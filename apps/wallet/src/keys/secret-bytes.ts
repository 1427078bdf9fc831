/**
 * Memory for secrets. Small arrays live on the heap of JavaScript, whose collector moves them and leaves the old bytes where they
 * were, as does whoever asks such an array for its buffer; so wiping the array wipes one copy of several. Bytes over a buffer of their own stay where they are until
 * they are wiped.
 */
import { wipe } from '@aitbc/primitives';

/** Bytes that are not moved, all zero. */
export function secretBytes(sizeBytes: number): Uint8Array {
  return new Uint8Array(new ArrayBuffer(sizeBytes));
}

/** The same secret in bytes that are not moved; what it came in is wiped. */
export function keepSecret(secret: Uint8Array): Uint8Array {
  const kept = secretBytes(secret.length);
  kept.set(secret);
  wipe(secret);
  return kept;
}
