/**
 * Anthropic `POST /v1/messages`. Text only. A stop text that was hit is reported as `end_turn`, because engines do
 * not say which one it was. Prompt tokens are known at the end of a stream: `message_start` says 0, `message_delta`
 * the count, which is how the client adds them up.
 */
import { z } from 'zod';
import { type AppError, errorBodyOf } from '../errors.ts';
import {
  type AnswerFinish,
  type AnswerSubject,
  type AnswerWriter,
  answerIdOf,
  billOf,
  dialectForm,
  receiptsOf,
} from './dialect.ts';
import {
  inferenceFrom,
  withSystem,
  zIgnored,
  zMessageList,
  zModelName,
  zOutputTokens,
  zStopTexts,
  zTopK,
  zTopP,
} from './inference.ts';
import { namedEvent, sseParts } from './sse.ts';

/** Blocks of text; where the vendor's cache may cut them is left aside. */
const zTexts = z.union([
  z.string(),
  z
    .array(
      z.strictObject({
        type: z.literal('text'),
        text: z.string(),
        cache_control: zIgnored,
        citations: z.null().optional(),
      }),
    )
    .min(1)
    .transform((blocks) => blocks.map(({ text }) => text).join('')),
]);

/** Anthropic `POST /v1/messages`. */
export const zAnthropicMessages = z.strictObject({
  model: zModelName,
  max_tokens: zOutputTokens,
  messages: zMessageList(
    z.strictObject({ role: z.enum(['user', 'assistant', 'system']), content: zTexts }),
  ),
  system: zTexts.nullish(),
  stop_sequences: zStopTexts,
  stream: z.boolean().nullish(),
  temperature: z.number().min(0).max(1).nullish(),
  top_p: zTopP,
  top_k: zTopK,
  thinking: z.strictObject({ type: z.literal('disabled') }).nullish(),
  metadata: zIgnored,
  service_tier: zIgnored,
  cache_control: zIgnored,
});

const errorTypes: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  504: 'timeout_error',
};

/** Body of an error in the shape that Anthropic's clients read. */
export function anthropicError(error: AppError): Record<string, unknown> {
  const { code, message, facts } = errorBodyOf(error);
  const { httpStatus } = error.row;
  const fallback = httpStatus >= 500 ? 'api_error' : 'invalid_request_error';
  const type = errorTypes[httpStatus] ?? fallback;
  return { type: 'error', error: { type, message, code, facts } };
}

function messageOf({ jobId, model }: AnswerSubject, more: object): Record<string, unknown> {
  return {
    id: answerIdOf('msg_', jobId),
    type: 'message',
    role: 'assistant',
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    ...more,
  };
}

function usageOf(finish: AnswerFinish): Record<string, unknown> {
  return {
    input_tokens: finish.promptTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    output_tokens: finish.outputTokens,
    ...billOf(finish),
  };
}

const stopReasonOf = ({ reason }: AnswerFinish) =>
  reason === 'length' ? 'max_tokens' : 'end_turn';

function messagesWriter(subject: AnswerSubject): AnswerWriter {
  const deltaOpen =
    'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":';
  return {
    ...sseParts((text) => `${deltaOpen}${JSON.stringify(text)}}}\n\n`),
    head: () =>
      namedEvent('message_start', {
        message: messageOf(subject, { usage: { input_tokens: 0, output_tokens: 0 } }),
      }) +
      namedEvent('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }) +
      namedEvent('ping', {}),
    end: (finish) =>
      namedEvent('content_block_stop', { index: 0 }) +
      namedEvent('message_delta', {
        delta: { stop_reason: stopReasonOf(finish), stop_sequence: null },
        usage: usageOf(finish),
      }) +
      namedEvent('message_stop', {}),
    error: (error) => namedEvent('error', anthropicError(error)),
    whole: (text, finish) =>
      messageOf(subject, {
        content: [{ type: 'text', text, citations: null }],
        stop_reason: stopReasonOf(finish),
        usage: usageOf(finish),
        ...receiptsOf(finish),
      }),
  };
}

export const anthropicForm = dialectForm({
  path: '/v1/messages',
  body: zAnthropicMessages,
  read: (body) => ({
    request: inferenceFrom({
      ...body,
      messages: withSystem(body.system, body.messages),
      stream: body.stream ?? false,
      maxTokens: body.max_tokens,
      topP: body.top_p,
      topK: body.top_k,
      stop: body.stop_sequences,
    }),
    includeUsage: true,
  }),
  writer: messagesWriter,
  errorBody: anthropicError,
});
