/** Figures of a bench as a file. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Writes `result` with the date into `path` and says so; an empty path writes nothing. */
export function writeJson(path, result) {
  if (!path) return;
  mkdirSync(dirname(path), { recursive: true });
  const text = JSON.stringify({ date: new Date().toISOString(), ...result }, null, 2);
  writeFileSync(path, `${text}\n`);
  console.log(`written to ${path}`);
}
