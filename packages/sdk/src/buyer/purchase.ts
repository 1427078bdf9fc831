/** One call while it is being bought: what it is, whom it may be bought from, and who had it so far. */
import {
  AppError,
  embedTokensBound,
  type Hex,
  isIdempotencyKey,
  type JobKind,
  jobIdOf,
  limits,
  type Network,
  promptTokensBound,
  wireBodyOf,
} from '@aitbc/protocol';
import type { MaxNait } from '../books/book.ts';
import type { Candidate } from '../offers/discover-offers.ts';
import type { BuyCall, EmbedCall, PayMode } from './types.ts';
import { wireOf, wireOfText } from './wire-body.ts';

/** What is asked for. */
export interface Wanted {
  readonly kind: JobKind;
  readonly model: string;
  /** Request body, the same at every provider. */
  readonly body: string;
  readonly bodyDigest: Hex;
  /** Most prompt tokens the body can be. */
  readonly promptBound: number;
  /** Most output tokens; undefined lets the offer decide. */
  readonly maxTokens: number | undefined;
  /** Vectors that are asked for; 0 for a chat. */
  readonly vectors: number;
  readonly mode: PayMode;
  readonly idempotencyKey: string;
  /** See BuyCall. */
  readonly isFreshKey: boolean;
  /** See BuyCall. */
  readonly maxNait: MaxNait | undefined;
}

/** One call being bought. */
export interface Purchase extends Wanted {
  readonly jobId: Hex;
  /** Ends the purchase. */
  readonly signal: AbortSignal;
  /** Offers in their rank when the job began; undefined before anybody asked. */
  ranked: readonly Candidate[] | undefined;
  /** Providers that had the job: none gets it twice. */
  readonly tried: Set<string>;
  /** Books that are being put in order beside the answer. */
  readonly cleaning: Promise<void>[];
}

/** A chat that is answered as a stream. */
export function wantedChat(call: BuyCall, mode: PayMode): Wanted {
  const { request, idempotencyKey, isFreshKey = false, maxNait } = call;
  return {
    kind: 'chat',
    model: request.model,
    ...wireOf(request),
    promptBound: promptTokensBound(request.messages),
    maxTokens: request.maxTokens,
    vectors: 0,
    mode,
    idempotencyKey,
    isFreshKey,
    maxNait: limitOf(maxNait),
  };
}

/** A chat that the coordinator passes on: paid as a whole, answered whole. */
export function wantedSubmission(call: BuyCall): Wanted {
  const body = JSON.stringify({ ...wireBodyOf(call.request), stream: false });
  return { ...wantedChat(call, 'reserve'), ...wireOfText(body) };
}

/** Vectors: in the books they are one output token. */
export function wantedVectors(call: EmbedCall): Wanted {
  const { request, idempotencyKey, isFreshKey = false, maxNait } = call;
  return {
    kind: 'embed',
    model: request.model,
    ...wireOf(request),
    promptBound: embedTokensBound(request.inputs),
    maxTokens: 1,
    vectors: request.inputs.length,
    mode: 'reserve',
    idempotencyKey,
    isFreshKey,
    maxNait: limitOf(maxNait),
  };
}

function limitOf(maxNait: BuyCall['maxNait']): MaxNait | undefined {
  return typeof maxNait === 'bigint' ? () => maxNait : maxNait;
}

/** Id of the job that is asked for. Throws BAD_REQUEST for a key that cannot name one. */
export function jobIdFor(
  network: Network,
  payer: Hex,
  { bodyDigest, idempotencyKey }: Wanted,
): Hex {
  if (!isIdempotencyKey(idempotencyKey)) {
    const reason = `the idempotency key must be 1 to ${limits.idempotencyKeyBytes} bytes`;
    throw new AppError('BAD_REQUEST', { reason });
  }
  return jobIdOf(network, { payer, idempotencyKey, bodyDigest });
}

/** A purchase that nobody has been asked for yet. */
export function createPurchase(wanted: Wanted, jobId: Hex, signal: AbortSignal): Purchase {
  return { jobId, signal, ranked: undefined, tried: new Set(), cleaning: [], ...wanted };
}

/** Work on the books that the answer does not wait for; `booksInOrder` does. */
export function inBackground({ cleaning }: Purchase, work: Promise<void>): void {
  work.catch(() => {}); // told by `booksInOrder`
  cleaning.push(work);
}

/** Resolves when all books of the purchase are in order; rejects with what kept one from it. */
export async function booksInOrder({ cleaning }: Purchase): Promise<void> {
  while (cleaning.length > 0) await Promise.all(cleaning.splice(0));
}
