import { devnetParams } from '@aitbc/protocol';
import { createLog, until } from '@aitbc/service';
import { describe, expect, it } from 'vitest';
import { createFakeChain } from '../testing/fake-chain.ts';
import { registerProvider } from './register-provider.ts';

const log = createLog({ name: 'test', level: 'silent' });
const authorizer = 'ab'.repeat(32);
const registration = { name: 'p', endpoint: 'http://p', authorizer, bond: undefined };

function run(chain: ReturnType<typeof createFakeChain>, signal = new AbortController().signal) {
  return registerProvider(registration, { chain: chain.client, sender: chain.sender, log }, signal);
}

describe('registration on chain', () => {
  it('waits for the bond, then registers agent and provider once', async () => {
    const chain = createFakeChain();
    const done = run(chain);
    expect(chain.registered.agent).toBe(false);
    chain.state.balance = `${BigInt(devnetParams.providerBondMin) + 20_000n}`;
    await done;
    expect(chain.registered).toEqual({ agent: true, provider: { authorizer } });
    await run(chain);
  });

  it('refuses to work under a key that is not registered', async () => {
    const chain = createFakeChain();
    chain.registered.provider = { authorizer: 'cd'.repeat(32) };
    await expect(run(chain)).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it('ends with its signal', async () => {
    const ending = new AbortController();
    const chain = createFakeChain();
    const done = run(chain, ending.signal);
    ending.abort(new Error('over'));
    await expect(done).rejects.toThrow('over');
    await until(() => !chain.registered.agent);
  });
});
