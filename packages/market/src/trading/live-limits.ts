/**
 * What bounds a strategy that acts for real. Whatever it decides, the price stays between floor and ceiling and moves
 * by no more than `changeBpsPerHour` of the price of an hour ago. The bound on change looks at the prices that were in
 * force during the last hour, so many small steps add up. Floor and ceiling are stronger: a price outside them jumps in.
 */

/** Limits of a seller; unit prices in nait. */
export interface PriceLimits {
  readonly floorNait: bigint;
  readonly ceilingNait: bigint;
  /** Most change within an hour, 1/10 000 of the price at its beginning. */
  readonly changeBpsPerHour: bigint;
}

/** A price from a time on. */
export interface PriceAt {
  readonly atMs: number;
  readonly price: bigint;
}

/** A price that may be asked, and which limit made it another one. */
export interface BoundPrice {
  readonly price: bigint;
  readonly bound: 'floor' | 'ceiling' | 'change' | null;
}

const hourMs = 3_600_000;
const whole = 10_000n;

/** The wanted price within the limits. `past` are the prices in force so far, oldest first. */
export function boundPrice(
  wanted: bigint,
  { floorNait, ceilingNait, changeBpsPerHour }: PriceLimits,
  { nowMs, past }: { readonly nowMs: number; readonly past: readonly PriceAt[] },
): BoundPrice {
  const before = past.filter(({ atMs }) => atMs <= nowMs - hourMs).at(-1) ?? past[0];
  const inside = clamp(wanted, floorNait, ceilingNait);
  const outer = inside === wanted ? null : wanted < floorNait ? 'floor' : 'ceiling';
  if (!before) return { price: inside, bound: outer };
  const room = (before.price * changeBpsPerHour) / whole;
  const moved = clamp(inside, before.price - room, before.price + room);
  const price = clamp(moved, floorNait, ceilingNait);
  return { price, bound: price === inside ? outer : 'change' };
}

function clamp(value: bigint, least: bigint, most: bigint): bigint {
  return value < least ? least : value > most ? most : value;
}
