/** Results across restarts: one JSON file, written whole. A file that cannot be read is as good as none. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { zModelBenchmark } from '@aitbc/protocol';
import { z } from 'zod';
import type { ModelBenchmark } from './measure-model.ts';

const zFile = z.array(zModelBenchmark);

/** The results of a file; none when there is no such file, or one that nobody can read. */
export function readBenchmarks(path: string): ModelBenchmark[] {
  try {
    return zFile.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return []; // absent, cut off, or of another version: measured anew
  }
}

/** Replaces the file. */
export function writeBenchmarks(path: string, results: readonly ModelBenchmark[]): void {
  writeFileSync(`${path}.new`, `${JSON.stringify(results, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
