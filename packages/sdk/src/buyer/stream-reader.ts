/**
 * Reads the stream of a paid answer into what matters to the buyer: text, receipts, requests for the next
 * voucher, the end. Fed with the chunks of the socket; text of neighbouring lines is joined, so a burst of
 * tokens costs its user one step. Each content line is one token unless the comment before it says how many.
 *
 * A line that cannot be read ends the reading as an event of its own: what came before it in the same chunk
 * was sold and delivered like everything else.
 */
import {
  AppError,
  asAppError,
  errorFromBody,
  isErrorCode,
  limits,
  type SignedReceipt,
  sseNeedVoucherMark,
  sseReceiptMark,
  sseTokensMark,
  zSignedReceipt,
} from '@aitbc/protocol';

const lineBytesMax = 1_048_576; // no line of an honest provider comes near

/** One thing that arrived. */
export type WireEvent =
  | { readonly type: 'text'; readonly text: string; readonly tokens: number }
  | { readonly type: 'receipt'; readonly receipt: SignedReceipt }
  | { readonly type: 'needVoucher' }
  | { readonly type: 'finish'; readonly reason: string }
  /** The provider says that it failed. */
  | { readonly type: 'error'; readonly error: AppError }
  /** What came cannot be read: ENGINE_PROTOCOL or RECEIPT_INVALID. Nothing follows. */
  | { readonly type: 'garbage'; readonly error: AppError };

/** A reader of one answer. */
export interface StreamReader {
  /** Events in the chunk. */
  feed(chunk: Uint8Array): WireEvent[];
}

interface Reading {
  readonly events: WireEvent[];
  /** Tokens of the next content line. */
  tokens: number;
}

/** Reader for one stream. */
export function createStreamReader(): StreamReader {
  const decoder = new TextDecoder();
  let rest = '';
  let tokens = 1;
  let isOver = false;
  return {
    feed(chunk) {
      if (isOver) return [];
      const text = rest + decoder.decode(chunk, { stream: true });
      const reading: Reading = { events: [], tokens };
      try {
        rest = readLines(text, reading);
      } catch (error) {
        isOver = true;
        reading.events.push({ type: 'garbage', error: asAppError(error) });
      }
      tokens = reading.tokens;
      return reading.events;
    },
  };
}

/** Reads whole lines; returns what is left of the last one. */
function readLines(text: string, reading: Reading): string {
  let start = 0;
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
    readLine(text.slice(start, end), reading);
    start = end + 1;
  }
  const rest = text.slice(start);
  if (rest.length > lineBytesMax) throw unreadable('a line without end');
  return rest;
}

function unreadable(reason: string): AppError {
  return new AppError('ENGINE_PROTOCOL', { engine: 'of the provider', reason });
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // falls through to the refusal
  }
  throw unreadable('a line is not JSON');
}

function readLine(line: string, reading: Reading): void {
  if (line.startsWith('data: ')) {
    const data = line.slice(6).trimEnd();
    if (data !== '[DONE]') readChunk(parse(data), reading);
  } else if (line.startsWith(sseReceiptMark)) {
    pushReceipt(reading.events, parse(line.slice(sseReceiptMark.length)));
  } else if (line.startsWith(sseNeedVoucherMark)) {
    reading.events.push({ type: 'needVoucher' });
  } else if (line.startsWith(sseTokensMark)) {
    reading.tokens = tokensOf(line.slice(sseTokensMark.length).trim());
  }
}

function tokensOf(text: string): number {
  const tokens = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (tokens <= limits.outputTokensMax) return tokens;
  throw unreadable('a count of tokens is no number');
}

function pushText(reading: Reading, text: string): void {
  const { events } = reading;
  const last = events.at(-1);
  if (last?.type !== 'text') events.push({ type: 'text', text, tokens: reading.tokens });
  else {
    const tokens = last.tokens + reading.tokens;
    events[events.length - 1] = { type: 'text', text: last.text + text, tokens };
  }
  reading.tokens = 1;
}

function pushReceipt(events: WireEvent[], value: unknown): void {
  const parsed = zSignedReceipt.safeParse(value);
  if (!parsed.success) throw new AppError('RECEIPT_INVALID', { reason: 'it cannot be read' });
  events.push({ type: 'receipt', receipt: parsed.data });
}

interface OpenAiChunk {
  readonly choices?: readonly {
    readonly delta?: { readonly content?: unknown };
    readonly finish_reason?: unknown;
  }[];
  readonly error?: unknown;
}

function readChunk(chunk: OpenAiChunk, reading: Reading): void {
  const { events } = reading;
  if (chunk.error) {
    events.push({ type: 'error', error: streamError(chunk.error) });
    return;
  }
  const choice = chunk.choices?.[0];
  const content = choice?.delta?.content;
  if (typeof content === 'string' && content !== '') pushText(reading, content);
  const reason = choice?.finish_reason;
  if (typeof reason === 'string') events.push({ type: 'finish', reason });
}

/** The provider's own code, or what an engine's text becomes. */
function streamError(body: unknown): AppError {
  const { code, message } = body as { code?: unknown; message?: unknown };
  if (isErrorCode(code)) return errorFromBody(body);
  const reason = typeof message === 'string' ? message : 'it broke off';
  return new AppError('ENGINE_CRASHED', { engine: 'of the provider', reason });
}
