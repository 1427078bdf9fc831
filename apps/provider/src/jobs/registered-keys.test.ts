import { AppError } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { createRegisteredKeys } from './registered-keys.ts';

function createWorld() {
  const world = { nowMs: 0, key: 'ab'.repeat(32), isDown: false, lookups: 0 };
  const state_getProvider = async ({ address }: { address: string }) => {
    world.lookups += 1;
    if (world.isDown) throw new AppError('UNAVAILABLE', { what: 'node', reason: 'test' });
    if (address === 'nobody') throw new AppError('PROVIDER_UNKNOWN', { account: address });
    return { authorizer: world.key };
  };
  const chain = { rpc: { state_getProvider } } as unknown as Parameters<
    typeof createRegisteredKeys
  >[0]['chain'];
  return { world, keys: createRegisteredKeys({ chain, nowMs: () => world.nowMs }) };
}

describe('the registered keys of providers', () => {
  it('are remembered for a minute, also that there is none', async () => {
    const { world, keys } = createWorld();
    expect(await keys.of('one')).toBe(world.key);
    expect(await keys.of('nobody')).toBeUndefined();
    world.key = 'cd'.repeat(32);
    world.nowMs = 59_999;
    expect(await keys.of('one')).toBe('ab'.repeat(32));
    expect(await keys.of('nobody')).toBeUndefined();
    expect(world.lookups).toBe(2);
    world.nowMs = 60_000;
    expect(await keys.of('one')).toBe(world.key);
    expect(world.lookups).toBe(3);
  });

  it('remember a thousand providers, and forget the oldest', async () => {
    const { world, keys } = createWorld();
    for (let index = 0; index <= 1_000; index += 1) await keys.of(`provider ${index}`);
    await keys.of('provider 1');
    expect(world.lookups).toBe(1_001);
    await keys.of('provider 0');
    expect(world.lookups).toBe(1_002);
  });

  it('remember nothing of a chain that is away', async () => {
    const { world, keys } = createWorld();
    world.isDown = true;
    await expect(keys.of('one')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    world.isDown = false;
    expect(await keys.of('one')).toBe(world.key);
  });
});
