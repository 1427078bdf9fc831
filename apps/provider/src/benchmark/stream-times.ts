/** One generation with its times by the clock of its caller. */
import { performance } from 'node:perf_hooks';
import { AppError } from '@aitbc/protocol';
import type { Engine, EngineRequest } from '../engines/engine.ts';

/** What one stream took; times in ms. */
export interface StreamTimes {
  readonly firstTokenMs: number;
  /** From the call to the end. */
  readonly totalMs: number;
  /** Between one piece and the next. */
  readonly gapsMs: readonly number[];
  readonly outputTokens: number;
  /** Undefined where the engine does not count them. */
  readonly promptTokens: number | undefined;
}

/** Runs a generation to its end. Throws what the engine throws, the signal's reason, or ENGINE_PROTOCOL. */
export async function timeStream(
  engine: Engine,
  request: EngineRequest,
  signal: AbortSignal,
): Promise<StreamTimes> {
  const startedAt = performance.now();
  const gapsMs: number[] = [];
  let firstTokenMs: number | undefined;
  let before = startedAt;
  for await (const event of engine.generate(request, { signal })) {
    signal.throwIfAborted();
    const now = performance.now();
    if (event.type === 'tokens') {
      if (firstTokenMs === undefined) firstTokenMs = now - startedAt;
      else gapsMs.push(now - before);
      before = now;
      continue;
    }
    const { completionTokens: outputTokens, promptTokens } = event;
    const totalMs = now - startedAt;
    return { firstTokenMs: firstTokenMs ?? totalMs, totalMs, gapsMs, outputTokens, promptTokens };
  }
  throw new AppError('ENGINE_PROTOCOL', { engine: engine.kind, reason: 'its answer broke off' });
}

/** The value at a share of the sorted values; 0 for none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
