/**
 * Reads the stream of a paid answer, SSE or NDJSON, into what matters to the buyer: text, receipts,
 * requests for the next voucher, the end. Fed with the chunks of the socket; text of neighbouring lines is
 * joined, so a burst of tokens costs its user one step. Each content line counts as one token until a
 * receipt says more exactly.
 */
import {
  AppError,
  type Dialect,
  errorFromBody,
  isErrorCode,
  ndjsonNeedVoucherField,
  ndjsonReceiptField,
  type SignedReceipt,
  sseNeedVoucherMark,
  sseReceiptMark,
  zSignedReceipt,
} from '@aitbc/protocol';

const lineBytesMax = 1_048_576; // no line of an honest provider comes near

/** One thing that arrived. */
export type WireEvent =
  | { readonly type: 'text'; readonly text: string; readonly tokens: number }
  | { readonly type: 'receipt'; readonly receipt: SignedReceipt }
  | { readonly type: 'needVoucher' }
  | { readonly type: 'finish'; readonly reason: string }
  | { readonly type: 'error'; readonly error: AppError };

/** A reader of one answer. */
export interface StreamReader {
  /** Events in the chunk; throws ENGINE_PROTOCOL for lines that cannot be read. */
  feed(chunk: Uint8Array): WireEvent[];
}

/** Reader for the stream of a dialect. */
export function createStreamReader(dialect: Dialect): StreamReader {
  const decoder = new TextDecoder();
  const readLine = dialect === 'openai' ? readSseLine : readNdjsonLine;
  let rest = '';
  return {
    feed(chunk) {
      const text = rest + decoder.decode(chunk, { stream: true });
      const events: WireEvent[] = [];
      let start = 0;
      for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
        readLine(text.slice(start, end), events);
        start = end + 1;
      }
      rest = text.slice(start);
      if (rest.length > lineBytesMax) throw unreadable('a line without end');
      return events;
    },
  };
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

function pushText(events: WireEvent[], text: string): void {
  const last = events.at(-1);
  if (last?.type !== 'text') events.push({ type: 'text', text, tokens: 1 });
  else
    events[events.length - 1] = { type: 'text', text: last.text + text, tokens: last.tokens + 1 };
}

function pushReceipt(events: WireEvent[], value: unknown): void {
  const parsed = zSignedReceipt.safeParse(value);
  if (!parsed.success) throw new AppError('RECEIPT_INVALID', { reason: 'it cannot be read' });
  events.push({ type: 'receipt', receipt: parsed.data });
}

function readSseLine(line: string, events: WireEvent[]): void {
  if (line.startsWith('data: ')) {
    const data = line.slice(6).trimEnd();
    if (data !== '[DONE]') readOpenAiChunk(parse(data), events);
  } else if (line.startsWith(sseReceiptMark)) {
    pushReceipt(events, parse(line.slice(sseReceiptMark.length)));
  } else if (line.startsWith(sseNeedVoucherMark)) {
    events.push({ type: 'needVoucher' });
  }
}

interface OpenAiChunk {
  readonly choices?: readonly {
    readonly delta?: { readonly content?: unknown };
    readonly finish_reason?: unknown;
  }[];
  readonly error?: unknown;
}

function readOpenAiChunk(chunk: OpenAiChunk, events: WireEvent[]): void {
  if (chunk.error) {
    events.push({ type: 'error', error: streamError(chunk.error) });
    return;
  }
  const choice = chunk.choices?.[0];
  const content = choice?.delta?.content;
  if (typeof content === 'string' && content !== '') pushText(events, content);
  const reason = choice?.finish_reason;
  if (typeof reason === 'string') events.push({ type: 'finish', reason });
}

function readNdjsonLine(line: string, events: WireEvent[]): void {
  if (line.trim() === '') return;
  const value = parse(line);
  if (value.error !== undefined) {
    events.push({ type: 'error', error: streamError(value) });
    return;
  }
  const { message, response } = value as { message?: { content?: unknown }; response?: unknown };
  const content = message?.content ?? response;
  if (typeof content === 'string' && content !== '') pushText(events, content);
  if (value[ndjsonReceiptField] !== undefined) pushReceipt(events, value[ndjsonReceiptField]);
  if (value[ndjsonNeedVoucherField] !== undefined) events.push({ type: 'needVoucher' });
  if (value.done === true) {
    const reason = value.done_reason;
    events.push({ type: 'finish', reason: typeof reason === 'string' ? reason : 'stop' });
  }
}

/** NDJSON: the message stands in `error`, our code beside it; SSE: all of it inside `error`. */
function streamError(body: unknown): AppError {
  const { code, error } = body as { code?: unknown; error?: unknown };
  if (isErrorCode(code) || typeof error !== 'string') return errorFromBody(body);
  return new AppError('ENGINE_CRASHED', { engine: 'of the provider', reason: error });
}
