/** The operator of a coordinator: whoever can read the token that the coordinator keeps in its folder. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError, coordinatorEndpoints } from '@aitbc/protocol';
import { type CoordinatorClient, createClient } from '@aitbc/sdk';
import type { Context } from '../context/context.ts';

/** A client with the operator's token. Throws UNAUTHORIZED when there is none to read. */
export async function adminClient(context: Context): Promise<CoordinatorClient> {
  const { transport } = await context.clients();
  const options = { baseUrl: context.urls.coordinator, token: adminToken(context) };
  return createClient(coordinatorEndpoints, options, transport);
}

function adminToken({ env, home }: Pick<Context, 'env' | 'home'>): string {
  if (env.AITBC_COORDINATOR_TOKEN) return env.AITBC_COORDINATOR_TOKEN;
  const file = env.AITBC_COORDINATOR_TOKEN_FILE ?? join(home, 'coordinator', 'admin.token');
  const token = readToken(file);
  if (token) return token;
  const reason = `no coordinator token is in ${file}`;
  throw new AppError('UNAUTHORIZED', { reason, daemon: 'coordinator operator' });
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
