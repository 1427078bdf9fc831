/** OpenAI `POST /v1/chat/completions`. */
import { z } from 'zod';
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
  zIgnored,
  zMessageList,
  zModelName,
  zOnly,
  zOutputTokens,
  zSeed,
  zStop,
  zTemperature,
  zTopK,
  zTopP,
} from './inference.ts';
import { openAiError } from './openai-error.ts';
import { sseParts } from './sse.ts';

/** Text, or parts that are all text. */
const zContent = z.union([
  z.string(),
  z
    .array(z.strictObject({ type: z.literal('text'), text: z.string() }))
    .min(1)
    .transform((parts) => parts.map(({ text }) => text).join('')),
]);

/** `developer` is the newer word for `system`. */
const zRole = z
  .enum(['system', 'developer', 'user', 'assistant'])
  .transform((role) => (role === 'developer' ? 'system' : role));

export const zChatMessage = z.strictObject({
  role: zRole,
  content: zContent,
  name: z.string().max(64).optional(),
  // Clients send an answer back as they got it.
  refusal: z.null().optional(),
});

/** What completions and chats of OpenAI share. Ignored: who asks, and how the vendor's own service keeps it. */
export const openAiSampling = {
  stream: z.boolean().nullish(),
  stream_options: z
    .strictObject({ include_usage: z.boolean().default(false), include_obfuscation: zIgnored })
    .nullish(),
  temperature: zTemperature,
  top_p: zTopP,
  top_k: zTopK,
  seed: zSeed,
  stop: zStop,
  n: zOnly(1),
  frequency_penalty: zOnly(0),
  presence_penalty: zOnly(0),
  user: z.string().max(128).nullish(),
} as const;

/** OpenAI `POST /v1/chat/completions`. */
export const zOpenAiChat = z.strictObject({
  model: zModelName,
  messages: zMessageList(zChatMessage),
  max_tokens: zOutputTokens.nullish(),
  max_completion_tokens: zOutputTokens.nullish(),
  ...openAiSampling,
  logprobs: zOnly(false),
  response_format: z.strictObject({ type: z.literal('text') }).nullish(),
  modalities: z.tuple([z.literal('text')]).nullish(),
  store: zOnly(false),
  metadata: zIgnored,
  service_tier: zIgnored,
  safety_identifier: zIgnored,
  prompt_cache_key: zIgnored,
  prompt_cache_retention: zIgnored,
});

/** `usage` of an answer. */
export function openAiUsage(finish: AnswerFinish): Record<string, unknown> {
  const { promptTokens, outputTokens } = finish;
  return {
    prompt_tokens: promptTokens,
    completion_tokens: outputTokens,
    total_tokens: promptTokens + outputTokens,
    ...billOf(finish),
  };
}

/** What chats and completions of OpenAI differ in. */
export interface OpenAiShape {
  readonly idPrefix: string;
  readonly object: string;
  readonly chunkObject: string;
  /** The choice of a chunk with a text given as JSON, up to and with its finish reason. */
  chunk(textJson: string | undefined, reasonJson: string): string;
  /** Chunk before any text, if there is one. */
  readonly firstChunk: string | undefined;
  choice(text: string, reason: string): Record<string, unknown>;
}

/** Writer of OpenAI's two oldest endpoints. */
export function openAiWriter(subject: AnswerSubject, shape: OpenAiShape): AnswerWriter {
  const { jobId, model, createdMs, includeUsage } = subject;
  const created = Math.floor(createdMs / 1_000);
  const id = answerIdOf(shape.idPrefix, jobId);
  const fixed = JSON.stringify({ id, object: shape.chunkObject, created, model });
  const open = `data: ${fixed.slice(0, -1)},"choices":[`;
  const chunk = (choice: string) => `${open}${choice}]}\n\n`;
  return {
    head: () => (shape.firstChunk === undefined ? '' : chunk(shape.firstChunk)),
    end(finish) {
      const last = chunk(shape.chunk(undefined, JSON.stringify(finish.reason)));
      const usage = includeUsage
        ? `${open}],"usage":${JSON.stringify(openAiUsage(finish))}}\n\n`
        : '';
      return `${last}${usage}data: [DONE]\n\n`;
    },
    error: (error) => `data: ${JSON.stringify(openAiError(error))}\n\n`,
    whole: (text, finish) => ({
      id,
      object: shape.object,
      created,
      model,
      choices: [{ index: 0, logprobs: null, ...shape.choice(text, finish.reason) }],
      usage: openAiUsage(finish),
      ...receiptsOf(finish),
    }),
    ...sseParts((text) => chunk(shape.chunk(JSON.stringify(text), 'null'))),
  };
}

const chatShape: OpenAiShape = {
  idPrefix: 'chatcmpl-',
  object: 'chat.completion',
  chunkObject: 'chat.completion.chunk',
  chunk: (text, reason) =>
    text === undefined
      ? `{"index":0,"delta":{},"logprobs":null,"finish_reason":${reason}}`
      : `{"index":0,"delta":{"content":${text}},"logprobs":null,"finish_reason":${reason}}`,
  firstChunk:
    '{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}',
  choice: (content, reason) => ({
    message: { role: 'assistant', content, refusal: null },
    finish_reason: reason,
  }),
};

export const openAiChatForm = dialectForm({
  path: '/v1/chat/completions',
  body: zOpenAiChat,
  read: (body) => ({
    request: inferenceFrom({
      maxTokens: body.max_completion_tokens ?? body.max_tokens,
      topP: body.top_p,
      topK: body.top_k,
      ...body,
      stream: body.stream ?? false,
    }),
    includeUsage: body.stream_options?.include_usage ?? false,
  }),
  writer: (subject) => openAiWriter(subject, chatShape),
  errorBody: openAiError,
});
