/** The OpenAI chat API as its many servers speak it: what is sent and what is read of the answers. */
import { z } from 'zod';
import type { EngineRequest } from '../engine.ts';

const count = z.number().int().nonnegative();
const positive = z.number().int().positive();

/** `/v1/models`; vLLM gives `max_model_len`, llama-server gives `meta`. */
export const modelsAnswer = z.object({
  data: z
    .array(
      z.object({
        id: z.string().min(1),
        max_model_len: positive.nullish(),
        meta: z.object({ n_ctx: positive.nullish(), n_params: positive.nullish() }).nullish(),
      }),
    )
    .max(200),
});

/** `/props` of llama-server: only that it is one. */
export const propsAnswer = z.object({
  default_generation_settings: z.object({}),
  build_info: z.string().max(100).optional(),
});

/** `/v1/embeddings`. */
export const embeddingsAnswer = z.object({
  data: z.array(z.object({ index: count, embedding: z.array(z.number()) })),
  usage: z.object({ prompt_tokens: count }).nullish(),
});

export const versionAnswer = z.object({ version: z.string().max(100) });

const choice = z.object({
  delta: z
    .object({ content: z.string().nullish(), reasoning_content: z.string().nullish() })
    .default({}),
  finish_reason: z.string().nullish(),
  logprobs: z.object({ content: z.array(z.object({ token: z.string() })).nullish() }).nullish(),
});

/** One event of the stream; `error` in place of all else when the server fails on its way. */
export const chatChunk = z.object({
  error: z.union([z.string(), z.object({ message: z.string().default('') })]).optional(),
  choices: z.array(choice).default([]),
  usage: z.object({ prompt_tokens: count, completion_tokens: count }).nullish(),
});

export type ChatChunk = z.infer<typeof chatChunk>;

/** How a server is asked. */
export interface WireHabits {
  /** Ask for log-probabilities. */
  readonly logprobs: boolean;
  /** A trailing assistant message is left open only when these fields ask for it, see openai-engine.ts. */
  readonly asksToContinue: boolean;
}

/** The body of `/v1/chat/completions`, from validated fields only. */
export function completionBodyOf(request: EngineRequest, habits: WireHabits) {
  const { model, maxTokens, temperature, topP, topK, seed, stop, prefixText } = request;
  const messages = request.messages.map(({ role, content }) => ({ role, content }));
  return {
    model,
    messages: prefixText ? [...messages, { role: 'assistant', content: prefixText }] : messages,
    stream: true,
    stream_options: { include_usage: true },
    max_tokens: maxTokens,
    ...(prefixText && habits.asksToContinue
      ? { add_generation_prompt: false, continue_final_message: true }
      : {}),
    ...(habits.logprobs ? { logprobs: true } : {}),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { top_p: topP }),
    ...(topK === undefined ? {} : { top_k: topK }),
    ...(seed === undefined ? {} : { seed }),
    ...(stop === undefined ? {} : { stop }),
  };
}
