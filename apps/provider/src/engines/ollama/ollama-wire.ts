/** Ollama's native messages: what is sent (validated fields only) and what is read of the answers. */
import { z } from 'zod';
import type { EngineRequest } from '../engine.ts';

/** Models looked at in one probe; each costs a call. */
export const MODELS_MAX = 200;

const count = z.number().int().nonnegative();

export const versionAnswer = z.object({ version: z.string().max(100) });

export const tagsAnswer = z.object({
  models: z
    .array(
      z.object({
        name: z.string().min(1),
        digest: z.string().regex(/^(sha256:)?[0-9a-f]{64}$/),
        remote_host: z.string().optional(),
        details: z.object({ quantization_level: z.string().optional() }).optional(),
      }),
    )
    .max(MODELS_MAX),
});

export const showAnswer = z.object({
  model_info: z.record(z.string(), z.unknown()).default({}),
  capabilities: z.array(z.string()).optional(),
  remote_host: z.string().optional(),
});

export const psAnswer = z.object({
  models: z.array(z.object({ name: z.string(), context_length: count.optional() })).default([]),
});

/** `/api/embed`. */
export const embedAnswer = z.object({
  embeddings: z.array(z.array(z.number())),
  prompt_eval_count: count.default(0),
});

/** One line of `/api/chat`. A counter that is left out means zero, but only on a line with `done`. */
export const chatLine = z.object({
  error: z.string().optional(),
  message: z
    .object({ content: z.string().default(''), thinking: z.string().default('') })
    .default({ content: '', thinking: '' }),
  logprobs: z.array(z.object({ token: z.string() })).nullish(),
  done: z.boolean().default(false),
  done_reason: z.string().optional(),
  prompt_eval_count: count.default(0),
  eval_count: count.default(0),
});

export type ChatLine = z.infer<typeof chatLine>;

/**
 * The body of `/api/chat`. Left out on purpose: keep_alive, num_ctx and the other load-time options, which
 * let one buyer reload or pin the model for all; `truncate` is false, so that a prompt that does not fit
 * is refused and not silently shortened; `think` is false, because hidden tokens are not sold.
 */
export function chatBodyOf(request: EngineRequest): Record<string, unknown> {
  const { model, maxTokens, temperature, topP, topK, seed, stop, prefixText } = request;
  const messages = request.messages.map(({ role, content }) => ({ role, content }));
  return {
    model,
    messages: prefixText ? [...messages, { role: 'assistant', content: prefixText }] : messages,
    stream: true,
    truncate: false,
    think: false,
    logprobs: true,
    options: {
      num_predict: maxTokens,
      ...(temperature === undefined ? {} : { temperature }),
      ...(topP === undefined ? {} : { top_p: topP }),
      ...(topK === undefined ? {} : { top_k: topK }),
      ...(seed === undefined ? {} : { seed }),
      ...(stop === undefined ? {} : { stop }),
    },
  };
}

/** True when version `found` is at least `expected`; a text that is no version is not. */
export function isVersionAtLeast(found: string, expected: string): boolean {
  const numbers = (text: string) => /^(\d+)\.(\d+)\.(\d+)/.exec(text)?.slice(1).map(Number);
  const have = numbers(found);
  const need = numbers(expected);
  if (!have || !need) return false;
  const differing = need.findIndex((part, index) => part !== have[index]);
  return differing < 0 || have[differing]! > need[differing]!;
}
