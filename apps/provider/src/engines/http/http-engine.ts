/** What engines behind an HTTP API have in common: only sockets hold them back, and they count no prompts. */
import {
  classifyEngineError,
  type Engine,
  type EngineEvent,
  type EngineProbe,
  type EngineRequest,
} from '../engine.ts';
import type { HttpClient } from './http-client.ts';
import { createStreamGauges } from './token-tally.ts';

/** The part that differs from server to server. */
export interface HttpEngineParts {
  readonly kind: 'ollama' | 'openai';
  readonly http: HttpClient;
  /** The owner says that the server goes on with a trailing assistant message. */
  readonly continuesAssistant: boolean | undefined;
  probe(signal: AbortSignal): Promise<EngineProbe>;
  stream(request: EngineRequest, signal: AbortSignal): AsyncGenerator<EngineEvent, void, void>;
}

/** An engine over an HTTP client; nothing is asked before `probe`. */
export function createHttpEngine(parts: HttpEngineParts): Engine {
  const { kind, http, probe, stream, continuesAssistant } = parts;
  const gauges = createStreamGauges(http.isStarted);
  return {
    kind,
    backPressure: 'socket',
    start: http.start,
    stop: http.stop,
    probe,
    async *generate(request, { signal }) {
      if (request.prefixText && !continuesAssistant) {
        throw http.fail('ENGINE_BAD_REQUEST', 'it cannot continue an answer');
      }
      yield* gauges.watch(stream(request, signal));
    },
    countPromptTokens: async () => undefined,
    gauges: gauges.read,
    classify: classifyEngineError,
  };
}
