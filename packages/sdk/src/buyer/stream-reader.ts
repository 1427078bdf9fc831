/**
 * Reads the stream of a paid answer into what matters to the buyer: text, receipts, requests for the next
 * voucher, the end. Fed with the chunks of the socket; text of neighbouring lines is joined, so a burst of
 * tokens costs its user one step. Each content line is one token unless the comment before it says how many.
 *
 * Content lines of one stream differ in their text only. So of a line that begins and ends like the last one that
 * was parsed, only the text is read, if it is plain; everything else is parsed as JSON.
 *
 * A line that cannot be read ends the reading as an event of its own: what came before it in the same chunk
 * was sold and delivered like everything else.
 */
import { concat } from '@aitbc/primitives';
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

const noBytes = new Uint8Array(0);
const lineEnd = 0x0a; // of no other character a part
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
  events: WireEvent[];
  /** Tokens of the next content line. */
  tokens: number;
  /** What stands before and behind the text in a content line. */
  frame: Frame | undefined;
}

interface Frame {
  readonly before: string;
  readonly behind: string;
}

/** Reader for one stream. */
export function createStreamReader(): StreamReader {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const reading: Reading = { events: [], tokens: 1, frame: undefined };
  let rest: Uint8Array = noBytes;
  let isOver = false;
  return {
    feed(chunk) {
      if (isOver) return [];
      const bytes = rest.length === 0 ? chunk : concat(rest, chunk);
      const end = bytes.lastIndexOf(lineEnd) + 1;
      reading.events = [];
      try {
        readLines(decoder.decode(bytes.subarray(0, end)), reading);
        if (bytes.length - end > lineBytesMax) throw unreadable('a line without end');
      } catch (error) {
        isOver = true;
        reading.events.push({ type: 'garbage', error: asAppError(error) });
      }
      rest = end === bytes.length ? noBytes : bytes.slice(end);
      return reading.events;
    },
  };
}

/** Reads whole lines. */
function readLines(text: string, reading: Reading): void {
  let start = 0;
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
    readLine(text.slice(start, end), reading);
    start = end + 1;
  }
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

const dataMark = 'data: ';

/** A JSON text that stands between its quotes as it is. */
const plainText = /^"[ !#-[\]-\uffff]+"$/;

/** The text of a content line that has the frame; undefined where it has not, or where its text is to be parsed. */
function framedText(line: string, frame: Frame | undefined): string | undefined {
  if (!frame) return undefined;
  const { before, behind } = frame;
  const end = line.length - behind.length;
  if (end < before.length || !line.startsWith(before) || !line.endsWith(behind)) return undefined;
  const text = line.slice(before.length, end);
  return plainText.test(text) ? text.slice(1, -1) : undefined;
}

/** The frame of a content line, where its text stands in it once. */
function frameOf(line: string, content: string): Frame | undefined {
  const text = JSON.stringify(content);
  const at = line.indexOf(text);
  if (at < 0 || at !== line.lastIndexOf(text)) return undefined;
  return { before: line.slice(0, at), behind: line.slice(at + text.length) };
}

function readData(line: string, reading: Reading): void {
  const data = line.slice(dataMark.length).trimEnd();
  if (data === '[DONE]') return;
  const content = readChunk(parse(data), reading);
  if (content !== undefined) reading.frame = frameOf(line, content);
}

function readLine(line: string, reading: Reading): void {
  if (line.startsWith(dataMark)) {
    const text = framedText(line, reading.frame);
    if (text !== undefined) pushText(reading, text);
    else readData(line, reading);
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

/** Returns the text of a line that says nothing else. */
function readChunk(chunk: OpenAiChunk, reading: Reading): string | undefined {
  const { events } = reading;
  if (chunk.error) {
    events.push({ type: 'error', error: streamError(chunk.error) });
    return undefined;
  }
  const choice = chunk.choices?.[0];
  const content = choice?.delta?.content;
  const hasText = typeof content === 'string' && content !== '';
  if (hasText) pushText(reading, content);
  const reason = choice?.finish_reason;
  if (typeof reason !== 'string') return hasText ? content : undefined;
  events.push({ type: 'finish', reason });
  return undefined;
}

/** The provider's own code, or what an engine's text becomes. */
function streamError(body: unknown): AppError {
  const { code, message } = body as { code?: unknown; message?: unknown };
  if (isErrorCode(code)) return errorFromBody(body);
  const reason = typeof message === 'string' ? message : 'it broke off';
  return new AppError('ENGINE_CRASHED', { engine: 'of the provider', reason });
}
