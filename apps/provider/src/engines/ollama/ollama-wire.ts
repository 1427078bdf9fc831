/** Ollama's native messages: what is sent (validated fields only) and what is read of the answers. */
import { z } from 'zod';
import type { EngineRequest } from '../engine.ts';
import { countOf, fieldsOf, listOf, textOf } from '../http/message-fields.ts';
import type { StreamedPart } from '../http/token-tally.ts';

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

/** What one line of `/api/chat` says. */
export interface ChatLine extends StreamedPart {
  readonly done: boolean;
  readonly doneReason: string | undefined;
  /** A counter that is left out means zero, but only on a line with `done`. */
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly error: string | undefined;
}

/** Reads one line. Throws LineError. */
export function chatLineOf(line: unknown): ChatLine {
  const fields = fieldsOf(line, 'the line');
  const message = fieldsOf(fields.message, 'message');
  return {
    text: textOf(message.content, 'message.content') ?? '',
    thinking: textOf(message.thinking, 'message.thinking') ?? '',
    logprobCount: listOf(fields.logprobs, 'logprobs')?.length,
    done: fields.done === true,
    doneReason: textOf(fields.done_reason, 'done_reason'),
    promptTokens: countOf(fields.prompt_eval_count ?? 0, 'prompt_eval_count'),
    completionTokens: countOf(fields.eval_count ?? 0, 'eval_count'),
    error: textOf(fields.error, 'error'),
  };
}

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
