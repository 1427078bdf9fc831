/**
 * Which key signs for which provider, as the chain has it registered. One look-up for a provider, remembered for a
 * minute: a key changes rarely, and an answer that is to be continued must not wait for the chain.
 */
import { asAppError, type Hex } from '@aitbc/protocol';
import type { ChainClient } from '../chain/chain-client.ts';

/** As long as a buyer trusts a key it has asked for. */
const keptMs = 60_000;
const keptMax = 1_000;

/** The registered keys of other providers. */
export interface RegisteredKeys {
  /** Key of the provider with this address, undefined without a registration. Throws when the chain is away. */
  of(provider: string): Promise<Hex | undefined>;
}

interface Kept {
  readonly authorizer: Hex | undefined;
  readonly atMs: number;
}

export interface RegisteredKeysDeps {
  readonly chain: { readonly rpc: Pick<ChainClient['rpc'], 'state_getProvider'> };
  readonly nowMs: () => number;
}

/** Keys that are looked up when they are first asked for. */
export function createRegisteredKeys({ chain, nowMs }: RegisteredKeysDeps): RegisteredKeys {
  const kept = new Map<string, Kept>();
  return {
    async of(provider) {
      const known = kept.get(provider);
      if (known && nowMs() - known.atMs < keptMs) return known.authorizer;
      const authorizer = await lookUp(chain, provider);
      kept.delete(provider);
      kept.set(provider, { authorizer, atMs: nowMs() });
      const [oldest] = kept.keys();
      if (kept.size > keptMax && oldest !== undefined) kept.delete(oldest);
      return authorizer;
    },
  };
}

async function lookUp(
  { rpc }: RegisteredKeysDeps['chain'],
  address: string,
): Promise<Hex | undefined> {
  try {
    return (await rpc.state_getProvider({ address })).authorizer;
  } catch (error) {
    if (asAppError(error).code === 'PROVIDER_UNKNOWN') return undefined;
    throw error;
  }
}
