/** Ids of paid jobs: the same call by the same payer is the same job, so that it is charged once. */
import { createWriter, sha256Hex, utf8 } from '@aitbc/primitives';
import type { Hex } from '../fields.ts';
import { limits } from '../limits.ts';
import { bytes32, type Network, taggedHash } from '../network.ts';

/** SHA-256 of a request body as it was sent, hex. */
export function bodyDigestOf(body: Uint8Array): Hex {
  return sha256Hex(body);
}

/** What makes a job. */
export interface JobIdentity {
  /** Account id of the payer, hex. */
  readonly payer: Hex;
  /** Chosen by the caller, 1 to 128 bytes. */
  readonly idempotencyKey: string;
  readonly bodyDigest: Hex;
}

/** True for a key that may name a job. */
export function isIdempotencyKey(text: unknown): text is string {
  if (typeof text !== 'string' || text.length === 0) return false;
  return utf8(text).length <= limits.idempotencyKeyBytes;
}

/** Job id: tagged hash of payer, idempotency key and body digest. */
export function jobIdOf(network: Network, { payer, idempotencyKey, bodyDigest }: JobIdentity): Hex {
  const writer = createWriter().fixed(bytes32(payer), 32).variable(utf8(idempotencyKey));
  return taggedHash('job', network, writer.fixed(bytes32(bodyDigest), 32).finish());
}
