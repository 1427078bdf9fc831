/**
 * What a dialect is: a way to ask for a job, and a way to be answered. One file per family holds both
 * directions, and everybody who speaks a dialect uses that file: the gateway and the paying fetch (they buy) and
 * the provider (it sells). So the two sides of a conversation cannot drift apart.
 *
 * Asking is strict. A field that cannot be honoured is refused with FIELD_UNSUPPORTED and its name, because
 * an answer that silently left out a tool or an image would be paid for and useless. Left aside are only fields
 * that stock clients send on their own and that change nothing here; each schema lists them as `zIgnored`.
 *
 * Answering is by strings: what does not change within one stream is made once, so that a token costs one small
 * `JSON.stringify`. Beside the answer itself two kinds of notes travel, in SSE as comments, which every client
 * skips, and in NDJSON as extra fields: for sellers `receipt`, `need-voucher` and `tokens`, for buyers `moved`.
 *
 * Rejected: forwarding bodies (what is run would not be what was checked); one common schema with optional
 * fields of all dialects (nobody could say what is refused where).
 */
import type { z } from 'zod';
import type { AppError } from '../errors.ts';
import type { SignedReceipt } from '../payments/receipt.ts';
import type { InferenceRequest } from './inference.ts';

/** The dialects an inference job can be asked in. */
export type Dialect =
  | 'openai'
  | 'openai-completions'
  | 'openai-responses'
  | 'anthropic'
  | 'ollama-chat'
  | 'ollama-generate';

/** A request as it was understood. */
export interface AskedJob {
  readonly request: InferenceRequest;
  /** OpenAI streams carry their usage only when asked. */
  readonly includeUsage: boolean;
}

/** What an answer is about. */
export interface AnswerSubject {
  readonly jobId: string;
  readonly model: string;
  readonly createdMs: number;
  readonly includeUsage: boolean;
}

/** What a buyer's answer cost, as `usage.x_aitbc` or `x_aitbc`. */
export interface AnswerBill {
  /** nait, decimal */
  readonly charged: string;
  readonly jobId: string;
  /** Who gave the last token. */
  readonly provider: string;
  /** All who gave some, in order. */
  readonly providers: readonly string[];
}

/** How an answer ended. */
export interface AnswerFinish {
  /** Word of the engine: `stop` or `length`. */
  readonly reason: string;
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly firstTokenMs: number | null;
  readonly durationMs: number;
  /** Where a buyer answers. */
  readonly bill?: AnswerBill | undefined;
  /** Where a seller answers whole: all receipts, in order. */
  readonly receipts?: readonly SignedReceipt[] | undefined;
}

/** Top-level field of an answer that is not streamed: all its receipts, in order. */
export const receiptsField = 'x_aitbc_receipts';

/** Notes beside an answer. */
export type AsideName = 'need-voucher' | 'moved';

/** Writes one answer. */
export interface AnswerWriter {
  readonly streamType: string;
  /** First bytes of a stream, before anything else. */
  head(): string;
  /** `tokens` is written only when it is not 1; an empty text is kept for the next one. */
  text(text: string, tokens?: number): string;
  receipt(receipt: SignedReceipt): string;
  aside(name: AsideName, value: unknown): string;
  end(finish: AnswerFinish): string;
  /** An error inside a stream, and its end. */
  error(error: AppError): string;
  /** The answer as one JSON value. */
  whole(text: string, finish: AnswerFinish): Record<string, unknown>;
}

/** One dialect. */
export interface DialectForm {
  readonly path: string;
  readonly body: z.ZodType;
  /** The job inside a body that `body` has parsed. */
  read(parsed: unknown): AskedJob;
  writer(subject: AnswerSubject): AnswerWriter;
  /** Body of an error that comes instead of an answer. */
  errorBody(error: AppError): Record<string, unknown>;
}

interface TypedForm<S extends z.ZodType> extends Omit<DialectForm, 'body' | 'read'> {
  readonly body: S;
  read(parsed: z.output<S>): AskedJob;
}

/** Types a form by its schema. */
export function dialectForm<S extends z.ZodType>(form: TypedForm<S>): DialectForm {
  return form as DialectForm;
}

/**
 * How many tokens the next content line stands for. An empty text has no line of its own: its tokens belong to the
 * next one. A receipt says where the count stands, so it starts anew there.
 */
export interface LineTokens {
  /** Tokens of the line that carries this text; undefined for an empty one. */
  take(text: string, tokens: number): number | undefined;
  reset(): void;
}

export function createLineTokens(): LineTokens {
  let waiting = 0;
  return {
    take(text, tokens) {
      const sum = waiting + tokens;
      waiting = text === '' ? sum : 0;
      return text === '' ? undefined : sum;
    },
    reset() {
      waiting = 0;
    },
  };
}

const idChars = 24;

/** Id of an answer in the fashion of a dialect. */
export function answerIdOf(prefix: string, jobId: string): string {
  return `${prefix}${jobId.slice(0, idChars)}`;
}

/** The receipts of a seller's whole answer as a field, when there are any. */
export function receiptsOf({ receipts }: AnswerFinish): Record<string, unknown> {
  return receipts ? { [receiptsField]: receipts } : {};
}

/** The bill of a buyer's answer as a field, when there is one. */
export function billOf({ bill }: AnswerFinish): Record<string, unknown> {
  return bill ? { x_aitbc: bill } : {};
}
