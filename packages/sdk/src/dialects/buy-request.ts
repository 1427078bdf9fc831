/**
 * A client's request made ready to be bought: checked against its dialect, always asked for as a stream (so
 * that it can be paid by windows), and with an idempotency key.
 *
 * The key is the caller's own when it sends one. Otherwise it is random for each call, but the same for the
 * client library's own retries (`X-Stainless-Retry-Count` above 0 with the same body): the job id, and so
 * the charge, stays one.
 */
import { type Clock, hex, randomBytes, utf8 } from '@aitbc/primitives';
import {
  AppError,
  bodyDigestOf,
  type Dialect,
  dialectBodies,
  type Hex,
  type InferenceRequest,
  inferenceOf,
} from '@aitbc/protocol';

const retryWindowMs = 600_000;
const keysMax = 1_000;
const keyBytes = 16;

/** A request that can be bought. */
export interface BuyRequest {
  readonly dialect: Dialect;
  readonly request: InferenceRequest;
  /** What the provider gets. */
  readonly body: Uint8Array;
  /** Whether the client itself wants a stream. */
  readonly isStream: boolean;
  readonly includeUsage: boolean;
}

/** Checks a JSON body of a dialect. Throws BAD_REQUEST with the path of the fault. */
export function buyRequestOf(dialect: Dialect, json: unknown): BuyRequest {
  const parsed = dialectBodies[dialect].safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const reason = `${issue?.path.join('.') || 'body'}: ${issue?.message ?? 'not valid'}`;
    throw new AppError('BAD_REQUEST', { reason });
  }
  return buyRequestFrom(dialect, parsed.data as Record<string, unknown>);
}

/** The same for a body that was already parsed by its dialect's schema. */
export function buyRequestFrom(dialect: Dialect, parsed: Record<string, unknown>): BuyRequest {
  const request = inferenceOf(dialect, parsed);
  const { stream_options: options, ...rest } = parsed;
  const usage = (options as { include_usage?: boolean } | null | undefined)?.include_usage;
  return {
    dialect,
    request,
    body: utf8(JSON.stringify({ ...rest, stream: true })),
    isStream: request.stream,
    includeUsage: usage ?? false,
  };
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
  keyFor(body: Uint8Array, marks: RetryMarks): string;
}

/** Keys with a memory of the last minutes. */
export function createIdempotencyKeys(clock: Clock): IdempotencyKeys {
  const recent = new Map<Hex, { key: string; atMs: number }>();
  return {
    keyFor(body, { key, retryCount }) {
      if (key !== undefined && key !== '') return key;
      const digest = bodyDigestOf(body);
      const known = recent.get(digest);
      const isRetry = Number(retryCount ?? 0) > 0;
      if (isRetry && known && clock.nowMs() - known.atMs < retryWindowMs) return known.key;
      const fresh = hex(randomBytes(keyBytes));
      recent.delete(digest);
      recent.set(digest, { key: fresh, atMs: clock.nowMs() });
      if (recent.size > keysMax) recent.delete(recent.keys().next().value as Hex);
      return fresh;
    },
  };
}
