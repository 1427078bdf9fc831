/** A small disk of its own for one daemon (a tmpfs), which can be filled to the last byte. Needs root. */
import { execFileSync } from 'node:child_process';
import { closeSync, cpSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const sizeMib = 96;
const pieceBytes = 1_048_576;
const fillerName = 'filler';

/** The disk under a data folder. */
export interface SmallDisk {
  /** Writes until nothing more fits. */
  fill(): void;
  /** There is room again. */
  free(): void;
  /** Takes the disk away; what it held stays in the folder when `keep` is true. */
  remove(keep: boolean): void;
}

/** Puts a small disk under a folder, with what it holds; undefined where the machine does not allow it. */
export function mountSmallDisk(folder: string): SmallDisk | undefined {
  const aside = `${folder}.aside`;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  cpSync(folder, aside, { recursive: true });
  try {
    const options = ['-t', 'tmpfs', '-o', `size=${sizeMib}m,mode=0700`, 'tmpfs', folder];
    execFileSync('mount', options, { stdio: 'ignore' });
  } catch {
    rmSync(aside, { recursive: true });
    return undefined; // not root, or no tmpfs: the report says that the disk was not filled
  }
  cpSync(aside, folder, { recursive: true });
  rmSync(aside, { recursive: true });
  const filler = join(folder, fillerName);
  return {
    fill: () => fillWith(filler),
    free: () => rmSync(filler, { force: true }),
    remove(keep) {
      rmSync(filler, { force: true });
      const kept = `${folder}.kept`;
      if (keep) cpSync(folder, kept, { recursive: true });
      execFileSync('umount', ['-l', folder], { stdio: 'ignore' });
      if (!keep) return;
      rmSync(folder, { recursive: true, force: true });
      renameSync(kept, folder);
    },
  };
}

function fillWith(file: string): void {
  const fd = openSync(file, 'a');
  try {
    for (let size = pieceBytes; size >= 1; ) {
      try {
        if (writeSync(fd, Buffer.alloc(size)) < size) size = Math.floor(size / 2);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        size = Math.floor(size / 16);
      }
    }
  } finally {
    closeSync(fd);
  }
}
