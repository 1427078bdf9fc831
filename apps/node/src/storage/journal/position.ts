/** A round of agreement: rounds are ordered by epoch, then by view. */
export interface Position {
  readonly epoch: number;
  readonly view: number;
}

/** Before the first round. */
export const firstPosition: Position = Object.freeze({ epoch: 0, view: 0 });

/** Behind every round: where votes may be unknown for ever. */
export const lastPosition: Position = Object.freeze({
  epoch: Number.MAX_SAFE_INTEGER,
  view: Number.MAX_SAFE_INTEGER,
});

/** Negative, zero or positive as `a` comes before, is, or comes after `b`. */
export function comparePositions(a: Position, b: Position): number {
  return a.epoch - b.epoch || a.view - b.view;
}

/** The later one. */
export function laterOf(a: Position, b: Position): Position {
  return comparePositions(a, b) >= 0 ? a : b;
}
