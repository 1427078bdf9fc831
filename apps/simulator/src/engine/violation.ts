/** Facts of a broken invariant, for people. */
export type Facts = Readonly<Record<string, string | number | boolean | undefined>>;

/** An invariant that did not hold; ends the run of a seed. */
export class ViolationError extends Error {
  readonly invariant: string;
  readonly facts: Facts;

  constructor(invariant: string, facts: Facts) {
    super(`${invariant}: ${JSON.stringify(facts)}`);
    this.invariant = invariant;
    this.facts = facts;
  }
}
