/** An engine for tests that counts how often it was called and how far it was pulled. */
import {
  classifyEngineError,
  type Engine,
  type EngineEvent,
  type EngineProbe,
} from '../engines/engine.ts';

/** What the engine says and how. */
export interface EngineScript {
  /** One event each. Default: 40 words. */
  readonly words?: readonly string[];
  readonly promptTokens?: number;
  /** Awaited before each event; rejecting it is a failure of the engine. */
  readonly before?: (index: number, signal: AbortSignal) => Promise<void>;
  readonly slots?: number;
  /** The stream ends cleanly, but without the engine's last word. */
  readonly incomplete?: true;
}

/** The engine with its counters. */
export interface CountingEngine {
  readonly engine: Engine;
  readonly probe: EngineProbe;
  readonly counts: { calls: number; pulled: number; aborted: number; abortedAtMs: number };
}

export const modelName = 'test-model';
export const defaultWords: readonly string[] = Array.from({ length: 40 }, (_, i) => `w${i} `);

export function createCountingEngine(script: EngineScript = {}): CountingEngine {
  const { words = defaultWords, promptTokens = 7, before, slots = 4 } = script;
  const counts = { calls: 0, pulled: 0, aborted: 0, abortedAtMs: 0 };
  const models = [
    { name: modelName, digest: `sha256:${'ab'.repeat(32)}`, contextMax: 4_096, canResume: false },
  ];
  const probe: EngineProbe = { engine: 'embedded', version: 'test', models };
  async function* generate(maxTokens: number, signal: AbortSignal): AsyncGenerator<EngineEvent> {
    counts.calls += 1;
    const onAbort = () => {
      counts.aborted += 1;
      counts.abortedAtMs = Date.now();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    let sent = 0;
    for (const text of words.slice(0, maxTokens)) {
      await before?.(sent, signal);
      signal.throwIfAborted();
      counts.pulled += 1;
      sent += 1;
      yield { type: 'tokens', text, tokens: 1 };
    }
    const reason = sent === words.length ? 'stop' : 'length';
    const end = { type: 'end', reason, promptTokens, completionTokens: sent } as const;
    yield script.incomplete ? { ...end, incomplete: true } : end;
  }
  const engine: Engine = {
    kind: 'embedded',
    backPressure: 'tokens',
    start: async () => {},
    stop: async () => {},
    probe: async () => probe,
    generate: ({ maxTokens }, { signal }) => generate(maxTokens, signal),
    countPromptTokens: async () => promptTokens,
    gauges: () => ({ state: 'ready', running: 0, slots, calls: counts.calls, tokens: 0 }),
    classify: classifyEngineError,
  };
  return { engine, probe, counts };
}
