/** Which word was meant. */

/** Words this far apart, as a part of the longer one, are not the same word misspelt. */
const farthest = 0.4;
const wordMax = 60;

/** The known word that is spelt most like the given one; undefined when none is near. */
export function nearestWord(given: string, known: readonly string[]): string | undefined {
  let best: { word: string; far: number } | undefined;
  for (const word of known) {
    const length = Math.max(plain(given).length, plain(word).length);
    const far = distance(plain(given), plain(word)) / Math.max(1, length);
    if (far <= farthest && (best === undefined || far < best.far)) best = { word, far };
  }
  return best?.word;
}

function plain(word: string): string {
  return word.toLowerCase().replace(/[-_]/g, '').slice(0, wordMax);
}

/** Insertions, deletions, replacements and swaps of neighbours between two words. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const isSame = a[row - 1] === b[column - 1];
      const isSwap = row > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current.push(
        Math.min(
          (previous[column] ?? 0) + 1,
          (current[column - 1] ?? 0) + 1,
          (previous[column - 1] ?? 0) + (isSame ? 0 : 1),
          isSwap ? (before[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    [before, previous] = [previous, current];
  }
  return previous[b.length] ?? 0;
}
