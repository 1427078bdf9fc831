/** What the tools of an agent stand on: the gateway itself, or a gateway that is reached over HTTP. */
import type { gatewayOwnerEndpoints, InputOf, OutputOf } from '@aitbc/protocol';
import { z } from 'zod';

type Rows = typeof gatewayOwnerEndpoints;

/** What a bought answer is told by to an agent. */
export const zChatResult = z.object({
  text: z.string(),
  finishReason: z.string().meta({ description: '`stop`, or `length` when it was cut' }),
  promptTokens: z.int(),
  outputTokens: z.int(),
  charged: z.string().meta({ description: 'nait; 1 AIT is 1000000000 nait' }),
  jobId: z.string(),
  providers: z.array(z.string()).meta({ description: 'who gave the answer, in order' }),
});

/** Vectors and their bill. */
export const zEmbedResult = z.object({
  vectors: z.array(z.array(z.number())),
  promptTokens: z.int(),
  charged: z.string().meta({ description: 'nait' }),
  jobId: z.string(),
  provider: z.string(),
});

/** A model that can be bought. */
export const zModelList = z.object({
  models: z.array(
    z.object({
      id: z.string(),
      providers: z.int(),
      inputPerMTok: z.string().meta({ description: 'nait per million tokens, the cheapest' }),
      outputPerMTok: z.string(),
    }),
  ),
});

export type ChatResult = z.infer<typeof zChatResult>;
export type EmbedResult = z.infer<typeof zEmbedResult>;
export type ModelList = z.infer<typeof zModelList>;

/** A conversation to be answered. */
export interface ChatWish {
  /** Body in the OpenAI dialect without `stream`. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly idempotencyKey: string | undefined;
  onText(text: string): void;
}

/** Texts whose vectors are wanted. */
export interface EmbedWish {
  readonly model: string;
  readonly input: readonly string[];
  readonly idempotencyKey: string | undefined;
}

/** Everything throws AppError; aborting `signal` throws CANCELLED. */
export interface ToolBackend {
  models(signal: AbortSignal): Promise<ModelList>;
  quote(input: InputOf<Rows['quote']>, signal: AbortSignal): Promise<OutputOf<Rows['quote']>>;
  chat(wish: ChatWish, signal: AbortSignal): Promise<ChatResult>;
  embed(wish: EmbedWish, signal: AbortSignal): Promise<EmbedResult>;
  balance(signal: AbortSignal): Promise<OutputOf<Rows['balance']>>;
  limits(signal: AbortSignal): Promise<OutputOf<Rows['limits']>>;
  job(jobId: string, signal: AbortSignal): Promise<OutputOf<Rows['job']>>;
}

/** The fields of a listed model that agents are shown. */
export function shownModels(data: readonly Readonly<Record<string, unknown>>[]): ModelList {
  return {
    models: data.map(({ id, providers, inputPerMTok, outputPerMTok }) => ({
      id: String(id),
      providers: Number(providers ?? 0),
      inputPerMTok: String(inputPerMTok ?? '0'),
      outputPerMTok: String(outputPerMTok ?? '0'),
    })),
  };
}
