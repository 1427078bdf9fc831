/**
 * Ollama through its native API. Native, not its OpenAI layer, because only native hands on the text of
 * an error in mid-stream, log-probabilities per token, and the counters of the last line.
 *
 * Four cases in which Ollama's counters are absent or wrong; all are settled by counting the stream:
 *   1. we leave early: there is no last line. The `tokens` events so far are the bill.
 *   2. its repetition guard ends the stream cleanly without `done`: `end` says `incomplete`.
 *   3. a thinking model with a format generates twice and counts only the second run: the thinking
 *      tokens of the first were in the stream.
 *   4. the runner dies: an `error` line in a 200 answer becomes ENGINE_CRASHED.
 *
 * Limits: Ollama has no gauges and no tokenizer route, so `slots` and prompt tokens are unknown beforehand.
 * A trailing assistant message is continued where the model's template leaves it open, which most do; the text is cut
 * into tokens anew, and nothing can be done about it from outside. So answers are resumed as a best effort.
 */

import type { JobKind } from '@aitbc/protocol';
import { AppError } from '@aitbc/protocol';
import type {
  Engine,
  EngineEmbeddings,
  EngineEmbedRequest,
  EngineModel,
  EngineProbe,
  EngineResume,
} from '../engine.ts';
import {
  createHttpClient,
  type HttpClient,
  type MessageReader,
  VECTORS_BYTES_MAX,
} from '../http/http-client.ts';
import { createHttpEngine } from '../http/http-engine.ts';
import { createLineReader, jsonOf } from '../http/line-reader.ts';
import { createTokenTally } from '../http/token-tally.ts';
import {
  type ChatLine,
  chatBodyOf,
  chatLineOf,
  embedAnswer,
  isVersionAtLeast,
  psAnswer,
  showAnswer,
  tagsAnswer,
  versionAnswer,
} from './ollama-wire.ts';

/** Older versions let a crafted model file read memory (CVE-2026-7482). */
export const OLLAMA_VERSION_MIN = '0.17.1';
export const OLLAMA_URL_DEFAULT = 'http://127.0.0.1:11434';
/** Ollama's own default below 23 GiB of video memory; used until a loaded model tells its real context. */
const CONTEXT_DEFAULT = 4_096;
const RESUME_DEFAULT: EngineResume = 'best effort';

export interface OllamaOptions {
  readonly baseUrl?: string;
  /** Context to advertise for models that are not loaded, in tokens. */
  readonly contextMax?: number;
  /** How the templates of the sold models go on with a trailing assistant message; default best effort. */
  readonly resume?: EngineResume;
  readonly firstByteTimeoutMs?: number;
  readonly stallTimeoutMs?: number;
}

type Tag = (typeof tagsAnswer)['_output']['models'][number];

/** The part of a JSON number under `key` in `model_info`, when it is one. */
function numberIn(info: Readonly<Record<string, unknown>>, key: string): number | undefined {
  const value = info[key];
  return typeof value === 'number' && value > 0 ? value : undefined;
}

/** What a model can do; older versions do not say and have only models that chat. */
function servesOf(capabilities: readonly string[] | undefined): JobKind[] {
  if (!capabilities) return ['chat'];
  const kinds: JobKind[] = [];
  if (capabilities.includes('completion')) kinds.push('chat');
  if (capabilities.includes('embedding')) kinds.push('embed');
  return kinds;
}

/** A model as sold, or undefined for what cannot be: cloud models, and models that neither chat nor embed. */
async function describe(
  http: HttpClient,
  tag: Tag,
  { signal, loadedContext, options }: DescribeFacts,
): Promise<EngineModel | undefined> {
  if (tag.remote_host || /[:-]cloud$/.test(tag.name)) return undefined;
  const show = await http.json(
    { path: '/api/show', body: { model: tag.name }, signal, model: tag.name },
    showAnswer,
  );
  const serves = servesOf(show.capabilities);
  if (show.remote_host || serves.length === 0) return undefined;
  const info = show.model_info;
  const trained = numberIn(info, `${info['general.architecture']}.context_length`);
  const unloaded = Math.min(trained ?? CONTEXT_DEFAULT, options.contextMax ?? CONTEXT_DEFAULT);
  const parameters = numberIn(info, 'general.parameter_count');
  const quantization = tag.details?.quantization_level;
  return {
    name: tag.name,
    digest: tag.digest.startsWith('sha256:') ? tag.digest : `sha256:${tag.digest}`,
    contextMax: loadedContext ?? unloaded,
    serves,
    resume: options.resume ?? RESUME_DEFAULT,
    ...(quantization === undefined ? {} : { quantization }),
    ...(parameters === undefined ? {} : { parameters }),
  };
}

