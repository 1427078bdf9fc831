/**
 * Any server that speaks OpenAI's chat API: vLLM, SGLang, llama-server, LM Studio and others.
 *
 * Usage comes in one more event after the finish reason, because `include_usage` is set. A stream that
 * ends without a finish reason ended cleanly but is `incomplete`; one that breaks is ENGINE_CRASHED.
 *
 * Continuing an answer is not in OpenAI's API. llama-server (known by `/props`), vLLM and SGLang (known by `/version`) go
 * on with a trailing assistant message when two more fields ask for it (without them a llama-server of 2026 goes
 * on too, but says the text so far once more); others answer it like a new turn, and are not asked. All of
 * them cut the text into tokens anew, so this is a best effort: with the bundled model one of 204 answers has a
 * place where that changes what follows. The owner may state `exact` for a server and a model that he has
 * measured: `node scripts/conformance/engine.mjs` tries it.
 */

import { AppError } from '@aitbc/protocol';
import type { z } from 'zod';
import type {
  Engine,
  EngineEmbeddings,
  EngineEmbedRequest,
  EngineModel,
  EngineProbe,
  EngineResume,
} from '../engine.ts';
import { classifyEngineError } from '../engine.ts';
import {
  createHttpClient,
  type HttpClient,
  type MessageReader,
  VECTORS_BYTES_MAX,
} from '../http/http-client.ts';
import { createHttpEngine, failing } from '../http/http-engine.ts';
import { createEventReader, jsonOf, lastWord } from '../http/line-reader.ts';
import { createTokenTally } from '../http/token-tally.ts';
import {
  type ChatPart,
  chatPartOf,
  completionBodyOf,
  embeddingsAnswer,
  modelsAnswer,
  propsAnswer,
  versionAnswer,
} from './openai-wire.ts';

const CONTEXT_DEFAULT = 4_096;

export interface OpenaiOptions {
  /** Root of the server, without `/v1`. */
  readonly baseUrl: string;
  readonly apiKey?: string;
  /** Context of models whose server does not say, in tokens. */
  readonly contextMax?: number;
  /** How the server goes on with a trailing assistant message; default: what kind of server it is. */
  readonly resume?: EngineResume;
  /** Models that make vectors and no answers, which this API does not tell. */
  readonly embedModels?: readonly string[];
  /** Ask for log-probabilities to count tokens exactly; off for servers that refuse the field. */
  readonly logprobs?: boolean;
  /** Weights digests (`sha256:<hex>`) by model, which this API does not tell. */
  readonly digests?: Readonly<Record<string, string>>;
  readonly firstByteTimeoutMs?: number;
  readonly stallTimeoutMs?: number;
}

/** What stands behind the API, as far as it shows. */
interface ServerKind {
  readonly version: string;
  readonly resume: EngineResume;
  readonly asksToContinue: boolean;
}

const unknownServer: ServerKind = { version: 'unknown', resume: 'none', asksToContinue: false };

/** The answer of a path that only some servers have; undefined from the others, which is no failure. */
async function answerOf<T>(
  http: HttpClient,
  { path, shape }: { readonly path: string; readonly shape: z.ZodType<T> },
  signal: AbortSignal,
): Promise<T | undefined> {
  try {
    return await http.json({ path, signal }, shape);
  } catch (error) {
    signal.throwIfAborted();
    if (classifyEngineError(error) === 'busy') throw error;
    return undefined;
  }
}

async function lookAtServer(http: HttpClient, signal: AbortSignal): Promise<ServerKind> {
  const told = await answerOf(http, { path: '/version', shape: versionAnswer }, signal);
  if (told) return { version: told.version, resume: 'best effort', asksToContinue: true };
  const props = await answerOf(http, { path: '/props', shape: propsAnswer }, signal);
  if (!props) return unknownServer;
  const version = props.build_info ?? unknownServer.version;
  return { version, resume: 'best effort', asksToContinue: true };
}

