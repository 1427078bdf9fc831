/** Logs in at the coordinator with the key of a provider of this machine. */
import { join } from 'node:path';
import { addressFromId, hex, sign } from '@aitbc/primitives';
import { bytes32, loginBytes, networkFromHash } from '@aitbc/protocol';
import { readKeyPair } from '../chain/sign-as-validator.ts';
import type { Context } from '../context/context.ts';

/** A provider that is logged in. */
export interface ProviderLogin {
  readonly provider: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Throws CLI_USAGE without keys in the folder, and what the coordinator refuses the login with. */
export async function logInAsProvider(context: Context, dataDir: string): Promise<ProviderLogin> {
  const { signal } = context;
  const account = readKeyPair(join(dataDir, 'account.key'));
  const { secretKey } = readKeyPair(join(dataDir, 'authorizer.key'));
  const provider = addressFromId(bytes32(account.publicKey));
  const { coordinator } = await context.clients();
  const { network: name, genesisHash } = await coordinator.about({}, { signal });
  const { nonce } = await coordinator.providerChallenge({}, { signal });
  const message = loginBytes(networkFromHash(name, genesisHash), account.publicKey, nonce);
  const signature = hex(sign(message, secretKey));
  const { token } = await coordinator.providerLogin({ provider, nonce, signature }, { signal });
  return { provider, headers: { authorization: `Bearer ${token}` } };
}
