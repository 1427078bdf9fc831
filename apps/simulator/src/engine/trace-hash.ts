/** A 64-bit fingerprint of what happened in a run: two 32-bit lanes, cheap enough for every event. */
export interface TraceHash {
  fold(value: number): void;
  text(): string;
}

export function createTraceHash(): TraceHash {
  let low = 0x811c9dc5;
  let high = 0x1000193;
  return {
    fold(value) {
      low = Math.imul(low ^ value, 0x01000193);
      high = Math.imul(high ^ low ^ (value >>> 3), 0x85ebca6b);
    },
    text: () => [low, high].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join(''),
  };
}
