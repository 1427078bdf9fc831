/**
 * A client's request made ready to be bought: checked against its dialect, and with an idempotency key.
 *
 * The key is the caller's own when it sends one. Otherwise it is random for each call, but the same for the
 * client library's own retries (`X-Stainless-Retry-Count` above 0 with the same job): the job id, and so
 * the charge, stays one.
 */
import { type Clock, hex, randomBytes } from '@aitbc/primitives';
import {
  type Dialect,
  type EmbedRequest,
  type Hex,
  type InferenceRequest,
  readDialect,
} from '@aitbc/protocol';
import type { BuyCall } from '../buyer/types.ts';
import { wireOf } from '../buyer/wire-body.ts';

const retryWindowMs = 600_000;
const keysMax = 1_000;
const keyBytes = 16;
const keysDrawn = 64; // at once: to ask the generator costs more than the bytes

/** A request that can be bought. */
export interface BuyRequest {
  readonly dialect: Dialect;
  readonly request: InferenceRequest;
  /** Whether the client itself wants a stream; what is bought always is one. */
  readonly isStream: boolean;
  readonly includeUsage: boolean;
}

/** Checks a JSON body of a dialect. Throws FIELD_UNSUPPORTED or BAD_REQUEST with the path of the fault. */
export function buyRequestOf(dialect: Dialect, json: unknown): BuyRequest {
  const { request, includeUsage } = readDialect(dialect, json);
  return { dialect, request, isStream: request.stream, includeUsage };
}

/** What a request says about being a retry. */
export interface RetryMarks {
  /** Header Idempotency-Key. */
  readonly key: string | undefined;
  /** Header X-Stainless-Retry-Count. */
  readonly retryCount: string | undefined;
}

/** Chooses idempotency keys. */
export interface IdempotencyKeys {
  keyFor(job: InferenceRequest | EmbedRequest, marks: RetryMarks): ChosenKey;
}

/** An idempotency key, and whether nobody can have used it before. */
export type ChosenKey = Required<Pick<BuyCall, 'idempotencyKey' | 'isFreshKey'>>;

/** Keys with a memory of the last minutes. */
export function createIdempotencyKeys(clock: Clock): IdempotencyKeys {
  const recent = new Map<Hex, { key: string; atMs: number }>();
  let drawn: Uint8Array = new Uint8Array(0);
  const drawKey = (): string => {
    if (drawn.length === 0) drawn = randomBytes(keyBytes * keysDrawn);
    const key = hex(drawn.subarray(0, keyBytes));
    drawn = drawn.subarray(keyBytes);
    return key;
  };
  return {
    keyFor(job, { key, retryCount }) {
      if (key !== undefined && key !== '') return { idempotencyKey: key, isFreshKey: false };
      const digest = wireOf(job).bodyDigest;
      const known = recent.get(digest);
      const isRetry = Number(retryCount ?? 0) > 0;
      if (isRetry && known && clock.nowMs() - known.atMs < retryWindowMs) {
        return { idempotencyKey: known.key, isFreshKey: false };
      }
      const fresh = drawKey();
      recent.delete(digest);
      recent.set(digest, { key: fresh, atMs: clock.nowMs() });
      if (recent.size > keysMax) recent.delete(recent.keys().next().value as Hex);
      return { idempotencyKey: fresh, isFreshKey: true };
    },
  };
}
