/**
 * What a source may say instead of an answer. A node writes the code of its errors itself, and some codes are judgements
 * that only the client may pass: LIGHT_FORK ends all trust, INTERNAL means a bug here. So a source that fails may
 * say that it does not have a thing, does not understand, or has no answer to use; whatever else it says is no answer.
 */
import { AppError, type ErrorCode } from '@aitbc/protocol';
import type { LightSource } from './types.ts';

const wordsOfSources: readonly ErrorCode[] = [
  'NOT_FOUND',
  'UNAVAILABLE',
  'TIMEOUT',
  'ANSWER_INVALID',
  'RATE_LIMITED',
  'BAD_REQUEST',
];

/** A source whose errors are those of a source. Bugs inside it pass as they are. */
export function guardSource(source: LightSource): LightSource {
  const { name } = source;
  return {
    name,
    getBundle: (at, signal) => guarded(name, source.getBundle(at, signal), signal),
    getState: (key, signal) => guarded(name, source.getState(key, signal), signal),
    getTx: (txId, signal) => guarded(name, source.getTx(txId, signal), signal),
  };
}

async function guarded<T>(name: string, answer: Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (signal?.aborted || !(error instanceof AppError)) throw error;
    if (wordsOfSources.includes(error.code)) throw error;
    const reason = `it answered with ${error.code}`;
    throw new AppError('UNAVAILABLE', { what: name, reason }, { cause: error });
  }
}
