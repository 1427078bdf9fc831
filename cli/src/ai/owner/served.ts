/** Where the provider of `aitbc ai serve` is: a record in its data folder, for the owner's other commands. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@aitbc/protocol';
import { createProviderClient, type ProviderClient } from '@aitbc/sdk';
import type { Context } from '../../context/context.ts';
import { isAlive } from '../../devnet/devnet-file.ts';

const fileName = 'serve.json';

/** A provider of this owner. */
export interface Served {
  readonly url: string;
  /** Holds `admin.token`. */
  readonly dataDir: string;
}

/** Notes that a provider runs; answers what takes the note away. */
export function noteServed(dataDir: string, url: string): () => void {
  const file = join(dataDir, fileName);
  writeFileSync(file, JSON.stringify({ url, pid: process.pid }), { mode: 0o600 });
  return () => rmSync(file, { force: true });
}

/** Data folder of `ai serve` when none is named. */
export function serveDir({ home }: Pick<Context, 'home'>): string {
  return join(home, 'serve');
}

/**
 * The provider that the owner means: the folder named, else what `ai serve` runs in this home, else the
 * first provider of the devnet of this home, else the standard port with the token of `ai serve`.
 */
export function findServed(context: Context, dataDir: string | undefined): Served {
  const { urls, devnet, env, home } = context;
  const own = dataDir ?? serveDir(context);
  const noted = readNote(own);
  if (noted !== undefined && !env.AITBC_PROVIDER_URL) return { url: noted, dataDir: own };
  if (dataDir !== undefined) return { url: urls.provider, dataDir };
  return { url: urls.provider, dataDir: devnet ? join(home, 'provider') : own };
}

function readNote(dataDir: string): string | undefined {
  try {
    const { url, pid } = JSON.parse(readFileSync(join(dataDir, fileName), 'utf8')) as {
      readonly url?: unknown;
      readonly pid?: unknown;
    };
    return typeof url === 'string' && typeof pid === 'number' && isAlive(pid) ? url : undefined;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** A client with the owner's token; a benchmark takes its time. Throws UNAUTHORIZED when there is none to read. */
export async function providerOwner(
  context: Context,
  served: Served,
  timeoutMs?: number,
): Promise<ProviderClient> {
  const { transport } = await context.clients();
  const token = ownerToken(context.env, served.dataDir);
  return createProviderClient({ baseUrl: served.url, token, timeoutMs }, transport);
}

function ownerToken(env: Context['env'], dataDir: string): string {
  if (env.AITBC_PROVIDER_TOKEN) return env.AITBC_PROVIDER_TOKEN;
  const file = env.AITBC_PROVIDER_TOKEN_FILE ?? join(dataDir, 'admin.token');
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    const { code } = error as { code?: string };
    if (code !== 'ENOENT' && code !== 'EACCES') throw error;
    throw new AppError('UNAUTHORIZED', { reason: `no provider token is in ${file}` });
  }
}
