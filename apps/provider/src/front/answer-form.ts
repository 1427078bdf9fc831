import type { SignedReceipt } from '@aitbc/protocol';
import type { AnswerEnd, AnswerEvent } from '../jobs/answer-log.ts';

/** What an answer is about. */
export interface AnswerSubject {
  readonly jobId: string;
  readonly model: string;
  readonly createdMs: number;
  readonly includeUsage: boolean;
}

/** An answer that was collected to its end. */
export interface WholeAnswer {
  readonly text: string;
  readonly receipts: readonly SignedReceipt[];
  readonly end: AnswerEnd;
}

/** Turns events into the lines of a stream. */
export type EncodeEvent = (event: AnswerEvent) => string;

/** The two forms of an answer in a dialect. */
export interface AnswerForm {
  readonly contentType: string;
  stream(subject: AnswerSubject): EncodeEvent;
  whole(subject: AnswerSubject, answer: WholeAnswer): Record<string, unknown>;
}

/** Top-level field of an answer that is not streamed: all its receipts, in order. */
export const receiptsField = 'x_aitbc_receipts';