async function listModels(
  http: HttpClient,
  options: OpenaiOptions & { readonly resume: EngineResume },
  signal: AbortSignal,
): Promise<EngineModel[]> {
  const { data } = await http.json({ path: '/v1/models', signal }, modelsAnswer);
  return data.map(({ id, max_model_len, meta }) => {
    const digest = options.digests?.[id];
    const isForVectors = options.embedModels?.includes(id) ?? false;
    return {
      name: id,
      contextMax: max_model_len ?? meta?.n_ctx ?? options.contextMax ?? CONTEXT_DEFAULT,
      serves: [isForVectors ? ('embed' as const) : ('chat' as const)],
      resume: options.resume,
      ...(digest === undefined ? {} : { digest }),
      ...(meta?.n_params ? { parameters: meta.n_params } : {}),
    };
  });
}

async function embed(
  http: HttpClient,
  { model, inputs }: EngineEmbedRequest,
  signal: AbortSignal,
): Promise<EngineEmbeddings> {
  const body = { model, input: inputs, encoding_format: 'float' };
  const call = { path: '/v1/embeddings', body, signal, model, bytesMax: VECTORS_BYTES_MAX };
  const { data, usage } = await http.json(call, embeddingsAnswer);
  const vectors = [...data].sort((a, b) => a.index - b.index).map(({ embedding }) => embedding);
  return { vectors, promptTokens: usage?.prompt_tokens ?? 0 };
}

/** Reads the messages of one stream; its finish reason and its usage come in messages of their own. */
function createChatReader(http: HttpClient): MessageReader {
  const tally = createTokenTally();
  let finish: string | undefined;
  let usage: ChatPart['usage'];
  let isOver = false;
  return {
    read(data) {
      isOver = data === lastWord;
      if (isOver) return undefined;
      const part = chatPartOf(jsonOf(data));
      if (part.error !== undefined) throw http.fail('ENGINE_CRASHED', part.error);
      finish = part.finish ?? finish;
      usage = part.usage ?? usage;
      return tally.eventOf(part);
    },
    isOver: () => isOver,
    end: () => ({
      type: 'end',
      reason: finish === 'length' ? 'length' : 'stop',
      promptTokens: usage?.promptTokens,
      completionTokens: tally.total(),
      ...(usage ? { counterTokens: usage.completionTokens } : {}),
      ...(finish === undefined ? { incomplete: true } : {}),
    }),
  };
}

/** Makes the engine of one OpenAI-compatible server; nothing is asked before `probe`. */
export function createOpenaiEngine(options: OpenaiOptions): Engine {
  const { baseUrl, apiKey, firstByteTimeoutMs, stallTimeoutMs, logprobs = true } = options;
  const http = createHttpClient({
    engine: 'openai',
    baseUrl,
    ...(apiKey === undefined ? {} : { headers: { authorization: `Bearer ${apiKey}` } }),
    ...(firstByteTimeoutMs === undefined ? {} : { firstByteTimeoutMs }),
    ...(stallTimeoutMs === undefined ? {} : { stallTimeoutMs }),
  });
  let server = unknownServer;
  let known: ReadonlySet<string> | undefined;
  const resume = () => options.resume ?? server.resume;
  return createHttpEngine({
    kind: 'openai',
    http,
    resume,
    async probe(signal): Promise<EngineProbe> {
      server = await lookAtServer(http, signal);
      const models = await listModels(http, { ...options, resume: resume() }, signal);
      known = new Set(models.map(({ name }) => name));
      return { engine: 'openai', version: server.version, models };
    },
    stream(request, signal) {
      const { model } = request;
      // Some servers answer any name with the model that they have.
      if (known?.has(model) === false) {
        return failing(new AppError('ENGINE_MODEL_UNKNOWN', { engine: 'openai', model }));
      }
      const body = completionBodyOf(request, { logprobs, asksToContinue: server.asksToContinue });
      const call = { path: '/v1/chat/completions', body, signal, model };
      return http.events(call, createEventReader(), createChatReader(http));
    },
    embed: (request, signal) => embed(http, request, signal),
  });
}