interface DescribeFacts {
  readonly signal: AbortSignal;
  readonly loadedContext: number | undefined;
  readonly options: OllamaOptions;
}

async function probe(
  http: HttpClient,
  options: OllamaOptions,
  signal: AbortSignal,
): Promise<EngineProbe> {
  const { version } = await http.json({ path: '/api/version', signal }, versionAnswer);
  if (!isVersionAtLeast(version, OLLAMA_VERSION_MIN)) {
    const expected = OLLAMA_VERSION_MIN;
    throw new AppError('ENGINE_TOO_OLD', { engine: 'ollama', version, expected });
  }
  const { models: tags } = await http.json({ path: '/api/tags', signal }, tagsAnswer);
  const { models: loaded } = await http.json({ path: '/api/ps', signal }, psAnswer);
  const contexts = new Map(loaded.map((model) => [model.name, model.context_length]));
  const models: EngineModel[] = [];
  for (const tag of tags) {
    const loadedContext = contexts.get(tag.name);
    const model = await describe(http, tag, { signal, loadedContext, options });
    if (model) models.push(model);
  }
  return { engine: 'ollama', version, models };
}

/** Reads the lines of one stream; the last one has the counters. */
function createLinesReader(http: HttpClient): MessageReader {
  const tally = createTokenTally();
  let last: ChatLine | undefined;
  return {
    read(text) {
      if (text === '') return undefined;
      const line = chatLineOf(jsonOf(text));
      if (line.error !== undefined) throw http.fail('ENGINE_CRASHED', line.error);
      if (line.done) last = line;
      return tally.eventOf(line);
    },
    isOver: () => last !== undefined,
    end() {
      const completionTokens = tally.total();
      if (!last) {
        const unknown = { reason: 'stop', promptTokens: undefined } as const;
        return { type: 'end', ...unknown, completionTokens, incomplete: true };
      }
      const { promptTokens, completionTokens: counterTokens } = last;
      const reason = endReasonOf(last, http);
      return { type: 'end', reason, promptTokens, completionTokens, counterTokens };
    },
  };
}

function endReasonOf({ doneReason }: ChatLine, http: HttpClient): 'stop' | 'length' {
  if (doneReason === 'stop' || doneReason === 'length') return doneReason;
  throw http.fail('ENGINE_PROTOCOL', `it ended with reason ${doneReason ?? 'none'}`);
}

/** Texts that do not fit are refused by the server, not cut. */
async function embed(
  http: HttpClient,
  { model, inputs }: EngineEmbedRequest,
  signal: AbortSignal,
): Promise<EngineEmbeddings> {
  const body = { model, input: inputs, truncate: false };
  const call = { path: '/api/embed', body, signal, model, bytesMax: VECTORS_BYTES_MAX };
  const { embeddings, prompt_eval_count } = await http.json(call, embedAnswer);
  return { vectors: embeddings, promptTokens: prompt_eval_count };
}

/** Makes the Ollama engine; nothing is asked before `probe`. */
export function createOllamaEngine(options: OllamaOptions = {}): Engine {
  const { baseUrl = OLLAMA_URL_DEFAULT, firstByteTimeoutMs, stallTimeoutMs } = options;
  const http = createHttpClient({
    engine: 'ollama',
    baseUrl,
    ...(firstByteTimeoutMs === undefined ? {} : { firstByteTimeoutMs }),
    ...(stallTimeoutMs === undefined ? {} : { stallTimeoutMs }),
  });
  return createHttpEngine({
    kind: 'ollama',
    http,
    resume: () => options.resume ?? RESUME_DEFAULT,
    probe: (signal) => probe(http, options, signal),
    stream(request, signal) {
      const call = { path: '/api/chat', body: chatBodyOf(request), signal, model: request.model };
      return http.events(call, createLineReader(), createLinesReader(http));
    },
    embed: (request, signal) => embed(http, request, signal),
  });
}
