const timeoutMs = 5_000;
const intervalMs = 5;

/** Looks again and again until the condition holds; throws after five seconds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`${what} did not happen`);
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
}
