/** Answers in Ollama's dialect: NDJSON lines, and one object. `chat` and `generate` differ in one field. */
import {
  type Dialect,
  ndjsonNeedVoucherField,
  ndjsonReceiptField,
  type SignedReceipt,
} from '@aitbc/protocol';
import type { AnswerEnd } from '../jobs/answer-log.ts';
import { type AnswerForm, type AnswerSubject, receiptsField } from './answer-form.ts';
import { dialectErrorBody } from './dialect-error.ts';

const nanosPerMs = 1_000_000;

/** The field that carries the text. */
type ContentOf = (text: string) => Record<string, unknown>;

const chatContent: ContentOf = (text) => ({ message: { role: 'assistant', content: text } });
const generateContent: ContentOf = (text) => ({ response: text });

export const ollamaChatForm: AnswerForm = formOf('ollama-chat', chatContent);
export const ollamaGenerateForm: AnswerForm = formOf('ollama-generate', generateContent);

function formOf(dialect: Dialect, contentOf: ContentOf): AnswerForm {
  return {
    contentType: 'application/x-ndjson',
    stream(subject) {
      const line = (text: string, rest: object) =>
        `${JSON.stringify({ ...stamp(subject.model), ...contentOf(text), done: false, ...rest })}\n`;
      let final: SignedReceipt | undefined;
      return (event) => {
        switch (event.type) {
          case 'text':
            return event.text === '' ? '' : line(event.text, {});
          case 'need':
            return line('', { [ndjsonNeedVoucherField]: event.need });
          case 'receipt':
            // Clients stop reading at `done`, so the last receipt stands in that line.
            if (event.receipt.payload.outcome === 'running') {
              return line('', { [ndjsonReceiptField]: event.receipt });
            }
            final = event.receipt;
            return '';
          case 'end':
            return line('', { ...doneFields(event.end), [ndjsonReceiptField]: final });
          case 'error': {
            const receipt = final ? line('', { [ndjsonReceiptField]: final }) : '';
            return `${receipt}${JSON.stringify(dialectErrorBody(dialect, event.error))}\n`;
          }
        }
      };
    },
    whole: (subject, { text, receipts, end }) => ({
      ...stamp(subject.model),
      ...contentOf(text),
      ...doneFields(end),
      [receiptsField]: receipts,
    }),
  };
}

function stamp(model: AnswerSubject['model']) {
  return { model, created_at: new Date().toISOString() };
}

function doneFields({
  reason,
  promptTokens,
  completionTokens,
  firstTokenMs,
  durationMs,
}: AnswerEnd) {
  return {
    done: true,
    done_reason: reason,
    total_duration: Math.round(durationMs * nanosPerMs),
    load_duration: 0,
    prompt_eval_count: promptTokens,
    prompt_eval_duration: Math.round(firstTokenMs * nanosPerMs),
    eval_count: completionTokens,
    eval_duration: Math.round((durationMs - firstTokenMs) * nanosPerMs),
  };
}
