/**
 * Tokens: 32 random bytes, shown once, stored as SHA-256. The admin token lies in `admin.token` in the
 * data folder, readable by its owner only: who can read that file owns the wallet.
 */
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { type Clock, hex, randomBytes, sha256, utf8 } from '@aitbc/primitives';
import { AppError } from '@aitbc/protocol';
import type { WalletStore } from '../store.ts';
import type { Caller, WalletScopes } from './scopes.ts';

const tokenPrefix = 'aitw_';
const tokenBytes = 32;
const tokenIdBytes = 8;

/** Id of the row that belongs to the file `admin.token`. */
export const adminTokenId = 'admin';
const adminScopes: WalletScopes = {
  admin: true,
  read: true,
  accounts: [],
  kinds: [],
  amountPerDay: '0',
};

/** A fresh token and its id. */
export function freshToken(): { tokenId: string; token: string } {
  const token = tokenPrefix + hex(randomBytes(tokenBytes));
  return { tokenId: hex(randomBytes(tokenIdBytes)), token };
}

/** What is stored of a token. */
export function hashOfToken(token: string): string {
  return hex(sha256(utf8(token)));
}

/** The caller of an Authorization header. Throws UNAUTHORIZED. */
export function callerOf(store: WalletStore, authorization: string | undefined): Caller {
  const token = /^Bearer (aitw_[0-9a-f]{64})$/.exec(authorization ?? '')?.[1];
  const row = token ? store.tokens.byHash(hashOfToken(token)) : undefined;
  if (row) return { tokenId: row.tokenId, label: row.label, scopes: row.scopes };
  const reason = authorization
    ? 'the token is not known to this wallet'
    : 'send "Authorization: Bearer <token>"; the first one is in admin.token in the data folder';
  throw new AppError('UNAUTHORIZED', { reason });
}

/** Makes the database know the token in the file, and the file hold one. Throws CONFIG_INVALID. */
export function ensureAdminToken(path: string, store: WalletStore, clock: Clock): void {
  const token = readAdminToken(path) ?? writeAdminToken(path);
  const hash = hashOfToken(token);
  if (store.tokens.byId(adminTokenId)?.hash === hash) return;
  store.transaction(() => {
    store.tokens.remove(adminTokenId);
    const createdAtMs = clock.nowMs();
    const label = 'admin';
    store.tokens.add({ tokenId: adminTokenId, label, hash, scopes: adminScopes, createdAtMs });
  });
}

function readAdminToken(path: string): string | undefined {
  let text: string;
  try {
    if ((statSync(path).mode & 0o077) !== 0) {
      throw new AppError('CONFIG_INVALID', {
        reason: `${path} can be read by others; run chmod 600 on it, or delete it for a new token`,
      });
    }
    text = readFileSync(path, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  if (/^aitw_[0-9a-f]{64}$/.test(text)) return text;
  throw new AppError('CONFIG_INVALID', {
    reason: `${path} holds no token; delete it for a new one`,
  });
}

function writeAdminToken(path: string): string {
  const { token } = freshToken();
  writeFileSync(path, `${token}\n`, { mode: 0o600, flag: 'wx' });
  chmodSync(path, 0o600);
  return token;
}
