/** What a buyer's parts share. */
import type { KeyPair } from '@aitbc/primitives';
import type {
  Dialect,
  Hex,
  InferenceRequest,
  Network,
  OfferPayload,
  Outcome,
  SignedReceipt,
} from '@aitbc/protocol';
import type { Book } from '../books/book.ts';
import type { Channels } from '../books/channels.ts';
import type { BuyerLog } from '../books/log.ts';
import type { BuyerStore } from '../books/store.ts';
import type { Transport } from '../http/transport.ts';

/** Pay window by window, or all of the most a call can cost at once. */
export type PayMode = 'windowed' | 'reserve';

/** One call to buy. `body` is sent to the provider as it is and must ask for a stream. */
export interface BuyCall {
  readonly dialect: Dialect;
  readonly body: Uint8Array;
  readonly request: InferenceRequest;
  readonly idempotencyKey: string;
  readonly signal?: AbortSignal | undefined;
}

/** How a paid call ended. */
export interface JobEnd {
  readonly outcome: Outcome;
  /** Word of the dialect: `stop`, `length`, … */
  readonly finishReason: string;
  readonly promptTokens: number;
  readonly outputTokens: number;
  /** nait */
  readonly charged: bigint;
  readonly firstTokenMs: number | null;
  readonly durationMs: number;
}

/** What a running call gives: text as it arrives, checked receipts, and one end. */
export type JobEvent =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'receipt'; readonly receipt: SignedReceipt }
  | { readonly type: 'end'; readonly end: JobEnd };

/** A call that is being answered; its first token has arrived. */
export interface RunningJob {
  readonly jobId: Hex;
  readonly offer: OfferPayload;
  /** To be read to its end. Throws the error that ended the answer early. */
  readonly events: AsyncIterable<JobEvent>;
}

/** What the parts of a buyer work with. */
export interface BuyerParts {
  readonly network: Network;
  readonly book: Book;
  readonly store: BuyerStore;
  readonly channels: Channels;
  readonly transport: Transport;
  /** Signs vouchers. */
  readonly hotKey: KeyPair;
  readonly nowMs: () => number;
  readonly log: BuyerLog;
}
