/** Options of `until`. */
export interface UntilOptions {
  /** Named in the error when time runs out. */
  readonly what?: string;
  /** Default 5000. */
  readonly timeoutMs?: number;
  /** Pause between two looks. Default 10. */
  readonly intervalMs?: number;
}

/**
 * Looks again and again until the condition gives a value that is not falsy, and returns that value.
 * Throws when the time is up, with the last error of the condition as cause.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  { what = 'the condition', timeoutMs = 5_000, intervalMs = 10 }: UntilOptions = {},
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs;
  let cause: unknown;
  do {
    try {
      const value = await condition();
      if (value) return value as NonNullable<T>;
    } catch (error) {
      cause = error;
    }
    await new Promise((done) => setTimeout(done, intervalMs));
  } while (performance.now() < deadline);
  throw new Error(`${what} did not happen within ${timeoutMs} ms`, { cause });
}
