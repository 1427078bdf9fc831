/** Checks the answer to a challenge against what the chain has registered. */
import { verify } from '@aitbc/primitives';
import {
  AppError,
  accountIdOf,
  bytes32,
  type Hex,
  limits,
  loginBytes,
  type ProviderFrame,
  signatureBytesOf,
  unwrap,
} from '@aitbc/protocol';
import type { ChainLink } from '../chain/chain-link.ts';
import type { Registration } from '../chain/chain-reader.ts';

/** First frame of a provider. */
export type Hello = Extract<ProviderFrame, { type: 'hello' }>;

/** A challenge of one connection; it is good for one answer. */
export interface Challenge {
  readonly nonce: Hex;
  readonly issuedAtMs: number;
}

/**
 * The registration of the provider that answered the challenge. Throws CHALLENGE_INVALID (late, or not
 * signed by the registered key), PROVIDER_UNKNOWN, PROVIDER_BOND_LOW, PROVIDER_UNBONDING, UNAVAILABLE.
 */
export async function checkLogin(
  chain: ChainLink,
  hello: Pick<Hello, 'provider' | 'signature'>,
  { challenge, nowMs }: { challenge: Challenge; nowMs: number },
): Promise<Registration> {
  const { provider } = hello;
  if (nowMs - challenge.issuedAtMs > limits.challengeLifetimeMs) {
    throw new AppError('CHALLENGE_INVALID', { account: provider });
  }
  const registration = await chain.registration(provider);
  if (!registration) throw new AppError('PROVIDER_UNKNOWN', { account: provider });
  const message = loginBytes(chain.network(), unwrap(accountIdOf(provider)), challenge.nonce);
  const key = bytes32(registration.authorizer);
  if (!verify(signatureBytesOf(hello.signature), message, key)) {
    throw new AppError('CHALLENGE_INVALID', { account: provider });
  }
  assertInOrder(chain, provider, registration);
  return registration;
}

/** Throws PROVIDER_BOND_LOW or PROVIDER_UNBONDING. */
export function assertInOrder(
  chain: ChainLink,
  provider: string,
  { bondNait, unbondDueMs }: Registration,
): void {
  if (unbondDueMs !== 0) throw new AppError('PROVIDER_UNBONDING', { account: provider });
  const expected = chain.facts().providerBondMinNait;
  if (bondNait < expected) throw new AppError('PROVIDER_BOND_LOW', { got: bondNait, expected });
}
