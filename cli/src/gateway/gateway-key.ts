/** The API key of this user at a gateway that has keys. Never a flag: other users can read those. */
import { readFileSync } from 'node:fs';
import { AppError, asAppError } from '@aitbc/protocol/errors';
import type { GatewayClient } from '@aitbc/sdk';

/** The key that the environment names; undefined without one. Throws UNAUTHORIZED for a file that cannot be read. */
export function readGatewayKey(
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  if (env.AITBC_GATEWAY_KEY) return env.AITBC_GATEWAY_KEY;
  const file = env.AITBC_GATEWAY_KEY_FILE;
  if (!file) return undefined;
  let key = '';
  try {
    key = readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw unauthorized(`no API key can be read from ${file}`, error);
  }
  if (key === '') throw unauthorized(`no API key is in ${file}`);
  return key;
}

/** What to do about a missing or unknown key. */
export const gatewayKeyFix =
  'This gateway has API keys: set AITBC_GATEWAY_KEY or AITBC_GATEWAY_KEY_FILE. Its owner makes one with: aitbc gateway key create <name>';

/** What to do without the token of the gateway's owner. */
export const gatewayOwnerFix =
  'Set AITBC_GATEWAY_TOKEN or AITBC_GATEWAY_TOKEN_FILE: the token is in admin.token of the gateway’s folder.';

/** The same error, or, for one about the key, an error that says which daemon refused and why. */
export function gatewayRefusal(error: unknown, key: string | undefined): AppError {
  const known = asAppError(error);
  if (known.code !== 'UNAUTHORIZED') return known;
  const reason =
    key === undefined ? 'the gateway wants an API key' : 'the gateway does not know this API key';
  return unauthorized(reason, error);
}

function unauthorized(reason: string, cause?: unknown): AppError {
  return new AppError('UNAUTHORIZED', { reason, daemon: 'gateway' }, { cause });
}

/** The gateway's calls, with refusals that say what to do. */
export function gatewayCalls(client: GatewayClient, key: string | undefined): GatewayClient {
  const calls = Object.entries(client).map(([name, call]) => {
    const run = call as (...words: unknown[]) => Promise<unknown>;
    const told = (...words: unknown[]) =>
      run(...words).catch((error: unknown) => {
        throw gatewayRefusal(error, key);
      });
    return [name, told];
  });
  return Object.fromEntries(calls) as GatewayClient;
}
