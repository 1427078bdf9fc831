/**
 * Why jobs went to others: the coordinator's newest decisions that looked at this provider. It tells them to who
 * signs its challenge with the provider's hot key, which lies in the data folder beside us. A login holds for
 * ten minutes and is made again when it has run out.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bytesFromHex, hex, keyPairFromSeed, sign } from '@aitbc/primitives';
import {
  AppError,
  accountIdOf,
  asAppError,
  loginBytes,
  networkFromHash,
  unwrap,
} from '@aitbc/protocol';
import { type CoordinatorClient, createCoordinatorClient, type Transport } from '@aitbc/sdk';

const seedBytes = 32;
const decisionsShown = 20;
/** Not on its list yet, a login that ran out, or a coordinator that has no such call. */
const tellsNothing: ReadonlySet<string> = new Set([
  ...['PROVIDER_UNKNOWN', 'PROVIDER_BOND_LOW', 'UNAUTHORIZED', 'CHALLENGE_INVALID', 'NOT_FOUND'],
]);

/** Where the decisions are, and whose. */
export interface LostJobsOptions {
  readonly coordinatorUrl: string;
  readonly transport: Transport;
  /** Folder of the provider, with its `authorizer.key`. */
  readonly dataDir: string;
  /** Address of the provider. */
  readonly address: string;
  readonly signal: AbortSignal;
}

/** Reads the reasons of lost jobs, newest first. */
export type ReadLosses = () => Promise<readonly string[]>;

/**
 * A reader that keeps its login. A coordinator that cannot be asked, or that does not know the provider yet, has
 * told nothing: the reasons are empty then. Throws what else goes wrong.
 */
export function createLostJobs(options: LostJobsOptions): ReadLosses {
  const { coordinatorUrl: baseUrl, transport, signal } = options;
  const open = createCoordinatorClient({ baseUrl }, transport);
  let mine: CoordinatorClient | undefined;
  return async () => {
    try {
      mine ??= createCoordinatorClient({ baseUrl, token: await logIn(open, options) }, transport);
      const { decisions } = await mine.decisions({ limit: decisionsShown }, { signal });
      return decisions
        .filter(({ rank }) => rank !== 0)
        .map(({ model, text }) => `${model}: ${text}`);
    } catch (error) {
      const { code, row } = asAppError(error);
      if (code === 'CANCELLED' || !(row.retryable || tellsNothing.has(code))) throw error;
      mine = undefined;
      return [];
    }
  };
}

async function logIn(
  client: CoordinatorClient,
  { dataDir, address, signal }: LostJobsOptions,
): Promise<string> {
  const path = join(dataDir, 'authorizer.key');
  const seed = bytesFromHex(readFileSync(path, 'utf8').trim(), seedBytes);
  if (!seed) throw new AppError('STORE_CORRUPT', { what: path, reason: 'no 64 hex digits' });
  const about = await client.about({}, { signal });
  const network = networkFromHash(about.network, about.genesisHash);
  const { nonce } = await client.providerChallenge({}, { signal });
  const bytes = loginBytes(network, unwrap(accountIdOf(address)), nonce);
  const signature = hex(sign(bytes, keyPairFromSeed(seed).secretKey));
  const { token } = await client.providerLogin({ provider: address, nonce, signature }, { signal });
  return token;
}
