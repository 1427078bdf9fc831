/**
 * Any server that speaks OpenAI's chat API: vLLM, SGLang, llama-server, LM Studio and others.
 *
 * Usage comes in one more event after the finish reason, because `include_usage` is set. A stream that
 * ends without a finish reason ended cleanly but is `incomplete`; one that breaks is ENGINE_CRASHED.
 * Continuing an answer is not in OpenAI's API. llama-server continues a trailing assistant message;
 * others answer it like a new turn. So it is a flag of the owner, off by default.
 */

import type { Engine, EngineEvent, EngineProbe, EngineRequest } from '../engine.ts';
import { classifyEngineError } from '../engine.ts';
import { createHttpClient, type HttpClient } from '../http/http-client.ts';
import { createHttpEngine } from '../http/http-engine.ts';
import { LineError, readEventData } from '../http/line-reader.ts';
import { createTokenTally } from '../http/token-tally.ts';
import {
  type ChatChunk,
  chatChunk,
  completionBodyOf,
  modelsAnswer,
  versionAnswer,
} from './openai-wire.ts';

const CONTEXT_DEFAULT = 4_096;

export interface OpenaiOptions {
  /** Root of the server, without `/v1`. */
  readonly baseUrl: string;
  readonly apiKey?: string;
  /** Context of models whose server does not say, in tokens. */
  readonly contextMax?: number;
  /** The server continues a trailing assistant message, as llama-server does. */
  readonly continuesAssistant?: boolean;
  /** Ask for log-probabilities to count tokens exactly; off for servers that refuse the field. */
  readonly logprobs?: boolean;
  /** Weights digests (`sha256:<hex>`) by model, which this API does not tell. */
  readonly digests?: Readonly<Record<string, string>>;
  readonly firstByteTimeoutMs?: number;
  readonly stallTimeoutMs?: number;
}

/** vLLM and some others tell it; for the rest the version is unknown, which is no failure. */
async function versionOf(http: HttpClient, signal: AbortSignal): Promise<string> {
  try {
    return (await http.json({ path: '/version', signal }, versionAnswer)).version;
  } catch (error) {
    signal.throwIfAborted();
    if (classifyEngineError(error) === 'busy') throw error;
    return 'unknown';
  }
}

async function probe(
  http: HttpClient,
  options: OpenaiOptions,
  signal: AbortSignal,
): Promise<EngineProbe> {
  const { data } = await http.json({ path: '/v1/models', signal }, modelsAnswer);
  const models = data.map(({ id, max_model_len, meta }) => {
    const digest = options.digests?.[id];
    return {
      name: id,
      contextMax: max_model_len ?? meta?.n_ctx ?? options.contextMax ?? CONTEXT_DEFAULT,
      canResume: options.continuesAssistant ?? false,
      ...(digest === undefined ? {} : { digest }),
      ...(meta?.n_params ? { parameters: meta.n_params } : {}),
    };
  });
  return { engine: 'openai', version: await versionOf(http, signal), models };
}

async function* chunksOf(
  http: HttpClient,
  request: EngineRequest,
  { signal, logprobs }: StreamOptions,
): AsyncGenerator<ChatChunk, void, void> {
  const lines = http.lines({
    path: '/v1/chat/completions',
    body: completionBodyOf(request, logprobs),
    signal,
    model: request.model,
  });
  try {
    for await (const data of readEventData(lines)) {
      if (data === '[DONE]') return;
      yield http.parse(data, chatChunk);
    }
  } catch (cause) {
    if (!(cause instanceof LineError)) throw cause;
    throw http.fail('ENGINE_PROTOCOL', cause.message, { cause });
  }
}

interface StreamOptions {
  readonly signal: AbortSignal;
  readonly logprobs: boolean;
}

/** The text and log-probabilities of the first choice; only one is ever asked for. */
function partOf({ choices }: ChatChunk) {
  const { delta, logprobs, finish_reason } = choices[0] ?? {};
  const text = delta?.content ?? '';
  const thinking = delta?.reasoning_content ?? '';
  // Some servers list the end token in the last event: it has no text and is not counted.
  const isEndToken = finish_reason === 'stop' && text === '' && thinking === '';
  return { text, thinking, logprobCount: isEndToken ? 0 : logprobs?.content?.length };
}

async function* stream(
  http: HttpClient,
  request: EngineRequest,
  options: StreamOptions,
): AsyncGenerator<EngineEvent, void, void> {
  const tally = createTokenTally();
  let finish: string | undefined;
  let usage: ChatChunk['usage'];
  for await (const chunk of chunksOf(http, request, options)) {
    if (chunk.error !== undefined) {
      const { error } = chunk;
      throw http.fail('ENGINE_CRASHED', typeof error === 'string' ? error : error.message);
    }
    const event = tally.eventOf(partOf(chunk));
    if (event) yield event;
    finish = chunk.choices[0]?.finish_reason ?? finish;
    usage = chunk.usage ?? usage;
  }
  yield {
    type: 'end',
    reason: finish === 'length' ? 'length' : 'stop',
    promptTokens: usage?.prompt_tokens,
    completionTokens: tally.total(),
    ...(usage ? { counterTokens: usage.completion_tokens } : {}),
    ...(finish === undefined ? { incomplete: true } : {}),
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
  return createHttpEngine({
    kind: 'openai',
    http,
    continuesAssistant: options.continuesAssistant,
    probe: (signal) => probe(http, options, signal),
    stream: (request, signal) => stream(http, request, { signal, logprobs }),
  });
}
