import { addressOf, type ChannelState, channelToJson, networkFromHash } from '@aitbc/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { createFakeChain } from '../testing/fake-chain.ts';
import { createTestBuyer } from '../testing/test-buyer.ts';
import { type ChannelMirror, createChannelMirror } from './channel-mirror.ts';

const network = networkFromHash('test-net', 'aa'.repeat(32));
const provider = 'cd'.repeat(32);
const address = addressOf(provider);
const payload = { provider: address, authorizer: 'ab'.repeat(32), network: network.caip2 };
const offer = { payload: { ...payload, withdrawDelayMsMin: 3_600_000 } };

let mirror: ChannelMirror;
afterEach(() => mirror.stop());

function setUp() {
  const chain = createFakeChain();
  const clock = { nowMs: 1_000 };
  const heard: ChannelState[] = [];
  const troubles: string[] = [];
  mirror = createChannelMirror(
    { address, withdrawDelayMsMin: 3_600_000 },
    {
      chain: chain.client,
      nowMs: () => clock.nowMs,
      onChannel: (channel) => heard.push(channel),
      onTrouble: (_error, message) => troubles.push(message),
    },
  );
  const channel = () => createTestBuyer(network, offer as never).channel;
  return { chain, clock, heard, troubles, channel };
}

const start = () => mirror.start(new AbortController().signal);

describe('the mirror of channels', () => {
  it('lists what is there, follows what comes, and knows its age', async () => {
    const { chain, clock, heard, channel } = setUp();
    const old = channel();
    chain.put(old);
    expect(mirror.ageMs()).toBe(Number.POSITIVE_INFINITY);
    await start();
    expect(heard).toEqual([old]);
    const fresh = channel();
    chain.put(fresh);
    expect(heard.at(-1)).toEqual(fresh);
    clock.nowMs += 500;
    expect(mirror.ageMs()).toBe(500);
    chain.nextBlock();
    expect(mirror.ageMs()).toBe(0);
  });

  it('drops the listed row of a channel that was notified meanwhile', async () => {
    const { chain, heard, channel } = setUp();
    const before = channel();
    chain.put(before, true);
    const after = { ...before, totalClaimed: 5n };
    const { rpc } = chain.client;
    const list = async () => {
      chain.put(after);
      return { channels: [channelToJson(before)], next: null };
    };
    Object.assign(rpc, { state_listChannels: list });
    await start();
    expect(heard).toEqual([after]);
  });

  it('says so when the node sends what is no channel, and goes on', async () => {
    const { chain, heard, troubles, channel } = setUp();
    await start();
    chain.put({ ...channel(), withdrawDelayMs: -1 });
    expect(troubles).toHaveLength(1);
    expect(heard).toHaveLength(0);
  });

  it('looks a channel up once, keeps a miss, and finds it when it is told of', async () => {
    const { chain, heard, channel } = setUp();
    await start();
    const later = channel();
    expect(await mirror.lookUp(later.channelId)).toBeUndefined();
    chain.put(later, true);
    expect(await mirror.lookUp(later.channelId)).toBeUndefined();
    expect(chain.lookups).toHaveLength(1);
    chain.put(later);
    expect(heard).toEqual([later]);
  });

  it('refuses to ask the node for more than a few channels at a time', async () => {
    setUp();
    await start();
    const asked = Array.from({ length: 9 }, (_, index) =>
      mirror.lookUp(`${index}`.padStart(64, '0')),
    );
    const results = await Promise.allSettled(asked);
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(1);
  });

  it('drops what it reads after a claim when the channel was notified meanwhile', async () => {
    const { chain, heard, channel } = setUp();
    const before = channel();
    chain.put(before, true);
    await start();
    const after = { ...before, totalClaimed: 5n };
    const { rpc } = chain.client;
    const read = async () => {
      chain.put(after);
      return channelToJson(before);
    };
    Object.assign(rpc, { state_getChannel: read });
    await mirror.refresh([before.channelId]);
    expect(heard.at(-1)).toEqual(after);
    Object.assign(rpc, { state_getChannel: async () => channelToJson(before) });
    await mirror.refresh([before.channelId]);
    expect(heard.at(-1)).toEqual(before);
  });
});
