/** The token of the coordinator's operator: made at the first start, a file that only its owner may read. */
import { timingSafeEqual } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { hex, randomBytes, sha256, utf8 } from '@aitbc/primitives';
import { AppError } from '@aitbc/protocol';

const tokenBytes = 32;
const ownerOnly = 0o600;
const bearer = 'Bearer ';

/** The token of the file, which is made when there is none. */
export function openAdminToken(path: string): string {
  const fresh = hex(randomBytes(tokenBytes));
  try {
    writeFileSync(path, `${fresh}\n`, { flag: 'wx', mode: ownerOnly });
    return fresh;
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'EEXIST') throw error;
    return readFileSync(path, 'utf8').trim();
  }
}

/** Throws UNAUTHORIZED for any other token. Both are hashed first: the comparison tells no length. */
export function assertAdmin(token: string, authorization: string | undefined): void {
  const given = authorization?.startsWith(bearer) ? authorization.slice(bearer.length) : '';
  if (timingSafeEqual(sha256(utf8(given)), sha256(utf8(token)))) return;
  throw new AppError('UNAUTHORIZED', { reason: 'the token of admin.token is needed' });
}
