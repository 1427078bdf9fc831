/** How many bytes a peer may send: a bucket that holds one second's worth and refills steadily. */
export interface Rate {
  /** Takes bytes out and says for how long to read nothing now, ms; 0 while the bucket is not overdrawn. */
  take(sizeBytes: number, nowMs: number): number;
}

/** A full bucket. */
export function createRate(bytesPerSecond: number, startMs: number): Rate {
  let left = bytesPerSecond;
  let atMs = startMs;
  return {
    take(sizeBytes, nowMs) {
      const refill = ((nowMs - atMs) / 1_000) * bytesPerSecond;
      left = Math.min(bytesPerSecond, left + refill) - sizeBytes;
      atMs = nowMs;
      return left >= 0 ? 0 : Math.ceil((-left / bytesPerSecond) * 1_000);
    },
  };
}
