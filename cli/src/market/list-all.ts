/** Pages of a list, joined. */

const pagesMax = 20; // 2000 rows: more than anybody reads, and a bound for a broken cursor

/** All rows of a paged list, at most 20 pages. */
export async function listAll<T>(
  readPage: (after: string | undefined) => Promise<{ rows: readonly T[]; next: string | null }>,
): Promise<T[]> {
  const all: T[] = [];
  let after: string | undefined;
  for (let page = 0; page < pagesMax; page += 1) {
    const { rows, next } = await readPage(after);
    all.push(...rows);
    if (next === null) break;
    after = next;
  }
  return all;
}
