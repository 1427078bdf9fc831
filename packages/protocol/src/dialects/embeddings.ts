/** Embeddings in their three dialects: OpenAI `POST /v1/embeddings`, Ollama `POST /api/embed` and `/api/embeddings`. */
import { base64 } from '@aitbc/primitives';
import { z } from 'zod';
import type { AppError } from '../errors.ts';
import type { SignedReceipt } from '../payments/receipt.ts';
import { type AnswerBill, receiptsField } from './dialect.ts';
import { type EmbedRequest, zInputs, zModelName, zOnly } from './inference.ts';
import { ollamaError } from './ollama.ts';
import { openAiError } from './openai-error.ts';

/** OpenAI `POST /v1/embeddings`, as it is sold: texts in, lists of numbers out. */
export const zOpenAiEmbeddings = z.strictObject({
  model: zModelName,
  input: zInputs,
  encoding_format: z.enum(['float', 'base64']).default('float'),
  user: z.string().max(128).nullish(),
});

const ollamaCommon = {
  model: zModelName,
  options: z.strictObject({}).nullish(),
  keep_alive: z.null().optional(),
};

/** Ollama `POST /api/embed`. Texts are never cut to fit. */
export const zOllamaEmbed = z.strictObject({
  ...ollamaCommon,
  input: zInputs,
  truncate: zOnly(false),
});

/** Ollama `POST /api/embeddings`: one text, one list. */
export const zOllamaEmbeddings = z.strictObject({ ...ollamaCommon, prompt: z.string().min(1) });

/** The dialects an embedding job can be asked in. */
export type EmbedDialect = 'openai-embeddings' | 'ollama-embed' | 'ollama-embeddings';

/** What an embedding job gave. */
export interface EmbedAnswer {
  readonly model: string;
  readonly vectors: readonly (readonly number[])[];
  readonly promptTokens: number;
  readonly durationMs: number;
  readonly bill?: AnswerBill | undefined;
  readonly receipts?: readonly SignedReceipt[] | undefined;
}

/** One dialect of embeddings. */
export interface EmbedForm {
  readonly path: string;
  readonly body: z.ZodType;
  /** The job inside a body that `body` has parsed. */
  read(parsed: unknown): EmbedRequest;
  /** The answer as one JSON value. */
  whole(answer: EmbedAnswer, parsed: unknown): Record<string, unknown>;
  errorBody(error: AppError): Record<string, unknown>;
}

interface TypedForm<S extends z.ZodType> extends Omit<EmbedForm, 'body' | 'read' | 'whole'> {
  readonly body: S;
  read(parsed: z.output<S>): EmbedRequest;
  whole(answer: EmbedAnswer, parsed: z.output<S>): Record<string, unknown>;
}

function embedForm<S extends z.ZodType>(form: TypedForm<S>): EmbedForm {
  return form as EmbedForm;
}

const listOf = (input: string | readonly string[]) =>
  typeof input === 'string' ? [input] : [...input];

function extrasOf({ bill, receipts }: EmbedAnswer): Record<string, unknown> {
  return {
    ...(bill ? { x_aitbc: bill } : {}),
    ...(receipts ? { [receiptsField]: receipts } : {}),
  };
}

/** Base64 of 32-bit floats, little-endian: how OpenAI's client asks for vectors. */
export function vectorBase64(vector: readonly number[]): string {
  const view = new DataView(new ArrayBuffer(vector.length * 4));
  vector.forEach((value, index) => {
    view.setFloat32(index * 4, value, true);
  });
  return base64(new Uint8Array(view.buffer));
}

const openAiForm = embedForm({
  path: '/v1/embeddings',
  body: zOpenAiEmbeddings,
  read: ({ model, input }) => ({ model, inputs: listOf(input) }),
  whole(answer, { encoding_format: encoding }) {
    const { bill: x_aitbc, ...rest } = answer;
    return {
      object: 'list',
      data: answer.vectors.map((vector, index) => ({
        object: 'embedding',
        index,
        embedding: encoding === 'base64' ? vectorBase64(vector) : vector,
      })),
      model: answer.model,
      usage: {
        prompt_tokens: answer.promptTokens,
        total_tokens: answer.promptTokens,
        ...(x_aitbc ? { x_aitbc } : {}),
      },
      ...extrasOf(rest),
    };
  },
  errorBody: openAiError,
});

const nanosPerMs = 1_000_000;

const ollamaEmbedForm = embedForm({
  path: '/api/embed',
  body: zOllamaEmbed,
  read: ({ model, input }) => ({ model, inputs: listOf(input) }),
  whole: (answer) => ({
    model: answer.model,
    embeddings: answer.vectors,
    total_duration: Math.round(answer.durationMs * nanosPerMs),
    load_duration: 0,
    prompt_eval_count: answer.promptTokens,
    ...extrasOf(answer),
  }),
  errorBody: ollamaError,
});

const ollamaEmbeddingsForm = embedForm({
  path: '/api/embeddings',
  body: zOllamaEmbeddings,
  read: ({ model, prompt }) => ({ model, inputs: [prompt] }),
  whole: (answer) => ({ embedding: answer.vectors[0] ?? [], ...extrasOf(answer) }),
  errorBody: ollamaError,
});

/** All of them. */
export const embedForms: Readonly<Record<EmbedDialect, EmbedForm>> = Object.freeze({
  'openai-embeddings': openAiForm,
  'ollama-embed': ollamaEmbedForm,
  'ollama-embeddings': ollamaEmbeddingsForm,
});
