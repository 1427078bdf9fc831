const pollMs = 250;

/** Asks again and again until the answer is true; false when the time is over first. */
export async function tryUntil(timeoutMs: number, ask: () => Promise<boolean>): Promise<boolean> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    if (await ask()) return true;
    if (performance.now() > endMs) return false;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
