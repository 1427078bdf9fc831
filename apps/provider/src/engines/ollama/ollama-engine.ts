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
 * Whether a trailing assistant message is continued depends on each model's template; the owner says so.
 */
import { AppError } from '@aitbc/protocol';
import type { Engine, EngineEvent, EngineModel, EngineProbe, EngineRequest } from '../engine.ts';
import { createHttpClient, type HttpClient } from '../http/http-client.ts';
import { createHttpEngine } from '../http/http-engine.ts';
import { createTokenTally } from '../http/token-tally.ts';
import {
  type ChatLine,
  chatBodyOf,
  chatLine,
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

export interface OllamaOptions {
  readonly baseUrl?: string;
  /** Context to advertise for models that are not loaded, in tokens. */
  readonly contextMax?: number;
  /** The templates of the sold models continue a trailing assistant message. */
  readonly continuesAssistant?: boolean;
  readonly firstByteTimeoutMs?: number;
  readonly stallTimeoutMs?: number;
}

type Tag = (typeof tagsAnswer)['_output']['models'][number];

/** The part of a JSON number under `key` in `model_info`, when it is one. */
function numberIn(info: Readonly<Record<string, unknown>>, key: string): number | undefined {
  const value = info[key];
  return typeof value === 'number' && value > 0 ? value : undefined;
}

/** A model as sold, or undefined for what cannot be: cloud models and models that only embed. */
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
  if (show.remote_host || show.capabilities?.includes('completion') === false) return undefined;
  const info = show.model_info;
  const trained = numberIn(info, `${info['general.architecture']}.context_length`);
  const unloaded = Math.min(trained ?? CONTEXT_DEFAULT, options.contextMax ?? CONTEXT_DEFAULT);
  const parameters = numberIn(info, 'general.parameter_count');
  const quantization = tag.details?.quantization_level;
  return {
    name: tag.name,
    digest: tag.digest.startsWith('sha256:') ? tag.digest : `sha256:${tag.digest}`,
    contextMax: loadedContext ?? unloaded,
    canResume: options.continuesAssistant ?? false,
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

function endReasonOf(line: ChatLine, http: HttpClient): 'stop' | 'length' {
  if (line.done_reason === 'stop' || line.done_reason === 'length') return line.done_reason;
  throw http.fail('ENGINE_PROTOCOL', `it ended with reason ${line.done_reason ?? 'none'}`);
}

async function* stream(
  http: HttpClient,
  request: EngineRequest,
  signal: AbortSignal,
): AsyncGenerator<EngineEvent, void, void> {
  const tally = createTokenTally();
  const body = chatBodyOf(request);
  for await (const text of http.lines({ path: '/api/chat', body, signal, model: request.model })) {
    if (text === '') continue;
    const line = http.parse(text, chatLine);
    if (line.error !== undefined) throw http.fail('ENGINE_CRASHED', line.error);
    const event = tally.eventOf({
      text: line.message.content,
      thinking: line.message.thinking,
      logprobCount: line.logprobs?.length,
    });
    if (event) yield event;
    if (!line.done) continue;
    yield {
      type: 'end',
      reason: endReasonOf(line, http),
      promptTokens: line.prompt_eval_count,
      completionTokens: tally.total(),
      counterTokens: line.eval_count,
    };
    return;
  }
  const completionTokens = tally.total();
  yield {
    type: 'end',
    reason: 'stop',
    promptTokens: undefined,
    completionTokens,
    incomplete: true,
  };
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
    continuesAssistant: options.continuesAssistant,
    probe: (signal) => probe(http, options, signal),
    stream: (request, signal) => stream(http, request, signal),
  });
}
