/**
 * Group commits over a disk that loses what was not synced: whoever waits is told in order, one sync at a time, the way
 * the stores of the daemons do it.
 */
import type { Disk } from '../engine/disk.ts';

/** Tells when everything written so far is durable. */
export interface Commits {
  written(done: () => void): void;
}

/** Commits of one life; a crash ends them with it. */
export function createCommits(disk: Pick<Disk<unknown>, 'sync'>): Commits {
  let waiting: (() => void)[] = [];
  let isSyncing = false;
  const next = (): void => {
    const served = waiting;
    waiting = [];
    isSyncing = served.length > 0;
    if (!isSyncing) return;
    disk.sync(() => {
      for (const done of served) done();
      next();
    });
  };
  return {
    written(done) {
      waiting.push(done);
      if (!isSyncing) next();
    },
  };
}
