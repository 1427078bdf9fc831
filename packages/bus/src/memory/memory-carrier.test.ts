import { systemClock, utf8 } from '@aitbc/primitives';
import { limits } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { createBus } from '../bus.ts';
import { describeBus } from '../testing/compliance.ts';
import { createParty, createTestLog, freshKeys, testNetwork } from '../testing/test-bus.ts';
import { createMemoryHub } from './memory-carrier.ts';

const openWorld = async () => {
  const hub = createMemoryHub();
  return { carrier: hub.carrier, close: async () => {} };
};

describeBus('memory', openWorld);

describe('a message to oneself', () => {
  it('needs a handler like any other', async () => {
    const party = createParty(await openWorld());
    const bus = await party.bus();
    const lost = { code: 'BUS_UNDELIVERED', facts: { to: bus.publicKey, attempts: 1 } };
    await expect(bus.send(bus.publicKey, utf8('x'))).rejects.toMatchObject(lost);
    expect(bus.stats()).toMatchObject({ undelivered: 1, dropped: { noHandler: 1 } });
    const subscription = bus.onMessage(() => {});
    await bus.send(bus.publicKey, utf8('x'));
    await subscription.close();
    await expect(bus.send(bus.publicKey, utf8('x'))).rejects.toMatchObject(lost);
    await party.close();
  });
});

describe('the states of a bus', () => {
  it('are told to those who asked, until they no longer want to know', async () => {
    const party = createParty(await openWorld());
    const keys = freshKeys();
    const bus = createBus(
      { network: testNetwork, keys, carrier: (await openWorld()).carrier(keys) },
      { clock: systemClock, log: createTestLog() },
    );
    const seen: string[] = [];
    const forget = bus.onState((state) => seen.push(state));
    await expect(bus.publish('news', utf8('x'))).rejects.toMatchObject({ code: 'BUS_STOPPED' });
    await bus.start();
    expect(seen).toEqual(['connecting', 'connected']);
    forget();
    await bus.stop();
    expect([seen.length, bus.state()]).toEqual([2, 'stopped']);
    await party.close();
  });
});

describe('the bounds of a bus', () => {
  it('refuse messages, direct messages, topics and handlers beyond them', async () => {
    const party = createParty(await openWorld());
    const full = { code: 'BUS_FULL' };
    try {
      const [a, b] = [await party.bus(), await party.bus()];
      const many = Array.from({ length: limits.busOutgoing }, () => a.publish('news', utf8('x')));
      await expect(a.publish('news', utf8('x'))).rejects.toMatchObject(full);
      await Promise.all(many);
      const sends = Array.from({ length: limits.busSendsPending }, () =>
        a.send(b.publicKey, utf8('x')),
      );
      await expect(a.send(b.publicKey, utf8('x'))).rejects.toMatchObject(full);
      b.onMessage(() => {});
      await Promise.all(sends);
      expect(() => b.onMessage(() => {})).toThrow(expect.objectContaining(full));
      for (let at = 0; at < limits.busTopics; at += 1) await a.subscribe(`topic-${at}`, () => {});
      await expect(a.subscribe('one-more', () => {})).rejects.toMatchObject(full);
    } finally {
      await party.close();
    }
  });
});
