/**
 * Figures of a run. They are of the strategy's own periods, never of the market. Money stays in bigint; ratios are
 * rounded to whole thousandths or ten-thousandths, so that a report has no floats and two machines write the same one.
 *
 * Bounds come from a circular block bootstrap: periods that follow one another depend on one another, so blocks of
 * neighbours are drawn, as long as the square root of their number. The draws come from a seed.
 */

/** Mean of the differences and where it lies in 95 of 100 redrawn histories, nait a period. */
export interface Bounds {
  readonly meanNait: bigint;
  readonly lowNait: bigint;
  readonly highNait: bigint;
}

const resamplesUsual = 1_000;
const tail = 0.025;

/** Repeatable numbers in [0, 1): mulberry32. */
export function createDraws(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Sum of amounts. */
export function sumOf(amounts: readonly bigint[]): bigint {
  return amounts.reduce((sum, amount) => sum + amount, 0n);
}

/** Mean profit of a period over its standard deviation, in thousandths; null where nothing varies. */
export function sharpeMilliOf(profits: readonly bigint[]): number | null {
  if (profits.length < 2) return null;
  const values = profits.map(Number);
  const mean = meanOf(values);
  const spread = meanOf(values.map((value) => (value - mean) ** 2));
  return spread === 0 ? null : Math.round((1_000 * mean) / Math.sqrt(spread));
}

/** The deepest fall of the profit below its highest point before, nait. */
export function drawdownOf(profits: readonly bigint[]): bigint {
  let [level, peak, deepest] = [0n, 0n, 0n];
  for (const profit of profits) {
    level += profit;
    if (level > peak) peak = level;
    if (peak - level > deepest) deepest = peak - level;
  }
  return deepest;
}

/** Share of the periods that were better than the baseline among those that differ from it, 1/10 000. */
export function hitBpsOf(differences: readonly bigint[]): number | null {
  const differing = differences.filter((difference) => difference !== 0n);
  if (differing.length === 0) return null;
  const better = differing.filter((difference) => difference > 0n).length;
  return Math.round((10_000 * better) / differing.length);
}

/** Bounds of the mean difference. */
export function boundsOf(
  differences: readonly bigint[],
  { seed, resamples = resamplesUsual }: { readonly seed: number; readonly resamples?: number },
): Bounds {
  const values = differences.map(Number);
  const count = values.length;
  if (count === 0) return { meanNait: 0n, lowNait: 0n, highNait: 0n };
  const block = Math.max(1, Math.ceil(Math.sqrt(count)));
  const draw = createDraws(seed);
  const means: number[] = [];
  for (let round = 0; round < resamples; round += 1) {
    let sum = 0;
    for (let taken = 0; taken < count; ) {
      const start = Math.floor(draw() * count);
      for (let step = 0; step < block && taken < count; step += 1, taken += 1) {
        sum += values[(start + step) % count] as number;
      }
    }
    means.push(sum / count);
  }
  means.sort((a, b) => a - b);
  const at = (share: number) => wholeNait(means[Math.round((resamples - 1) * share)] as number);
  return { meanNait: wholeNait(meanOf(values)), lowNait: at(tail), highNait: at(1 - tail) };
}

function wholeNait(value: number): bigint {
  return BigInt(Math.round(value));
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
