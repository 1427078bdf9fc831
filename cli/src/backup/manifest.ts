/**
 * The manifest of a backup: what was copied, from when it is, and the hash of each file. It is written last, so a
 * folder without one is no backup.
 *
 *   FOLDER/backup.json   FOLDER/data/<name>/…
 */
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@aitbc/protocol';
import { z } from 'zod';

export const manifestFile = 'backup.json';
/** Folder of the copied files in a backup. */
export const dataFolder = 'data';
/** Files of a backup at most. */
export const filesMax = 100_000;

/** A relative path of plain parts: no way out of the folder. */
const zRelative = z
  .string()
  .max(1_024)
  .regex(/^(?!\.{1,2}(\/|$))[^/\0\\]+(\/(?!\.{1,2}(\/|$))[^/\0\\]+)*$/);

const zManifest = z.strictObject({
  version: z.literal(1),
  /** Before the first file was read. */
  begunAtMs: z.int().nonnegative(),
  /** After the last one was copied. */
  endedAtMs: z.int().nonnegative(),
  names: z.array(zRelative),
  leftOut: z.array(z.string()),
  files: z
    .array(
      z.strictObject({
        path: zRelative,
        how: z.enum(['database', 'copy']),
        mode: z.int().min(0).max(0o777),
        bytes: z.int().nonnegative(),
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
      }),
    )
    .max(filesMax),
});

/** What a backup says of itself. */
export type Manifest = z.infer<typeof zManifest>;

/** A copied file; the path begins with the name of its data folder. */
export type CopiedFile = Manifest['files'][number];

/** Reads it. Throws STORE_CORRUPT for a folder that is no whole backup. */
export function readManifest(folder: string): Manifest {
  const file = join(folder, manifestFile);
  try {
    return zManifest.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    throw new AppError('STORE_CORRUPT', { what: file, reason }, { cause: error });
  }
}

/** SHA-256 of a file, and its size. */
export async function hashFile(path: string): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path)) {
    const part = chunk as Buffer;
    hash.update(part);
    bytes += part.length;
  }
  return { sha256: hash.digest('hex'), bytes };
}
