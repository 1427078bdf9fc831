/**
 * Writes an answer for clients of a dialect: as a stream, or whole. The bill stands in `usage.x_aitbc` for
 * OpenAI and in `x_aitbc` for Ollama. The unchanging part of a stream's chunk is made once.
 */
import { type AppError, type Dialect, errorBodyOf, type Hex } from '@aitbc/protocol';
import type { JobEnd } from '../buyer/types.ts';

const idChars = 24;
const nanosPerMs = 1_000_000;

/** What an answer is about. */
export interface AnswerSubject {
  readonly jobId: Hex;
  readonly model: string;
  readonly provider: string;
  readonly createdMs: number;
  /** OpenAI streams: whether the client asked for a usage chunk. */
  readonly includeUsage: boolean;
}

/** Writes one answer. */
export interface AnswerWriter {
  readonly streamType: string;
  /** First bytes of a stream, before any text. */
  head(): string;
  text(text: string): string;
  end(end: JobEnd): string;
  /** An error inside a stream, and its end. */
  error(error: AppError): string;
  whole(text: string, end: JobEnd): Record<string, unknown>;
}

/** Writer for an answer in a dialect. */
export function createAnswerWriter(dialect: Dialect, subject: AnswerSubject): AnswerWriter {
  return dialect === 'openai' ? openAiWriter(subject) : ollamaWriter(dialect, subject);
}

/** Body of an error in the shape that clients of the dialect read. */
export function errorAnswer(dialect: Dialect, error: AppError): Record<string, unknown> {
  const { code, message, facts } = errorBodyOf(error);
  if (dialect !== 'openai') return { error: message, code, facts };
  return { error: { message, type: errorTypeOf(error.row.httpStatus), code, param: null, facts } };
}

function errorTypeOf(status: number): string {
  if (status === 402) return 'insufficient_quota';
  if (status === 401 || status === 403) return 'authentication_error';
  if (status === 429) return 'rate_limit_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}

function billOf({ jobId, provider }: AnswerSubject, { charged }: JobEnd) {
  return { charged: charged.toString(), jobId, provider };
}

function openAiUsage(subject: AnswerSubject, end: JobEnd): Record<string, unknown> {
  return {
    prompt_tokens: end.promptTokens,
    completion_tokens: end.outputTokens,
    total_tokens: end.promptTokens + end.outputTokens,
    x_aitbc: billOf(subject, end),
  };
}

function openAiWriter(subject: AnswerSubject): AnswerWriter {
  const { jobId, model, createdMs, includeUsage } = subject;
  const id = `chatcmpl-${jobId.slice(0, idChars)}`;
  const created = Math.floor(createdMs / 1_000);
  const fixed = { id, object: 'chat.completion.chunk', created, model };
  const head = `data: ${JSON.stringify(fixed).slice(0, -1)},"choices":`;
  const chunk = (delta: string, reason: string) =>
    `${head}[{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${reason}}]}\n\n`;
  return {
    streamType: 'text/event-stream; charset=utf-8',
    head: () => chunk('{"role":"assistant","content":""}', 'null'),
    text: (text) => chunk(`{"content":${JSON.stringify(text)}}`, 'null'),
    end(end) {
      const usage = includeUsage
        ? `${head}[],"usage":${JSON.stringify(openAiUsage(subject, end))}}\n\n`
        : '';
      return `${chunk('{}', JSON.stringify(end.finishReason))}${usage}data: [DONE]\n\n`;
    },
    error: (error) => `data: ${JSON.stringify(errorAnswer('openai', error))}\n\n`,
    whole(text, end) {
      const message = { role: 'assistant', content: text, refusal: null };
      const choice = { index: 0, message, logprobs: null, finish_reason: end.finishReason };
      const usage = openAiUsage(subject, end);
      return { id, object: 'chat.completion', created, model, choices: [choice], usage };
    },
  };
}

function ollamaWriter(dialect: Dialect, subject: AnswerSubject): AnswerWriter {
  const { model, createdMs } = subject;
  const stamp = { model, created_at: new Date(createdMs).toISOString() };
  const contentOf = (content: string) =>
    dialect === 'ollama-chat' ? { message: { role: 'assistant', content } } : { response: content };
  const line = (text: string, rest: object) =>
    `${JSON.stringify({ ...stamp, ...contentOf(text), ...rest })}\n`;
  return {
    streamType: 'application/x-ndjson',
    head: () => '',
    text: (text) => line(text, { done: false }),
    end: (end) => line('', doneFields(subject, end)),
    error: (error) => `${JSON.stringify(errorAnswer(dialect, error))}\n`,
    whole: (text, end) => ({ ...stamp, ...contentOf(text), ...doneFields(subject, end) }),
  };
}

function doneFields(subject: AnswerSubject, end: JobEnd) {
  const firstMs = end.firstTokenMs ?? end.durationMs;
  return {
    done: true,
    done_reason: end.finishReason,
    total_duration: end.durationMs * nanosPerMs,
    load_duration: 0,
    prompt_eval_count: end.promptTokens,
    prompt_eval_duration: firstMs * nanosPerMs,
    eval_count: end.outputTokens,
    eval_duration: (end.durationMs - firstMs) * nanosPerMs,
    x_aitbc: billOf(subject, end),
  };
}
