/** Secrets of the devnet in files that only their owner can read. */
import { readFileSync, writeFileSync } from 'node:fs';

/** The secret in the file; made by `create` and written with mode 0600 when there is none yet. */
export async function secretIn(file: string, create: () => Promise<string>): Promise<string> {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const secret = await create();
    writeFileSync(file, `${secret}\n`, { mode: 0o600 });
    return secret;
  }
}
