import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 10;

/** Waits until the condition holds; fails after the deadline. */
export async function until(condition: () => boolean, deadlineMs = 10_000): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`not so after ${deadlineMs} ms`);
    await delay(POLL_MS);
  }
}
