/** Bytes on disk. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Bytes that the files below a folder take; those that vanish meanwhile count nothing. */
export async function diskBytesOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(
    files.map(async ({ name, parentPath }) => {
      try {
        const { blocks, size } = await stat(join(parentPath, name));
        return blocks > 0 ? blocks * blockBytes : size;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
        throw error;
      }
    }),
  );
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}

const blockBytes = 512; // what `blocks` counts, on every system
