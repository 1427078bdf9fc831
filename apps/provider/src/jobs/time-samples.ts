const kept = 4_096;

/** The newest measured times and their percentiles. */
export interface TimeSamples {
  add(micros: number): void;
  summary(): { readonly p50: number; readonly p99: number; readonly count: number };
}

/** A ring of the newest 4096 samples; `count` counts all. */
export function createTimeSamples(): TimeSamples {
  const ring = new Float64Array(kept);
  let count = 0;
  return {
    add(micros) {
      ring[count % kept] = micros;
      count += 1;
    },
    summary() {
      const sorted = ring.slice(0, Math.min(count, kept)).sort();
      const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
      return { p50: at(0.5), p99: at(0.99), count };
    },
  };
}
