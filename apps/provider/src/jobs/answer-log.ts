/**
 * What a job has answered so far, and who reads along.
 *
 *   OPEN ─append…→ OPEN ─end or error→ CLOSED
 *
 * OPEN holds every event and its readers. A reader first gets all that is there, then what comes. When
 * the last reader leaves an open log its owner is told, and ends the job. `room` holds the producer back
 * while every reader is full, so a client that does not read stops the engine instead of filling memory.
 * CLOSED keeps neighbouring texts joined, for callers that ask for the same job again.
 *
 * Limits: the text of a job is bounded by its output tokens, its receipts by the windows in them.
 */
import type { AppError, Hex, Outcome, SignedReceipt } from '@aitbc/protocol';

/** Asks the buyer for the voucher of the next window. */
export interface NeedVoucher {
  readonly jobId: Hex;
  readonly channelId: Hex;
  /** Position up to which the next voucher must cover output tokens. */
  readonly tokens: number;
  /** Cumulative cap it must have, nait as decimal string. */
  readonly required: string;
  readonly signedMax: string;
}

/** How an answer ended. */
export interface AnswerEnd {
  readonly outcome: Outcome;
  readonly reason: 'stop' | 'length';
  readonly promptTokens: number;
  /** Delivered here; what another provider delivered before is not in it. */
  readonly completionTokens: number;
  readonly firstTokenMs: number;
  readonly durationMs: number;
}

/** Text that went out. It stands for `tokens` output tokens, 0 or more: a character of several tokens comes whole. */
export interface AnswerText {
  readonly type: 'text';
  readonly text: string;
  readonly tokens: number;
  /** It must not be kept back, not even for a moment; see job-meter.ts. */
  readonly isUrgent?: boolean;
}

/** One thing that happened to an answer. */
export type AnswerEvent =
  | AnswerText
  | { readonly type: 'receipt'; readonly receipt: SignedReceipt }
  | { readonly type: 'need'; readonly need: NeedVoucher }
  | { readonly type: 'end'; readonly end: AnswerEnd }
  | { readonly type: 'error'; readonly error: AppError; readonly end: AnswerEnd };

/** Somebody who reads an answer. */
export interface AnswerReader {
  onEvent(event: AnswerEvent): void;
  /** True while it cannot take more. */
  isFull?(): boolean;
}

/** A running or finished answer. */
export interface AnswerLog {
  append(event: AnswerEvent): void;
  /** Replays and follows; the returned function stops it. */
  follow(reader: AnswerReader): () => void;
  /** Resolves when some reader can take more, or after the time: false. */
  room(waitMs: number): Promise<boolean> | true;
  /** A full reader can take more. */
  drained(): void;
  /** The last event, once there is one. */
  last(): Extract<AnswerEvent, { end: AnswerEnd }> | undefined;
  sizeChars(): number;
}

/** A log; `onAbandoned` is called when the last reader leaves it open. */
export function createAnswerLog(onAbandoned: () => void): AnswerLog {
  let events: AnswerEvent[] = [];
  let last: Extract<AnswerEvent, { end: AnswerEnd }> | undefined;
  const readers = new Set<AnswerReader>();
  const wakers = new Set<() => void>();
  const isBlocked = () => readers.size > 0 && [...readers].every((reader) => reader.isFull?.());
  const drained = (): void => {
    for (const wake of wakers) wake();
  };
  return {
    append(event) {
      events.push(event);
      if (event.type === 'end' || event.type === 'error') {
        last = event;
        events = joined(events);
      }
      for (const reader of readers) reader.onEvent(event);
    },
    follow(reader) {
      for (const event of events) reader.onEvent(event);
      readers.add(reader);
      return () => {
        if (!readers.delete(reader)) return;
        if (readers.size === 0 && !last) onAbandoned();
        drained();
      };
    },
    room: (waitMs) => (isBlocked() ? waitForRoom({ wakers, isBlocked, waitMs }) : true),
    drained,
    last: () => last,
    sizeChars: () => events.reduce((sum, event) => sum + sizeOf(event), 0),
  };
}

interface Waiting {
  readonly wakers: Set<() => void>;
  readonly isBlocked: () => boolean;
  readonly waitMs: number;
}

function waitForRoom({ wakers, isBlocked, waitMs }: Waiting): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (hasRoom: boolean) => {
      clearTimeout(timer);
      wakers.delete(wake);
      resolve(hasRoom);
    };
    const wake = () => {
      if (!isBlocked()) settle(true);
    };
    const timer = setTimeout(() => settle(false), waitMs);
    wakers.add(wake);
  });
}

/** Neighbouring texts become one; a need for a voucher is of no use afterwards. */
function joined(events: readonly AnswerEvent[]): AnswerEvent[] {
  const result: AnswerEvent[] = [];
  for (const event of events) {
    const before = result.at(-1);
    if (event.type === 'need') continue;
    if (event.type === 'text' && before?.type === 'text') {
      const tokens = before.tokens + event.tokens;
      result[result.length - 1] = { type: 'text', text: before.text + event.text, tokens };
    } else result.push(event);
  }
  return result;
}

const receiptChars = 1_000;

function sizeOf(event: AnswerEvent): number {
  if (event.type === 'text') return event.text.length;
  return event.type === 'receipt' ? receiptChars : 0;
}
