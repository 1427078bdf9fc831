/** The lowest price of a model after each change of its offers. */
import type { MarketEvent } from '@aitbc/protocol';

/** Prices from a time on, AIT per million tokens; null while nobody offers it. */
export interface PricePoint {
  readonly atMs: number;
  readonly input: number | null;
  readonly output: number | null;
}

const naitPerAit = 1e9;

/** One point for each change, and one for now. Charts only: money is never computed with these numbers. */
export function pricesOver(
  events: readonly MarketEvent[],
  model: string,
  nowMs: number,
): PricePoint[] {
  const open = new Map<string, { input: number; output: number }>();
  const points: PricePoint[] = [];
  const point = (atMs: number): PricePoint => ({
    atMs,
    input: lowest([...open.values()].map(({ input }) => input)),
    output: lowest([...open.values()].map(({ output }) => output)),
  });
  for (const { atMs, facts } of events) {
    if (facts.kind === 'offer_up' && facts.model === model) {
      points.push(point(atMs - 1));
      const [input, output] = [facts.inputPerMTok, facts.outputPerMTok].map(
        (nait) => Number(nait) / naitPerAit,
      );
      open.set(facts.offerId, { input: input ?? 0, output: output ?? 0 });
    } else if (facts.kind === 'offer_down' && open.has(facts.offerId)) {
      points.push(point(atMs - 1));
      open.delete(facts.offerId);
    } else continue;
    points.push(point(atMs));
  }
  return points.length === 0 ? [] : [...points, point(nowMs)];
}

function lowest(values: readonly number[]): number | null {
  return values.length === 0 ? null : Math.min(...values);
}
