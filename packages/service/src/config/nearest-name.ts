/** Edit distance of two short names: insertions, deletions and replacements. */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const replaced = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      const inserted = (current[column - 1] ?? 0) + 1;
      const deleted = (previous[column] ?? 0) + 1;
      current.push(Math.min(replaced, inserted, deleted));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/** The known name that is spelt most like the given one; '' when there is none. */
export function nearestName(given: string, known: readonly string[]): string {
  const plain = (name: string): string => name.toLowerCase().replace(/[-_]/g, '').slice(0, 60);
  const ranked = known
    .map((name) => ({ name, far: distance(plain(given), plain(name)) }))
    .sort((a, b) => a.far - b.far);
  return ranked[0]?.name ?? '';
}
