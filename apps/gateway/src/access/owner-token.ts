/** The token of the gateway's owner: made at the first start, a file that only its owner may read. */
import { readFileSync, writeFileSync } from 'node:fs';
import { hex, randomBytes } from '@aitbc/primitives';

const tokenBytes = 32;
const ownerOnly = 0o600;

/** The token of the file, which is made when there is none. */
export function openOwnerToken(path: string): string {
  const fresh = hex(randomBytes(tokenBytes));
  try {
    writeFileSync(path, `${fresh}\n`, { flag: 'wx', mode: ownerOnly });
    return fresh;
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'EEXIST') throw error;
    return readFileSync(path, 'utf8').trim();
  }
}
