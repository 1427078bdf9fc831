/** Jobs as the market knows them, whatever dialect asked for them, and the body in which they travel. */
import { z } from 'zod';
import { limits } from '../limits.ts';

/** One message of a conversation. */
export interface InferenceMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** One inference job, whatever dialect asked for it. */
export interface InferenceRequest {
  readonly model: string;
  readonly messages: readonly InferenceMessage[];
  /** Most output tokens the caller asks for; undefined lets the offer decide. */
  readonly maxTokens: number | undefined;
  readonly temperature: number | undefined;
  readonly topP: number | undefined;
  readonly topK: number | undefined;
  readonly seed: number | undefined;
  readonly stop: readonly string[];
  readonly stream: boolean;
}

/** One embedding job. */
export interface EmbedRequest {
  readonly model: string;
  readonly inputs: readonly string[];
}

/**
 * The body that a buyer sends for a job: the OpenAI dialect, always a stream, with fields in a fixed order, so
 * that the same job has the same digest whatever dialect it was asked in.
 */
export function wireBodyOf(request: Omit<InferenceRequest, 'stream'>): Record<string, unknown> {
  const { model, messages, maxTokens, temperature, topP, topK, seed, stop } = request;
  return {
    model,
    messages: messages.map(({ role, content }) => ({ role, content })),
    ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { top_p: topP }),
    ...(topK === undefined ? {} : { top_k: topK }),
    ...(seed === undefined ? {} : { seed }),
    ...(stop.length === 0 ? {} : { stop: [...stop] }),
    stream: true,
  };
}

/** The body that a buyer sends for an embedding job. */
export function wireEmbedBodyOf({ model, inputs }: EmbedRequest): Record<string, unknown> {
  return { model, input: [...inputs], encoding_format: 'float' };
}

/**
 * The text of an embedding answer, as its receipt hashes it: the vectors as JSON. In the books such an answer is
 * one output token, `[0, 1)`.
 */
export function embeddingText(vectors: readonly (readonly number[])[]): string {
  return JSON.stringify(vectors);
}

/** What several dialects have in common. */
export const zModelName = z.string().min(1).max(128);
export const zOutputTokens = z.int().positive().max(limits.outputTokensMax);
export const zTemperature = z.number().min(0).max(2).nullish();
export const zTopP = z.number().gt(0).max(1).nullish();
export const zTopK = z.int().positive().max(1_000).nullish();
export const zSeed = z.int().nullish();
const stopTextsMax = 4;
export const zStopTexts = z.array(z.string()).max(stopTextsMax).nullish();
export const zStop = z.union([z.string(), z.array(z.string()).max(stopTextsMax)]).nullish();
const messagesMax = 256;
/** A list of messages of a dialect. */
export const zMessageList = <M extends z.ZodType>(message: M) =>
  z.array(message).min(1).max(messagesMax);
/** One text, or several in one call. */
export const zInputs = z.union([
  z.string().min(1),
  z.array(z.string().min(1)).min(1).max(limits.embedInputs),
]);

/** A field that clients always send and that changes nothing here: taken and left aside. */
export const zIgnored = z.unknown().optional();

/** A field whose default is sold, and nothing else; null counts as left out. */
export const zOnly = <const T extends string | number | boolean>(value: T) =>
  z.literal(value).nullish();

type Given<T> = T | null | undefined;

/** Fields of a request as bodies have them: left out, null, or a value. */
export interface GivenRequest {
  readonly model: string;
  readonly messages: readonly InferenceMessage[];
  readonly stream: boolean;
  readonly maxTokens?: Given<number>;
  readonly temperature?: Given<number>;
  readonly topP?: Given<number>;
  readonly topK?: Given<number>;
  readonly seed?: Given<number>;
  readonly stop?: Given<string | readonly string[]>;
}

/** The job of a body whose fields were checked. */
export function inferenceFrom(given: GivenRequest): InferenceRequest {
  const { model, messages, stream, stop } = given;
  return {
    model,
    messages: messages.map(({ role, content }) => ({ role, content })),
    maxTokens: given.maxTokens ?? undefined,
    temperature: given.temperature ?? undefined,
    topP: given.topP ?? undefined,
    topK: given.topK ?? undefined,
    seed: given.seed ?? undefined,
    stop: typeof stop === 'string' ? [stop] : [...(stop ?? [])],
    stream,
  };
}

/** A system text in front of messages; none for an empty one. */
export function withSystem(
  system: Given<string>,
  messages: readonly InferenceMessage[],
): readonly InferenceMessage[] {
  return system ? [{ role: 'system', content: system }, ...messages] : messages;
}
