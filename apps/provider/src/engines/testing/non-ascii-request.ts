import type { Engine, EngineRequest } from '../engine.ts';
import { collect, greedyRequest } from './ask-engine.ts';

const SEEDS_MAX = 40;

/** A repeatable request whose answer has characters of several bytes, and that answer. */
export async function findNonAsciiRequest(
  engine: Engine,
  model: string,
): Promise<{ readonly request: EngineRequest; readonly text: string }> {
  for (let seed = 1; seed <= SEEDS_MAX; seed += 1) {
    const hot = { temperature: 3, topK: 0, topP: 1, seed, maxTokens: 200 };
    const request = greedyRequest(model, hot);
    const { text } = await collect(engine, request);
    if (Buffer.byteLength(text) > text.length) return { request, text };
  }
  throw new Error(`no answer with such characters in ${SEEDS_MAX} tries`);
}
