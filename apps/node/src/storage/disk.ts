/**
 * Files as the journal and snapshots use them: what is written is in the system's memory, and on disk only
 * after `datasync`. Tests put a disk in its place that forgets what was not synced.
 */
import { existsSync, fstatSync, readSync, rmSync, writeSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from './files.ts';

/** An open file. */
export interface DiskFile {
  sizeBytes(): number;
  /** The bytes from an offset on; fewer where the file ends. */
  read(offset: number, sizeBytes: number): Uint8Array;
  /** Survives the end of the process, not a power cut. */
  write(bytes: Uint8Array, offset: number): void;
  /** Resolves when everything written to the file survives a power cut. */
  datasync(): Promise<void>;
  close(): Promise<void>;
}

/** A folder of files. */
export interface Disk {
  has(name: string): boolean;
  /** Opens a file that is there. */
  open(name: string): Promise<DiskFile>;
  /** Makes an empty file, in the place of one that was there. */
  create(name: string): Promise<DiskFile>;
  /** Resolves when the new name survives a power cut. */
  rename(from: string, to: string): Promise<void>;
  remove(name: string): void;
}

/** The files of a folder that exists. */
export function createDisk(folder: string): Disk {
  const pathOf = (name: string): string => join(folder, name);
  return {
    has: (name) => existsSync(pathOf(name)),
    open: (name) => openFile(pathOf(name), 'r+'),
    create: (name) => openFile(pathOf(name), 'w+'),
    async rename(from, to) {
      await rename(pathOf(from), pathOf(to));
      await syncFolder(folder);
    },
    remove: (name) => rmSync(pathOf(name), { force: true }),
  };
}

async function openFile(path: string, flags: 'r+' | 'w+'): Promise<DiskFile> {
  const file = await open(path, flags, 0o600);
  const { fd } = file;
  return {
    sizeBytes: () => fstatSync(fd).size,
    read(offset, sizeBytes) {
      const bytes = new Uint8Array(sizeBytes);
      let at = 0;
      for (let got = -1; got !== 0 && at < sizeBytes; at += got) {
        got = readSync(fd, bytes, at, sizeBytes - at, offset + at);
      }
      return bytes.subarray(0, at);
    },
    write(bytes, offset) {
      for (let at = 0; at < bytes.length; ) {
        at += writeSync(fd, bytes, at, bytes.length - at, offset + at);
      }
    },
    datasync: () => file.datasync(),
    close: () => file.close(),
  };
}
