import { addressOf, type MandateJson } from '@aitbc/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { createFakeChain } from '../testing/fake-chain.ts';
import { createMandateMirror, type MandateMirror } from './mandate-mirror.ts';

const id = (byte: number) => byte.toString(16).padStart(2, '0').repeat(32);
const [payer, subKey, provider] = [id(1), id(2), id(3)];
const channel = { payer, payerAuthorizer: subKey };
const use = { model: 'qwen3:8b', promised: 40n };

const mandate: MandateJson = {
  owner: addressOf(payer),
  subKey: addressOf(subKey),
  channelMaxNait: '100',
  windowMaxNait: '100',
  windowMs: 1_000,
  totalMaxNait: '100',
  jobMaxNait: '50',
  receivers: [],
  models: [],
  allowsChannels: true,
  allowsTransfers: false,
  expiresAtHeight: 1_000,
  revoked: false,
  spentNait: '0',
  windowStartMs: 0,
  windowSpentNait: '0',
};

let mirror: MandateMirror;
afterEach(() => mirror.stop());

async function setUp() {
  const chain = createFakeChain();
  const troubles: string[] = [];
  const asked: string[] = [];
  const { rpc } = chain.client;
  const { state_getMandate } = rpc;
  Object.assign(rpc, {
    state_getMandate: (names: { owner: string; subKey: string }) => {
      asked.push(names.subKey);
      return state_getMandate(names);
    },
  });
  const gaps: (() => void)[] = [];
  const client: typeof chain.client = {
    ...chain.client,
    subscribe(topic, handler, options = {}) {
      if (options.onGap) gaps.push(options.onGap);
      return chain.client.subscribe(topic, handler, options);
    },
  };
  mirror = createMandateMirror({
    ...{ chain: client, provider, height: () => chain.state.height, ageMs: () => 7 },
    onTrouble: (_error, message) => troubles.push(message),
  });
  await mirror.start(new AbortController().signal);
  const gap = () => {
    for (const tell of gaps) tell();
  };
  return { chain, troubles, asked, gap };
}

const code = () => mirror.refusal(channel, use)?.code;

describe('the mirror of mandates', () => {
  it('asks once for a key, and lets none pass that it does not know yet', async () => {
    const { chain, asked } = await setUp();
    chain.putMandate({ ...mandate, jobMaxNait: '39' }, true);
    expect(mirror.isKnown(channel)).toBe(false);
    expect(mirror.refusal(channel, use)).toMatchObject({
      code: 'VOUCHER_STALE_STATE',
      facts: { ageMs: 7 },
    });
    await Promise.all([mirror.learn(channel), mirror.learn(channel)]);
    expect(mirror.isKnown(channel)).toBe(true);
    expect(code()).toBe('MANDATE_EXCEEDED');
    expect(asked).toEqual([mandate.subKey]);
  });

  it('holds a revocation from the block that brings it, and a new grant as well', async () => {
    const { chain } = await setUp();
    chain.putMandate(mandate, true);
    await mirror.learn(channel);
    expect(code()).toBeUndefined();
    chain.putMandate({ ...mandate, revoked: true });
    expect(code()).toBe('MANDATE_REVOKED');
    chain.putMandate({ ...mandate, models: ['another'] });
    expect(code()).toBe('MANDATE_FORBIDDEN');
    chain.putMandate({ ...mandate, expiresAtHeight: chain.state.height + 1 });
    expect(code()).toBeUndefined();
    chain.nextBlock();
    expect(code()).toBe('MANDATE_EXPIRED');
  });

  it('hears of the first mandate of a key that had none', async () => {
    const { chain } = await setUp();
    await mirror.learn(channel);
    expect(code()).toBeUndefined();
    chain.putMandate({ ...mandate, revoked: true });
    expect(code()).toBe('MANDATE_REVOKED');
  });

  it('reads ahead when a channel is heard of, and never for a payer that signs by itself', async () => {
    const { chain, asked } = await setUp();
    chain.putMandate(mandate, true);
    mirror.track(channel);
    await expect.poll(() => mirror.isKnown(channel)).toBe(true);
    const own = { payer, payerAuthorizer: payer };
    mirror.track(own);
    expect(mirror.isKnown(own)).toBe(true);
    expect(mirror.refusal(own, use)).toBeUndefined();
    expect(asked).toHaveLength(1);
  });

  it('drops an answer that a notification has overtaken', async () => {
    const { chain } = await setUp();
    const { rpc } = chain.client;
    let answer: (row: MandateJson) => void = () => {};
    const late = new Promise<MandateJson>((resolve) => {
      answer = resolve;
    });
    Object.assign(rpc, { state_getMandate: () => late });
    const learned = mirror.learn(channel);
    chain.putMandate({ ...mandate, revoked: true });
    answer(mandate);
    await learned;
    expect(code()).toBe('MANDATE_REVOKED');
  });

  it('reads all anew after a gap, and admits nothing meanwhile', async () => {
    const { chain, gap } = await setUp();
    chain.putMandate(mandate, true);
    await mirror.learn(channel);
    chain.putMandate({ ...mandate, revoked: true }, true);
    gap();
    expect(code()).toBe('VOUCHER_STALE_STATE');
    await expect.poll(code).toBe('MANDATE_REVOKED');
  });

  it('says so when the node is away, and asks again for the next job', async () => {
    const { chain, troubles } = await setUp();
    chain.state.isDown = true;
    mirror.track(channel);
    await expect.poll(() => troubles).toEqual(['a mandate cannot be read']);
    await expect(mirror.learn(channel)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    chain.state.isDown = false;
    await mirror.learn(channel);
    expect(code()).toBeUndefined();
  });

  it('says so when the node sends what is no mandate', async () => {
    const { chain, troubles } = await setUp();
    chain.putMandate({ ...mandate, jobMaxNait: '-1' });
    expect(troubles).toEqual(['the node sent a mandate that is none']);
  });
});
