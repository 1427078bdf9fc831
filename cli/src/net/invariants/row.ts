import type { InvariantRow } from '../contract.ts';

const brokenShown = 20;

/** Judges each of a list: nothing for one that holds, words for one that does not. */
export function rowOf<T>(
  { name, claim }: Pick<InvariantRow, 'name' | 'claim'>,
  items: Iterable<T>,
  judge: (item: T) => string | undefined,
): InvariantRow {
  const broken: string[] = [];
  let checked = 0;
  let faults = 0;
  for (const item of items) {
    checked += 1;
    const fault = judge(item);
    if (fault === undefined) continue;
    faults += 1;
    if (broken.length < brokenShown) broken.push(fault);
  }
  if (faults > broken.length) broken.push(`and ${faults - broken.length} more`);
  return { name, claim, checked, broken };
}
