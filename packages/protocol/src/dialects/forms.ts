import { anthropicForm } from './anthropic.ts';
import type { AskedJob, Dialect, DialectForm } from './dialect.ts';
import { type EmbedDialect, embedForms } from './embeddings.ts';
import type { InferenceRequest } from './inference.ts';
import { ollamaChatForm, ollamaGenerateForm } from './ollama.ts';
import { openAiChatForm } from './openai-chat.ts';
import { openAiCompletionsForm } from './openai-completions.ts';
import { openAiResponsesForm } from './openai-responses.ts';
import { readBody } from './read-body.ts';

/** All dialects. */
export const dialectForms: Readonly<Record<Dialect, DialectForm>> = Object.freeze({
  openai: openAiChatForm,
  'openai-completions': openAiCompletionsForm,
  'openai-responses': openAiResponsesForm,
  anthropic: anthropicForm,
  'ollama-chat': ollamaChatForm,
  'ollama-generate': ollamaGenerateForm,
});

/** Path of each dialect. */
export const dialectPaths: Readonly<Record<Dialect, string>> = fromForms(({ path }) => path);

/** Schema of each dialect's body. */
export const dialectBodies = fromForms(({ body }) => body);

function fromForms<T>(pick: (form: DialectForm) => T): Readonly<Record<Dialect, T>> {
  const entries = Object.entries(dialectForms).map(([name, form]) => [name, pick(form)]);
  return Object.freeze(Object.fromEntries(entries) as Record<Dialect, T>);
}

/** The job inside a body of any dialect; the body was parsed by `dialectBodies`. */
export function inferenceOf(dialect: Dialect, parsed: unknown): InferenceRequest {
  return dialectForms[dialect].read(parsed).request;
}

/** The job inside a JSON body. Throws FIELD_UNSUPPORTED or BAD_REQUEST. */
export function readDialect(dialect: Dialect, json: unknown): AskedJob {
  const { body, read } = dialectForms[dialect];
  return read(readBody(body, json));
}

/** The dialect that is asked at a path, or undefined. */
export function dialectOfPath(path: string): Dialect | undefined {
  return (Object.keys(dialectForms) as Dialect[]).find((name) =>
    path.endsWith(dialectForms[name].path),
  );
}

/** The dialect of embeddings that is asked at a path, or undefined. */
export function embedDialectOfPath(path: string): EmbedDialect | undefined {
  return (Object.keys(embedForms) as EmbedDialect[]).find((name) =>
    path.endsWith(embedForms[name].path),
  );
}
