/** Waiting that ends: by time, by a signal, or by what was waited for. */
import { AppError } from '@aitbc/protocol';

/** Resolves after the time. Rejects with AppError CANCELLED when the signal is aborted first. */
export function delay(timeMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(new AppError('CANCELLED'));
    const onAbort = () => {
      clearTimeout(timer);
      reject(new AppError('CANCELLED'));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, timeMs);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** True when the promise settled well within the time; false when time ran out or it failed. */
export async function settledWithin(promise: Promise<unknown>, timeMs: number): Promise<boolean> {
  const end = new AbortController();
  const ended = promise.then(
    () => true,
    () => false,
  );
  const late = delay(timeMs, end.signal).then(
    () => false,
    () => false,
  );
  try {
    return await Promise.race([ended, late]);
  } finally {
    end.abort();
  }
}
