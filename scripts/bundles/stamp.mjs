/** Whether a bundle is what its sources make: a stamp beside it holds the hash of all that goes in. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Paths of the files below a folder, from the root; none where it is missing. */
export function filesIn(root, folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

/** One hash over names and contents; tests are left out. */
export function hashOfFiles(root, paths) {
  const hash = createHash('sha256');
  for (const path of paths.filter((name) => !name.includes('.test.')).sort()) {
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(root, path)))
      .update('\0');
  }
  return hash.digest('hex');
}

/** The stamp of an output folder. */
export function stampOf(folder) {
  const file = join(folder, '.stamp');
  return {
    is: (hash) => existsSync(file) && readFileSync(file, 'utf8') === hash,
    set: (hash) => writeFileSync(file, hash),
  };
}
