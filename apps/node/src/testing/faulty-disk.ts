/**
 * A disk in memory that remembers what was not synced. `crash` gives the disk that a power cut leaves: of
 * each write that no `datasync` followed, every sector is kept or dropped as `keep` says.
 */
import type { Disk, DiskFile } from '../storage/disk.ts';

const sectorBytes = 512;

/** Thrown by the operation that the power cut hits. */
export class PowerCut extends Error {
  override readonly name = 'PowerCut';
}

interface Write {
  readonly bytes: Uint8Array;
  readonly offset: number;
}

interface StoredFile {
  durable: Uint8Array;
  /** As a reader sees it. */
  cached: Uint8Array;
  unsynced: Write[];
}

const storedFile = (bytes: Uint8Array): StoredFile => ({
  durable: bytes,
  cached: bytes.slice(),
  unsynced: [],
});

/** A disk that can lose power. */
export interface FaultyDisk extends Disk {
  /** Operations that change something, so far. */
  operations(): number;
  /** The operation with this number throws PowerCut, and so does every later one. */
  cutPowerAt(operation: number): void;
  /** What is on disk after the power cut. */
  crash(keep: () => boolean): FaultyDisk;
  /** Bytes of a file as a reader sees them now. */
  content(name: string): Uint8Array;
  /** Puts bytes in place of a file, as damage does. */
  replace(name: string, bytes: Uint8Array): void;
  /** A copy with everything synced. */
  copy(): FaultyDisk;
}

/** An empty disk, or one with files. */
export function createFaultyDisk(stored: ReadonlyMap<string, Uint8Array> = new Map()): FaultyDisk {
  const files = new Map<string, StoredFile>();
  for (const [name, bytes] of stored) files.set(name, storedFile(bytes));
  let operations = 0;
  let cutAt = Number.POSITIVE_INFINITY;
  const operate = (): void => {
    operations += 1;
    if (operations >= cutAt) throw new PowerCut(`power cut at operation ${operations}`);
  };
  const fileOf = (name: string): StoredFile => {
    const file = files.get(name);
    if (!file) throw new Error(`there is no file ${name}`);
    return file;
  };
  return {
    has: (name) => files.has(name),
    open: async (name) => handleOf(fileOf(name), operate),
    async create(name) {
      operate();
      const file = storedFile(new Uint8Array(0));
      files.set(name, file);
      return handleOf(file, operate);
    },
    async rename(from, to) {
      operate();
      files.set(to, fileOf(from));
      files.delete(from);
    },
    remove(name) {
      operate();
      files.delete(name);
    },
    operations: () => operations,
    cutPowerAt(operation) {
      cutAt = operation;
    },
    crash: (keep) => createFaultyDisk(contents(files, (file) => survivorOf(file, keep))),
    content: (name) => fileOf(name).cached.slice(),
    replace(name, bytes) {
      files.set(name, storedFile(bytes));
    },
    copy: () => createFaultyDisk(contents(files, ({ cached }) => cached)),
  };
}

function contents(
  files: ReadonlyMap<string, StoredFile>,
  bytesOf: (file: StoredFile) => Uint8Array,
): Map<string, Uint8Array> {
  return new Map([...files].map(([name, file]) => [name, bytesOf(file)]));
}

function handleOf(file: StoredFile, operate: () => void): DiskFile {
  return {
    sizeBytes: () => file.cached.length,
    read: (offset, sizeBytes) => file.cached.slice(offset, offset + sizeBytes),
    write(bytes, offset) {
      operate();
      const write = { bytes: Uint8Array.from(bytes), offset };
      file.cached = written(file.cached, write);
      file.unsynced.push(write);
    },
    async datasync() {
      operate();
      file.durable = file.cached.slice();
      file.unsynced = [];
    },
    close: async () => {},
  };
}

function survivorOf({ durable, unsynced }: StoredFile, keep: () => boolean): Uint8Array {
  const kept = unsynced.flatMap(sectorsOf).filter(() => keep());
  return kept.reduce<Uint8Array>(written, durable.slice());
}

/** Writes in place where it fits. */
function written(before: Uint8Array, { bytes, offset }: Write): Uint8Array {
  const fits = offset + bytes.length <= before.length;
  const after = fits ? before : new Uint8Array(offset + bytes.length);
  if (!fits) after.set(before);
  after.set(bytes, offset);
  return after;
}

function sectorsOf({ bytes, offset }: Write): Write[] {
  const sectors: Write[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = Math.min(sectorBytes - ((offset + at) % sectorBytes), bytes.length - at);
    sectors.push({ bytes: bytes.subarray(at, at + size), offset: offset + at });
    at += size;
  }
  return sectors;
}
