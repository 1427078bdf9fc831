/** The inference requests that are for sale, reduced to the fields we honour; anything else is refused. */
import { z } from 'zod';
import { limits } from '../limits.ts';

const zContent = z.union([
  z.string(),
  z
    .array(z.strictObject({ type: z.literal('text'), text: z.string() }))
    .min(1)
    .transform((parts) => parts.map(({ text }) => text).join('')),
]);

export const zChatMessage = z.strictObject({
  role: z.enum(['system', 'user', 'assistant']),
  content: zContent,
  name: z.string().max(64).optional(),
});

const zSampling = {
  temperature: z.number().min(0).max(2).optional(),
  top_p: z.number().gt(0).max(1).optional(),
  seed: z.int().optional(),
};

const zMessages = z.array(zChatMessage).min(1).max(256);
const zOutputTokens = z.int().positive().max(limits.outputTokensMax);

/** OpenAI `POST /v1/chat/completions`. */
export const zOpenAiChat = z.strictObject({
  model: z.string().min(1).max(128),
  messages: zMessages,
  stream: z.boolean().default(false),
  stream_options: z.strictObject({ include_usage: z.boolean().default(false) }).nullish(),
  max_tokens: zOutputTokens.nullish(),
  max_completion_tokens: zOutputTokens.nullish(),
  ...zSampling,
  stop: z.union([z.string(), z.array(z.string()).max(4)]).nullish(),
  n: z.literal(1).nullish(),
  user: z.string().max(128).optional(),
});

const zOllamaOptions = z
  .strictObject({
    temperature: zSampling.temperature,
    top_p: zSampling.top_p,
    top_k: z.int().positive().max(1000).optional(),
    seed: zSampling.seed,
    stop: z.array(z.string()).max(4).optional(),
    num_predict: z.int().max(limits.outputTokensMax).optional(),
  })
  .optional();

/** Ollama `POST /api/chat`. */
export const zOllamaChat = z.strictObject({
  model: z.string().min(1).max(128),
  messages: z
    .array(zChatMessage.omit({ name: true }))
    .min(1)
    .max(256),
  stream: z.boolean().default(true),
  options: zOllamaOptions,
});

/** Ollama `POST /api/generate`. */
export const zOllamaGenerate = z.strictObject({
  model: z.string().min(1).max(128),
  prompt: z.string().min(1),
  system: z.string().optional(),
  stream: z.boolean().default(true),
  options: zOllamaOptions,
});

/** One inference job, whatever dialect asked for it. */
export interface InferenceRequest {
  readonly model: string;
  readonly messages: readonly { role: 'system' | 'user' | 'assistant'; content: string }[];
  /** Most output tokens the caller asks for; undefined lets the offer decide. */
  readonly maxTokens: number | undefined;
  readonly temperature: number | undefined;
  readonly topP: number | undefined;
  readonly topK: number | undefined;
  readonly seed: number | undefined;
  readonly stop: readonly string[];
  readonly stream: boolean;
}

/** The dialects a job can be asked in. */
export type Dialect = 'openai' | 'ollama-chat' | 'ollama-generate';

/** Path of each dialect at a provider. */
export const dialectPaths: Readonly<Record<Dialect, string>> = Object.freeze({
  openai: '/v1/chat/completions',
  'ollama-chat': '/api/chat',
  'ollama-generate': '/api/generate',
});

/** Schema of each dialect's body. */
export const dialectBodies = Object.freeze({
  openai: zOpenAiChat,
  'ollama-chat': zOllamaChat,
  'ollama-generate': zOllamaGenerate,
});

/** The job inside an OpenAI body. */
export function inferenceOfOpenAi(body: z.output<typeof zOpenAiChat>): InferenceRequest {
  const { stop } = body;
  return {
    model: body.model,
    messages: body.messages.map(({ role, content }) => ({ role, content })),
    maxTokens: body.max_completion_tokens ?? body.max_tokens ?? undefined,
    temperature: body.temperature,
    topP: body.top_p,
    topK: undefined,
    seed: body.seed,
    stop: typeof stop === 'string' ? [stop] : (stop ?? []),
    stream: body.stream,
  };
}

function inferenceOfOllama(
  body: z.output<typeof zOllamaChat> | z.output<typeof zOllamaGenerate>,
  messages: InferenceRequest['messages'],
): InferenceRequest {
  const { options } = body;
  const predicted = options?.num_predict;
  return {
    model: body.model,
    messages,
    maxTokens: predicted !== undefined && predicted > 0 ? predicted : undefined,
    temperature: options?.temperature,
    topP: options?.top_p,
    topK: options?.top_k,
    seed: options?.seed,
    stop: options?.stop ?? [],
    stream: body.stream,
  };
}

/** The job inside a body of any dialect; the body was parsed by `dialectBodies`. */
export function inferenceOf(dialect: Dialect, body: unknown): InferenceRequest {
  if (dialect === 'openai') return inferenceOfOpenAi(body as z.output<typeof zOpenAiChat>);
  if (dialect === 'ollama-chat') {
    const chat = body as z.output<typeof zOllamaChat>;
    return inferenceOfOllama(chat, chat.messages);
  }
  const generate = body as z.output<typeof zOllamaGenerate>;
  const system = generate.system ? [{ role: 'system' as const, content: generate.system }] : [];
  return inferenceOfOllama(generate, [...system, { role: 'user', content: generate.prompt }]);
}
