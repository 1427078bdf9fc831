/** The token that opens the wallet daemon for this user. Never a flag: other users can read those. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@aitbc/protocol/errors';

/** Where a token may come from, in this order. */
export interface TokenSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Named by a running devnet. */
  readonly devnetTokenFile: string | undefined;
  readonly home: string;
}

/** The token. Throws UNAUTHORIZED when none of the places has one. */
export function readWalletToken({ env, devnetTokenFile, home }: TokenSources): string {
  if (env.AITBC_WALLET_TOKEN) return env.AITBC_WALLET_TOKEN;
  const named = env.AITBC_WALLET_TOKEN_FILE ?? devnetTokenFile;
  const file = named ?? join(home, 'wallet', 'admin.token');
  const token = readToken(file);
  if (token) return token;
  throw new AppError('UNAUTHORIZED', { reason: `no wallet token is in ${file}` });
}

function readToken(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim() || undefined;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === 'ENOENT' || code === 'EACCES' || code === 'EISDIR') return undefined;
    throw error;
  }
}
