/** What somebody asks for, in whichever dialect: a chat or vectors, from a body that was parsed strictly. */
import {
  type AppError,
  type AskedJob,
  type Dialect,
  dialectForms,
  type EmbedDialect,
  type EmbedForm,
  type EmbedRequest,
  embedForms,
  embedTokensBound,
  fullCharge,
  type InferenceRequest,
  type JobKind,
  promptTokensBound,
  readBody,
  readDialect,
} from '@aitbc/protocol';
import type { StandingOffer } from '../offers/offer-book.ts';

/** The dialects that are sold; the Responses API is converted by gateways. */
export const soldDialects = [
  'openai',
  'openai-completions',
  'anthropic',
  'ollama-chat',
  'ollama-generate',
] as const satisfies readonly Dialect[];

/** The dialects in which vectors are sold. */
export const soldEmbedDialects = [
  'openai-embeddings',
  'ollama-embed',
] as const satisfies readonly EmbedDialect[];

/** A call that was understood. */
export type Asking =
  | { readonly kind: 'chat'; readonly dialect: Dialect; readonly asked: AskedJob }
  | {
      readonly kind: 'embed';
      readonly form: EmbedForm;
      readonly parsed: unknown;
      readonly request: EmbedRequest;
    };

/** Somewhere to ask: path, how its bodies are read, and how its errors look. */
export interface Door {
  readonly path: string;
  errorBody(error: AppError): Record<string, unknown>;
  /** Throws FIELD_UNSUPPORTED or BAD_REQUEST. */
  read(json: unknown): Asking;
}

/** The door of a dialect. */
export function chatDoor(dialect: Dialect): Door {
  const { path, errorBody } = dialectForms[dialect];
  const read = (json: unknown): Asking => ({
    kind: 'chat',
    dialect,
    asked: readDialect(dialect, json),
  });
  return { path, errorBody, read };
}

/** The door of a dialect of embeddings. */
export function embedDoor(dialect: EmbedDialect): Door {
  const form = embedForms[dialect];
  const read = (json: unknown): Asking => {
    const parsed = readBody(form.body, json);
    return { kind: 'embed', form, parsed, request: form.read(parsed) };
  };
  return { path: form.path, errorBody: form.errorBody, read };
}

/** The request inside. */
export function requestOf(asking: Asking): InferenceRequest | EmbedRequest {
  return asking.kind === 'chat' ? asking.asked.request : asking.request;
}

/** Which kind of job it is. */
export const kindOf = ({ kind }: Asking): JobKind => kind;

/** Most tokens that its prompt can have. */
export function promptBoundOf(asking: Asking): number {
  if (asking.kind === 'embed') return embedTokensBound(asking.request.inputs);
  return promptTokensBound(asking.asked.request.messages);
}

/** Most that a call can cost under an offer, nait. */
export function mostOf(offer: StandingOffer, asking: Asking): bigint {
  const { price } = offer.terms;
  const promptTokens = promptBoundOf(asking);
  if (asking.kind === 'embed') return fullCharge(price, { promptTokens, outputTokens: 1 });
  const { maxTokens } = asking.asked.request;
  const { outputMax } = offer.payload;
  const outputTokens = Math.min(maxTokens ?? outputMax, outputMax);
  return fullCharge(price, { promptTokens, outputTokens });
}
