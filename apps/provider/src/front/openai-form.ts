/** Answers in the OpenAI dialect: SSE chunks, and one object. */
import { sseNeedVoucherMark, sseReceiptMark } from '@aitbc/protocol';
import type { AnswerEnd, AnswerEvent } from '../jobs/answer-log.ts';
import { type AnswerForm, type AnswerSubject, receiptsField } from './answer-form.ts';
import { dialectErrorBody } from './dialect-error.ts';

const idChars = 24;

export const openaiForm: AnswerForm = {
  contentType: 'text/event-stream; charset=utf-8',
  stream(subject) {
    const { head, includeUsage } = chunkHead(subject);
    // The head is the same in every chunk of a stream, so a token costs one small JSON.stringify.
    const chunk = (delta: string, reason: string) =>
      `data: ${head},"choices":[{"index":0,"delta":${delta},"finish_reason":${reason}}]}\n\n`;
    let isFirst = true;
    const roleOnce = (): string => {
      if (!isFirst) return '';
      isFirst = false;
      return chunk('{"role":"assistant","content":""}', 'null');
    };
    const finish = (end: AnswerEnd): string => {
      const usage = includeUsage
        ? `data: ${head},"choices":[],"usage":${JSON.stringify(usageOf(end))}}\n\n`
        : '';
      return `${roleOnce()}${chunk('{}', JSON.stringify(end.reason))}${usage}data: [DONE]\n\n`;
    };
    return (event) => {
      switch (event.type) {
        case 'text':
          if (event.text === '') return roleOnce();
          return roleOnce() + chunk(`{"content":${JSON.stringify(event.text)}}`, 'null');
        case 'end':
          return finish(event.end);
        default:
          return encodeAside(event);
      }
    };
  },
  whole(subject, { text, receipts, end }) {
    return {
      ...identity(subject, 'chat.completion'),
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: text, refusal: null },
          logprobs: null,
          finish_reason: end.reason,
        },
      ],
      usage: usageOf(end),
      [receiptsField]: receipts,
    };
  },
};

function chunkHead(subject: AnswerSubject): { head: string; includeUsage: boolean } {
  const head = JSON.stringify(identity(subject, 'chat.completion.chunk')).slice(0, -1);
  return { head, includeUsage: subject.includeUsage };
}

function identity({ jobId, model, createdMs }: AnswerSubject, object: string) {
  const id = `chatcmpl-${jobId.slice(0, idChars)}`;
  return { id, object, created: Math.floor(createdMs / 1_000), model };
}

/** What a client of OpenAI does not know: comments to it, and an error object in place of a chunk. */
function encodeAside(event: Exclude<AnswerEvent, { type: 'text' } | { type: 'end' }>): string {
  if (event.type === 'receipt') return `${sseReceiptMark}${JSON.stringify(event.receipt)}\n\n`;
  if (event.type === 'need') return `${sseNeedVoucherMark}${JSON.stringify(event.need)}\n\n`;
  return `data: ${JSON.stringify(dialectErrorBody('openai', event.error))}\n\n`;
}

function usageOf({ promptTokens, completionTokens }: AnswerEnd) {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}
