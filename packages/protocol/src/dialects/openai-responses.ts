/**
 * OpenAI `POST /v1/responses`, without memory: nothing is stored, so an answer cannot be referred to later. Input is a
 * text or the messages so far; tools, items that are no messages, and background runs are refused.
 */
import { z } from 'zod';
import type { AppError } from '../errors.ts';
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
  zOnly,
  zOutputTokens,
  zTemperature,
  zTopP,
} from './inference.ts';
import { openAiError } from './openai-error.ts';
import { namedEvent, sseParts } from './sse.ts';

const zTextPart = z.strictObject({
  type: z.enum(['input_text', 'output_text', 'text']),
  text: z.string(),
  // Clients send an answer back as they got it.
  annotations: z.array(z.unknown()).max(0).optional(),
  logprobs: z.array(z.unknown()).max(0).optional(),
});

const zItem = z.strictObject({
  type: z.literal('message').optional(),
  role: z
    .enum(['system', 'developer', 'user', 'assistant'])
    .transform((role) => (role === 'developer' ? 'system' : role)),
  content: z.union([
    z.string(),
    z
      .array(zTextPart)
      .min(1)
      .transform((parts) => parts.map(({ text }) => text).join('')),
  ]),
  id: zIgnored,
  status: zIgnored,
  phase: zIgnored,
});

/** OpenAI `POST /v1/responses`, stateless. */
export const zOpenAiResponses = z.strictObject({
  model: zModelName,
  input: z.union([
    z
      .string()
      .min(1)
      .transform((content) => [{ role: 'user' as const, content }]),
    zMessageList(zItem),
  ]),
  instructions: z.string().nullish(),
  max_output_tokens: zOutputTokens.nullish(),
  temperature: zTemperature,
  top_p: zTopP,
  stream: z.boolean().nullish(),
  stream_options: zIgnored,
  store: zOnly(false),
  background: zOnly(false),
  previous_response_id: z.null().optional(),
  conversation: z.null().optional(),
  text: z.strictObject({ format: z.strictObject({ type: z.literal('text') }).nullish() }).nullish(),
  truncation: zOnly('disabled'),
  top_logprobs: zOnly(0),
  include: z.array(z.unknown()).max(0).nullish(),
  metadata: zIgnored,
  user: zIgnored,
  service_tier: zIgnored,
  safety_identifier: zIgnored,
  prompt_cache_key: zIgnored,
  prompt_cache_retention: zIgnored,
});

function usageOf(finish: AnswerFinish): Record<string, unknown> {
  const { promptTokens, outputTokens } = finish;
  return {
    input_tokens: promptTokens,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: outputTokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: promptTokens + outputTokens,
    ...billOf(finish),
  };
}

const textPart = (text: string) => ({ type: 'output_text', text, annotations: [], logprobs: [] });

/** The objects of one answer. */
function objectsOf({ jobId, model, createdMs }: AnswerSubject) {
  const itemId = answerIdOf('msg_', jobId);
  const item = (status: string, text: string | undefined) => ({
    id: itemId,
    type: 'message',
    status,
    role: 'assistant',
    content: text === undefined ? [] : [textPart(text)],
  });
  const response = (status: string, output: readonly unknown[], more: object) => ({
    id: answerIdOf('resp_', jobId),
    object: 'response',
    created_at: Math.floor(createdMs / 1_000),
    status,
    error: null,
    incomplete_details: null,
    instructions: null,
    max_output_tokens: null,
    model,
    output,
    parallel_tool_calls: false,
    previous_response_id: null,
    store: false,
    temperature: null,
    text: { format: { type: 'text' } },
    tool_choice: 'none',
    tools: [],
    top_p: null,
    truncation: 'disabled',
    usage: null,
    metadata: {},
    ...more,
  });
  const finished = (text: string, finish: AnswerFinish) => {
    const isCut = finish.reason === 'length';
    const status = isCut ? 'incomplete' : 'completed';
    return response(status, [item(status, text)], {
      incomplete_details: isCut ? { reason: 'max_output_tokens' } : null,
      usage: usageOf(finish),
    });
  };
  return { itemId, item, response, finished };
}

function responsesWriter(subject: AnswerSubject): AnswerWriter {
  const { itemId, item, response, finished } = objectsOf(subject);
  const place = { item_id: itemId, output_index: 0, content_index: 0 };
  const deltaType = 'response.output_text.delta';
  const fixed = JSON.stringify({ type: deltaType, ...place, logprobs: [] }).slice(0, -1);
  const deltaOpen = `event: ${deltaType}\ndata: ${fixed},"sequence_number":`;
  let sequence = 0;
  let whole = '';
  const event = (type: string, fields: object): string => {
    const text = namedEvent(type, { sequence_number: sequence, ...fields });
    sequence += 1;
    return text;
  };
  return {
    ...sseParts((text) => {
      whole += text;
      const line = `${deltaOpen}${sequence},"delta":${JSON.stringify(text)}}\n\n`;
      sequence += 1;
      return line;
    }),
    head: () =>
      event('response.created', { response: response('in_progress', [], {}) }) +
      event('response.in_progress', { response: response('in_progress', [], {}) }) +
      event('response.output_item.added', {
        output_index: 0,
        item: item('in_progress', undefined),
      }) +
      event('response.content_part.added', { ...place, part: textPart('') }),
    end(finish) {
      const last = finished(whole, finish);
      const closing = finish.reason === 'length' ? 'response.incomplete' : 'response.completed';
      return (
        event('response.output_text.done', { ...place, text: whole, logprobs: [] }) +
        event('response.content_part.done', { ...place, part: textPart(whole) }) +
        event('response.output_item.done', { output_index: 0, item: last.output[0] }) +
        event(closing, { response: last })
      );
    },
    error: (error) => event('error', errorFields(error)),
    whole: (text, finish) => ({ ...finished(text, finish), ...receiptsOf(finish) }),
  };
}

/** The fields of the documented event, and beside them the object that makes the client throw. */
function errorFields(error: AppError): Record<string, unknown> {
  return { code: error.code, message: error.message, param: null, ...openAiError(error) };
}

export const openAiResponsesForm = dialectForm({
  path: '/v1/responses',
  body: zOpenAiResponses,
  read: (body) => ({
    request: inferenceFrom({
      ...body,
      messages: withSystem(body.instructions, body.input),
      stream: body.stream ?? false,
      maxTokens: body.max_output_tokens,
      topP: body.top_p,
    }),
    includeUsage: true,
  }),
  writer: responsesWriter,
  errorBody: openAiError,
});
