/**
 * A disk under power cuts. What is written is durable only when a sync that began after the write has
 * ended; a crash keeps a random beginning of the rest, the way a file system writes back pages in
 * order of time, and may tear the record behind it, which then reads as nothing.
 */
import type { Random } from './random.ts';

/** How long a sync takes, ms, and what chance decides after a crash. */
export interface DiskOptions {
  readonly random: Random;
  readonly syncMinMs: number;
  readonly syncMaxMs: number;
  /** Calls back after a delay in this life of the node; never after a crash. */
  readonly after: (delayMs: number, run: () => void) => void;
}

/** An append-only file of records. */
export interface Disk<T> {
  write(record: T): void;
  /** Calls back when everything written before is durable. */
  sync(done: () => void): void;
  /** Power is cut: what was not synced is lost from some record on, or from none. */
  crash(lost?: 'some' | 'none'): void;
  /** The last durable record cannot be read any more. */
  tear(): void;
  /** The file is lost. */
  wipe(): void;
  /** Syncs take this many times longer. */
  slow(factor: number): void;
  /** Drops durable records that a test calls outdated. */
  forget(isOld: (record: T) => boolean): void;
  /** What a reader finds: durable records, after a restart also those that happened to be written back. */
  readonly records: readonly T[];
  readonly counts: { readonly syncs: number; readonly dropped: number };
}

const slownessMax = 8; // with the longest sync of a plan still within the cap of the timers

/** An empty disk. */
export function createDisk<T>(options: DiskOptions): Disk<T> {
  const { random, syncMinMs, syncMaxMs, after } = options;
  const counts = { syncs: 0, dropped: 0 };
  let records: T[] = [];
  let pending: T[] = [];
  let written = 0;
  let slowness = 1;
  return {
    counts,
    write(record) {
      written += 1;
      pending.push(record);
    },
    sync(done) {
      counts.syncs += 1;
      const delayMs =
        (syncMinMs + random.unit() * (syncMaxMs - syncMinMs)) * Math.min(slowness, slownessMax);
      const covered = written;
      after(delayMs, () => {
        const later = written - covered;
        const due = Math.max(0, pending.length - later);
        for (const record of pending.splice(0, due)) records.push(record);
        done();
      });
    },
    crash(lost = 'some') {
      const kept = lost === 'none' ? pending.length : random.below(pending.length + 1);
      counts.dropped += pending.length - kept;
      for (const record of pending.slice(0, kept)) records.push(record);
      pending = [];
    },
    tear() {
      records.pop();
    },
    wipe() {
      records = [];
      pending = [];
    },
    slow(factor) {
      slowness *= factor;
    },
    forget(isOld) {
      records = records.filter((record) => !isOld(record));
    },
    get records() {
      return records;
    },
  };
}
