/** The gateway's owner: whoever can read the token that the gateway keeps in its folder. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@aitbc/protocol';
import { createGatewayClient, type GatewayClient } from '@aitbc/sdk';
import type { Context } from '../context/context.ts';

/** A client with the owner's token. Throws UNAUTHORIZED when there is none to read. */
export async function ownerClient(context: Context): Promise<GatewayClient> {
  const { transport } = await context.clients();
  return createGatewayClient(
    { baseUrl: context.urls.gateway, token: ownerToken(context) },
    transport,
  );
}

function ownerToken({ env, home }: Pick<Context, 'env' | 'home'>): string {
  if (env.AITBC_GATEWAY_TOKEN) return env.AITBC_GATEWAY_TOKEN;
  const file = env.AITBC_GATEWAY_TOKEN_FILE ?? join(home, 'gateway', 'admin.token');
  const token = readToken(file);
  if (token) return token;
  throw new AppError('UNAUTHORIZED', {
    reason: `no gateway token is in ${file}`,
    daemon: 'gateway owner',
  });
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
