/** What a buyer's parts share. */
import type { KeyPair } from '@aitbc/primitives';
import type {
  EmbedRequest,
  ErrorCode,
  Hex,
  InferenceRequest,
  Network,
  OfferPayload,
  Outcome,
  SignedReceipt,
} from '@aitbc/protocol';
import type { Book, MaxNait } from '../books/book.ts';
import type { Channels } from '../books/channels.ts';
import type { BuyerLog } from '../books/log.ts';
import type { BuyerStore } from '../books/store.ts';
import type { Transport } from '../http/transport.ts';

/** Pay window by window, or all of the most a call can cost at once. */
export type PayMode = 'windowed' | 'reserve';

/** One call to buy. The same payer, key and request are the same job. */
export interface BuyCall {
  readonly request: InferenceRequest;
  readonly idempotencyKey: string;
  /** The key was drawn for this call, so that nobody can have bought it before: the store is not asked. Default false. */
  readonly isFreshKey?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * Most nait that this call may promise and owe, at all its providers together; default: the buyer's `jobMax`.
   * A function is asked before every promise, so that calls may share a limit.
   */
  readonly maxNait?: bigint | MaxNait | undefined;
}

/** Texts whose vectors are to be bought. */
export interface EmbedCall {
  readonly request: EmbedRequest;
  readonly idempotencyKey: string;
  /** As of BuyCall. */
  readonly isFreshKey?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** As of BuyCall. */
  readonly maxNait?: bigint | MaxNait | undefined;
}

/** Vectors that were bought. */
export interface EmbedResult {
  readonly jobId: Hex;
  /** One for each input, in their order. */
  readonly vectors: readonly (readonly number[])[];
  readonly promptTokens: number;
  /** nait */
  readonly charged: bigint;
  /** Address of the provider. */
  readonly provider: string;
}

/** What one provider gave of an answer: output tokens `[from, to)`. */
export interface JobPart {
  /** Address of the provider. */
  readonly provider: string;
  readonly channelId: Hex;
  readonly from: number;
  readonly to: number;
  /** nait; of a provider that failed and has not settled yet: what this buyer will pay it. */
  readonly charged: bigint;
  readonly outcome: Outcome;
}

/** How a paid call ended. */
export interface JobEnd {
  readonly outcome: Outcome;
  /** Word of OpenAI's dialect: `stop`, `length`, … */
  readonly finishReason: string;
  readonly promptTokens: number;
  readonly outputTokens: number;
  /** nait, at all providers together. */
  readonly charged: bigint;
  readonly firstTokenMs: number | null;
  readonly durationMs: number;
  /** Who gave what, in order and without gap. */
  readonly parts: readonly JobPart[];
}

/** An answer goes on at another provider. */
export interface JobMoved {
  readonly type: 'moved';
  /** Addresses of the provider that failed and of the next one. */
  readonly from: string;
  readonly to: string;
  /** Why the first one was left. */
  readonly code: ErrorCode;
  /** From the last byte of the one to the first text of the other, ms. */
  readonly gapMs: number;
}

/** What a running call gives: text as it arrives, checked receipts, changes of the provider, and one end. */
export type JobEvent =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'receipt'; readonly receipt: SignedReceipt }
  | JobMoved
  | { readonly type: 'end'; readonly end: JobEnd };

/** A call that is being answered; its first token has arrived. */
export interface RunningJob {
  readonly jobId: Hex;
  /** Offer of the provider that gave the first token. */
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
