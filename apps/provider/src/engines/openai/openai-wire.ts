/** The OpenAI chat API as its many servers speak it: what is sent and what is read of the answers. */
import { z } from 'zod';
import type { EngineRequest } from '../engine.ts';
import { countOf, fieldsOf, listOf, textOf } from '../http/message-fields.ts';
import type { StreamedPart } from '../http/token-tally.ts';

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

/** What one event of the stream says. */
export interface ChatPart extends StreamedPart {
  readonly finish: string | undefined;
  readonly usage: { readonly promptTokens: number; readonly completionTokens: number } | undefined;
  /** In place of all else when the server fails on its way. */
  readonly error: string | undefined;
}

/** Reads one event; only the first choice, because only one is ever asked for. Throws LineError. */
export function chatPartOf(message: unknown): ChatPart {
  const { choices, usage, error } = fieldsOf(message, 'the message');
  const choice = fieldsOf(listOf(choices, 'choices')?.[0], 'choices.0');
  const delta = fieldsOf(choice.delta, 'choices.0.delta');
  const text = textOf(delta.content, 'choices.0.delta.content') ?? '';
  const thinking = textOf(delta.reasoning_content, 'choices.0.delta.reasoning_content') ?? '';
  const finish = textOf(choice.finish_reason, 'choices.0.finish_reason');
  const { content } = fieldsOf(choice.logprobs, 'choices.0.logprobs');
  const entries = listOf(content, 'choices.0.logprobs.content');
  // Some servers list the end token in the last event: it has no text and is not counted.
  const isEndToken = finish === 'stop' && text === '' && thinking === '';
  const logprobCount = isEndToken ? 0 : entries?.length;
  return { text, thinking, logprobCount, finish, usage: usageOf(usage), error: errorOf(error) };
}

function usageOf(usage: unknown): ChatPart['usage'] {
  if (usage === undefined || usage === null) return undefined;
  const { prompt_tokens, completion_tokens } = fieldsOf(usage, 'usage');
  return {
    promptTokens: countOf(prompt_tokens, 'usage.prompt_tokens'),
    completionTokens: countOf(completion_tokens, 'usage.completion_tokens'),
  };
}

function errorOf(error: unknown): string | undefined {
  if (error === undefined || error === null) return undefined;
  if (typeof error === 'string') return error;
  return textOf(fieldsOf(error, 'error').message, 'error.message') ?? '';
}

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
