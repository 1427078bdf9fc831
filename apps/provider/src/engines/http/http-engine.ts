/** What engines behind an HTTP API have in common: only sockets hold them back, and they count no prompts. */
import {
  classifyEngineError,
  type Engine,
  type EngineEmbeddings,
  type EngineEmbedRequest,
  type EngineEvent,
  type EngineProbe,
  type EngineRequest,
  type EngineResume,
} from '../engine.ts';
import type { HttpClient } from './http-client.ts';

/** The part that differs from server to server. */
export interface HttpEngineParts {
  readonly kind: 'ollama' | 'openai';
  readonly http: HttpClient;
  /** How the server goes on with a trailing assistant message, as far as is known by now. */
  resume(): EngineResume;
  probe(signal: AbortSignal): Promise<EngineProbe>;
  stream(request: EngineRequest, signal: AbortSignal): AsyncGenerator<EngineEvent, void, void>;
  embed(request: EngineEmbedRequest, signal: AbortSignal): Promise<EngineEmbeddings>;
}

/** An engine over an HTTP client; nothing is asked before `probe`. */
export function createHttpEngine(parts: HttpEngineParts): Engine {
  const { kind, http, probe, stream, embed, resume } = parts;
  return {
    kind,
    backPressure: 'socket',
    start: http.start,
    stop: http.stop,
    probe,
    generate(request, { signal }) {
      if (request.prefixText && resume() === 'none') {
        return failing(http.fail('ENGINE_BAD_REQUEST', 'it cannot continue an answer'));
      }
      return stream(request, signal);
    },
    async embed(request, { signal }) {
      const embeddings = await http.load.during(embed(request, signal));
      const { length } = request.inputs;
      if (embeddings.vectors.length === length) return embeddings;
      const reason = `it gave ${embeddings.vectors.length} vectors for ${length} texts`;
      throw http.fail('ENGINE_PROTOCOL', reason);
    },
    noAudit: 'its API tells no logits of a text that it is given',
    countPromptTokens: async () => undefined,
    gauges: http.load.read,
    classify: classifyEngineError,
  };
}

/** The events of a request that fails at once. */
export async function* failing(error: Error): AsyncGenerator<EngineEvent> {
  yield* [];
  throw error;
}
