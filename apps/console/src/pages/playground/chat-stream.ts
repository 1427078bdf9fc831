/**
 * A streamed answer of the gateway, read line by line: pieces of text, the note that another provider goes on with it, and
 * the bill at the end. Notes travel as comments that other clients skip (docs/spec/payments.md).
 */
import { CallError, errorOf } from '../../data/call-json.ts';

/** What an answer cost. */
export interface Bill {
  readonly promptTokens: number;
  readonly outputTokens: number;
  /** nait */
  readonly charged: string;
  readonly jobId: string;
  readonly providers: readonly string[];
}

/** The answer goes on elsewhere. */
export interface Moved {
  readonly from: string;
  readonly to: string;
  /** Why, as an error code. */
  readonly code: string;
  /** Silence between the last piece of the one and the first of the other, ms. */
  readonly gapMs: number;
}

/** One thing that a stream says. */
export type ChatNews =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'moved'; readonly moved: Moved }
  | { readonly type: 'bill'; readonly bill: Bill }
  | { readonly type: 'finish'; readonly reason: string };

const movedMark = ': aitbc-moved ';
const dataMark = 'data: ';
const lineMax = 262_144;

/** Reads a stream to its end. Throws CallError for an error inside it. */
export async function* readChat(body: ReadableStream<Uint8Array>): AsyncGenerator<ChatNews> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let rest = '';
  try {
    for (;;) {
      const { value, done } = await reader.read();
      rest += done ? decoder.decode() : decoder.decode(value, { stream: true });
      const lines = rest.split('\n');
      rest = done ? '' : (lines.pop() ?? '');
      if (rest.length > lineMax) throw new CallError('ANSWER_INVALID', 'A line is too long.');
      for (const line of lines) yield* newsOf(line);
      if (done) return;
    }
  } finally {
    reader.releaseLock();
  }
}

interface Chunk {
  readonly error?: unknown;
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string };
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly x_aitbc?: {
      readonly charged: string;
      readonly jobId: string;
      readonly providers: readonly string[];
    };
  };
}

/** What one line says. */
export function* newsOf(line: string): Generator<ChatNews> {
  if (line.startsWith(movedMark)) {
    yield { type: 'moved', moved: JSON.parse(line.slice(movedMark.length)) as Moved };
    return;
  }
  const data = line.startsWith(dataMark) ? line.slice(dataMark.length).trim() : '';
  if (data === '' || data === '[DONE]') return;
  const chunk = JSON.parse(data) as Chunk;
  if (chunk.error) throw errorOf(chunk, 200);
  const [choice] = chunk.choices ?? [];
  if (choice?.delta?.content) yield { type: 'text', text: choice.delta.content };
  if (choice?.finish_reason) yield { type: 'finish', reason: choice.finish_reason };
  const { usage } = chunk;
  if (!usage?.x_aitbc) return;
  const { prompt_tokens: promptTokens, completion_tokens: outputTokens, x_aitbc: bill } = usage;
  yield { type: 'bill', bill: { promptTokens, outputTokens, ...bill } };
}
