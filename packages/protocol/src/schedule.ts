import type { Validator } from './blocks.ts';

/**
 * Leader schedule: smooth weighted round robin. Each slot adds its stake to every validator's credit; the
 * one with the most credit leads (the lower index on a tie) and pays the total stake. Equal stakes give
 * plain rotation, and a validator with twice the stake leads twice as often, well spread. The table of
 * `slotsPerValidator` slots per validator repeats, so `leaderOf` is a lookup. A stake below about
 * 1/(16 n) of the total may get no slot; it still votes. See docs/spec/consensus.md, "Leaders".
 */
const slotsPerValidator = 16;

/** Index of the leader of a view. */
export type LeaderOf = (view: number) => number;

/** Schedule of a validator set; it must not be empty. */
export function createSchedule(validators: readonly Validator[]): LeaderOf {
  if (validators.length === 0) throw new RangeError('a chain needs a validator');
  const slots = slotTable(validators, validators.length === 1 ? 1 : undefined);
  return (view) => slots[view % slots.length] as number;
}

function slotTable(
  validators: readonly Validator[],
  size: number = validators.length * slotsPerValidator,
): readonly number[] {
  const total = validators.reduce((sum, { stake }) => sum + stake, 0n);
  const credits = validators.map(() => 0n);
  return Array.from({ length: size }, () => {
    let leader = 0;
    validators.forEach(({ stake }, index) => {
      credits[index] = (credits[index] as bigint) + stake;
      if ((credits[index] as bigint) > (credits[leader] as bigint)) leader = index;
    });
    credits[leader] = (credits[leader] as bigint) - total;
    return leader;
  });
}
