/** A node that is restarted, or that another one takes over from at the same address, is away for a moment. */
import { asAppError } from '@aitbc/protocol';
import { pause } from './pause.ts';

const pausesMs = [100, 200, 400, 800];

/** Asks again while the answer is UNAVAILABLE, for some 1.5 s; `ask` must be something that may be asked twice. */
export async function askAgain<T>(ask: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (const pauseMs of pausesMs) {
    try {
      return await ask();
    } catch (error) {
      if (asAppError(error).code !== 'UNAVAILABLE') throw error;
    }
    await pause(pauseMs, signal);
  }
  return ask();
}
