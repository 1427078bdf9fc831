/** An engine for tests that counts how often it was called and how far it was pulled. */
import {
  classifyEngineError,
  type Engine,
  type EngineEvent,
  type EngineProbe,
  type EngineRequest,
  type EngineResume,
} from '../engines/engine.ts';

/** What the engine says and how. */
export interface EngineScript {
  /** One event each. Default: 40 words. */
  readonly words?: readonly string[];
  /** Tokens of each word. Default 1. */
  readonly wordTokens?: number;
  readonly promptTokens?: number;
  /** Awaited before each event; rejecting it is a failure of the engine. */
  readonly before?: (index: number, signal: AbortSignal) => Promise<void>;
  readonly slots?: number;
  /** The stream ends cleanly, but without the engine's last word. */
  readonly incomplete?: true;
  /** Default `exact`: the words after those that the prefix ends with. */
  readonly resume?: EngineResume;
  /** The engine's own count, made of what it streamed. */
  readonly counter?: (streamed: number) => number;
  /** An engine that counts no prompts beforehand, and prompt and prefix together at its end. */
  readonly countsLate?: true;
}

/** The engine with its counters. */
export interface CountingEngine {
  readonly engine: Engine;
  readonly probe: EngineProbe;
  readonly counts: { calls: number; pulled: number; aborted: number; abortedAtMs: number };
  /** The requests it was asked. */
  readonly requests: EngineRequest[];
}

export const modelName = 'test-model';
export const defaultWords: readonly string[] = Array.from({ length: 40 }, (_, i) => `w${i} `);

export function createCountingEngine(script: EngineScript = {}): CountingEngine {
  const { words = defaultWords, promptTokens = 7, before, slots = 4, resume = 'exact' } = script;
  const { wordTokens = 1 } = script;
  const requests: EngineRequest[] = [];
  const counts = { calls: 0, pulled: 0, aborted: 0, abortedAtMs: 0 };
  const models = [
    {
      name: modelName,
      digest: `sha256:${'ab'.repeat(32)}`,
      contextMax: 4_096,
      serves: ['chat', 'embed'] as const,
      resume,
    },
  ];
  const probe: EngineProbe = { engine: 'embedded', version: 'test', models };
  async function* generate(
    request: EngineRequest,
    signal: AbortSignal,
  ): AsyncGenerator<EngineEvent> {
    counts.calls += 1;
    requests.push(request);
    const first = wordsIn(words, request.prefixText);
    const onAbort = () => {
      counts.aborted += 1;
      counts.abortedAtMs = Date.now();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    let sent = 0;
    for (const text of words.slice(first, first + request.maxTokens)) {
      await before?.(sent, signal);
      signal.throwIfAborted();
      counts.pulled += 1;
      sent += 1;
      yield { type: 'tokens', text, tokens: wordTokens };
    }
    const reason = first + sent === words.length ? 'stop' : 'length';
    const end = {
      type: 'end' as const,
      reason: reason as 'stop' | 'length',
      promptTokens: promptTokens + first,
      completionTokens: sent * wordTokens,
      ...(script.counter ? { counterTokens: script.counter(sent) } : {}),
    };
    yield script.incomplete ? { ...end, incomplete: true } : end;
  }
  const engine: Engine = {
    kind: 'embedded',
    backPressure: 'tokens',
    start: async () => {},
    stop: async () => {},
    probe: async () => probe,
    generate: (request, { signal }) => generate(request, signal),
    async embed({ inputs }, { signal }) {
      counts.calls += 1;
      await before?.(0, signal);
      signal.throwIfAborted();
      return { vectors: inputs.map(({ length }) => [length, 0.5, -1]), promptTokens };
    },
    countPromptTokens: async ({ prefixText }) =>
      script.countsLate ? undefined : promptTokens + wordsIn(words, prefixText),
    gauges: () => ({ state: 'ready', running: 0, slots, calls: counts.calls, tokens: 0 }),
    classify: classifyEngineError,
  };
  return { engine, probe, counts, requests };
}

/** How many of the words a prefix has. */
function wordsIn(words: readonly string[], prefix = ''): number {
  let length = 0;
  const index = words.findIndex((word) => {
    if (length >= prefix.length) return true;
    length += word.length;
    return false;
  });
  return index < 0 ? words.length : index;
}
