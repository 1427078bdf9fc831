/**
 * OpenAI `POST /v1/completions`. The prompt is one user message, as Ollama does it: what is sold are chat models
 * behind their template, and text without a template would be another product.
 */
import { z } from 'zod';
import { dialectForm } from './dialect.ts';
import { inferenceFrom, zModelName, zOnly, zOutputTokens } from './inference.ts';
import { type OpenAiShape, openAiSampling, openAiWriter } from './openai-chat.ts';
import { openAiError } from './openai-error.ts';

const zPrompt = z.string().min(1);

/** OpenAI `POST /v1/completions`. */
export const zOpenAiCompletions = z.strictObject({
  model: zModelName,
  prompt: z.union([zPrompt, z.tuple([zPrompt]).transform(([prompt]) => prompt)]),
  max_tokens: zOutputTokens.nullish(),
  ...openAiSampling,
  best_of: zOnly(1),
  echo: zOnly(false),
  suffix: zOnly(''),
  logprobs: z.null().optional(),
});

const completionShape: OpenAiShape = {
  idPrefix: 'cmpl-',
  object: 'text_completion',
  chunkObject: 'text_completion',
  chunk: (text = '""', reason) =>
    `{"index":0,"text":${text},"logprobs":null,"finish_reason":${reason}}`,
  firstChunk: undefined,
  choice: (text, reason) => ({ text, finish_reason: reason }),
};

export const openAiCompletionsForm = dialectForm({
  path: '/v1/completions',
  body: zOpenAiCompletions,
  read: (body) => ({
    request: inferenceFrom({
      messages: [{ role: 'user', content: body.prompt }],
      maxTokens: body.max_tokens,
      topP: body.top_p,
      topK: body.top_k,
      ...body,
      stream: body.stream ?? false,
    }),
    includeUsage: body.stream_options?.include_usage ?? false,
  }),
  writer: (subject) => openAiWriter(subject, completionShape),
  errorBody: openAiError,
});
