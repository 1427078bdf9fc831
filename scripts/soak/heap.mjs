/**
 * Loaded into every daemon of a soak (`--import`): collects the heap now and then and writes down what is left, so that
 * growth is told from garbage. Nothing of the daemon is changed.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread } from 'node:worker_threads';

const everyMs = 15_000;
const folder = process.env.AITBC_SOAK_HEAP;

if (folder && isMainThread) {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  const file = join(folder, `${process.pid}.jsonl`);
  setInterval(() => {
    collect();
    const { heapUsed, external, arrayBuffers } = process.memoryUsage();
    const resources = process.getActiveResourcesInfo().length;
    const row = { atMs: Date.now(), heapUsed, external, arrayBuffers, resources };
    appendFileSync(file, `${JSON.stringify(row)}\n`);
  }, everyMs).unref();
}
