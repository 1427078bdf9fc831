import { hex, systemClock, textFromUtf8, utf8 } from '@aitbc/primitives';
import { afterEach, describe, expect, it } from 'vitest';
import { envelopeBytesMax } from '../core/envelope.ts';
import { describeBus } from '../testing/compliance.ts';
import { createParty, createTestLog, freshKeys, testNetwork } from '../testing/test-bus.ts';
import { until } from '../testing/until.ts';
import type { Bus } from '../types.ts';
import { createDirectCarrier } from './direct-carrier.ts';
import type { DirectOptions } from './types.ts';

const loopback = '/ip4/127.0.0.1/tcp/0';
const deps = { clock: systemClock, log: createTestLog() };

function carrierOf(options: Partial<DirectOptions> = {}) {
  return createDirectCarrier(
    { network: testNetwork, keys: freshKeys(), listen: [loopback], gossipRoundMs: 200, ...options },
    deps,
  );
}

/** Every later node dials all earlier ones. */
describeBus('direct', async () => {
  const started: ReturnType<typeof carrierOf>[] = [];
  return {
    carrier(keys) {
      const peers = started.flatMap((other) => other.addresses());
      const carrier = carrierOf({ keys, peers });
      started.push(carrier);
      return carrier;
    },
    close: async () => {},
  };
});

describe('a network of libp2p nodes', () => {
  const party = { current: createParty({ carrier: () => carrierOf(), close: async () => {} }) };
  afterEach(async () => {
    await party.current.close();
    party.current = createParty({ carrier: () => carrierOf(), close: async () => {} });
  });

  async function join(options: Partial<DirectOptions> = {}) {
    const keys = options.keys ?? freshKeys();
    const carrier = carrierOf({ ...options, keys });
    const bus = await party.current.bus({ keys, carrier });
    return { bus, carrier, keys };
  }

  async function listen(bus: Bus) {
    const texts: string[] = [];
    await bus.subscribe('news', ({ payload }) => void texts.push(textFromUtf8(payload)));
    return texts;
  }

  async function untilHeard(from: Bus, texts: readonly string[], text: string) {
    await until(async () => {
      await from.publish('news', utf8(text));
      await new Promise((resolve) => setTimeout(resolve, 20));
      return texts.includes(text);
    }, `"${text}" is heard`);
  }

  it('passes messages on through a node in the middle, and direct ones find their way by the table', async () => {
    const middle = await join({ carriedTopics: ['news'] });
    const peers = middle.carrier.addresses();
    const [a, b, c] = [await join({ peers }), await join({ peers }), await join({ peers })];
    const [atB, atC] = [await listen(b.bus), await listen(c.bus)];
    await untilHeard(a.bus, atB, 'through the middle');
    await untilHeard(a.bus, atC, 'to both');
    expect(a.carrier.peers()).not.toContain(b.bus.publicKey); // nobody told a about b until it asks
    const inbox: string[] = [];
    b.bus.onMessage(({ payload }) => void inbox.push(textFromUtf8(payload)));
    await a.bus.send(b.bus.publicKey, utf8('found you'));
    await until(() => inbox.length > 0, 'it came');
    expect(a.carrier.peers()).toContain(b.bus.publicKey);
  });

  it('proves the account of a peer by its connection', async () => {
    const a = await join();
    const b = await join({ peers: a.carrier.addresses() });
    await until(() => a.carrier.peers().length === 1, 'connected');
    expect(a.carrier.peers()).toEqual([hex(b.keys.publicKey)]);
    expect([a.bus.state(), b.bus.state()]).toEqual(['connected', 'connected']);
  });

  it('comes back by itself when a peer was gone, and knows it again by its keys', async () => {
    const first = await join();
    const address = first.carrier.addresses()[0] ?? '';
    const b = await join({ peers: [address] });
    const texts = await listen(b.bus);
    await untilHeard(first.bus, texts, 'before');
    await first.bus.stop();
    await until(() => b.bus.state() === 'cut', 'the cut is noticed');
    const listenAgain = [address.split('/p2p/')[0] ?? ''];
    const second = await join({ keys: first.keys, listen: listenAgain });
    expect(second.carrier.addresses()).toContain(address);
    await until(() => b.bus.state() === 'connected', 'connected again');
    await untilHeard(second.bus, texts, 'after');
    expect(second.bus.publicKey).toBe(first.bus.publicKey);
  });

  it('reaches one that nobody can dial through a relay', async () => {
    const relay = await join({ isRelay: true });
    const relays = relay.carrier.addresses();
    const hidden = await join({ listen: [], relays });
    const inbox: string[] = [];
    hidden.bus.onMessage(({ payload }) => void inbox.push(textFromUtf8(payload)));
    await until(
      () => hidden.carrier.addresses().some((address) => address.includes('/p2p-circuit')),
      'the relay has made room',
    );
    const caller = await join({ peers: relays });
    await until(() => caller.bus.state() === 'connected', 'connected to the relay');
    await caller.bus.send(hidden.bus.publicKey, utf8('hello in there'));
    await until(() => inbox.length > 0, 'it came');
    expect(inbox).toEqual(['hello in there']);
    await relay.bus.stop();
    const isRelayed = () =>
      hidden.carrier.addresses().some((address) => address.includes('/p2p-circuit'));
    await until(() => !isRelayed(), 'the relay is gone');
    const port = (relays[0] ?? '').split('/p2p/')[0] ?? '';
    await join({ keys: relay.keys, isRelay: true, listen: [port] });
    await until(isRelayed, 'the relay is back and has made room again');
  });

  it('stops listening to a peer that keeps handing over forged messages', async () => {
    const bus = await join();
    const texts = await listen(bus.bus);
    const liar = carrierOf({ peers: bus.carrier.addresses() });
    await liar.start({ onTopic: () => 'ignore', onInbox: () => {}, onState: () => {} });
    try {
      await until(() => liar.peers().length > 0, 'connected');
      let lies = 0;
      const lie = () => {
        lies += 1;
        return liar.broadcast('news', utf8(`lie ${lies}`.padEnd(200, '!')));
      };
      await until(async () => {
        await lie();
        return bus.bus.stats().dropped.malformed >= 5;
      }, 'the first lies are counted');
      await until(async () => {
        const { malformed } = bus.bus.stats().dropped;
        for (let at = 0; at < 20; at += 1) await lie();
        await new Promise((resolve) => setTimeout(resolve, 50));
        return bus.bus.stats().dropped.malformed === malformed;
      }, 'nothing of it is read any more');
      const read = bus.bus.stats().dropped.malformed;
      for (let at = 0; at < 50; at += 1) await lie();
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(bus.bus.stats().dropped.malformed).toBe(read);
      expect(texts).toEqual([]);
    } finally {
      await liar.stop();
    }
  });

  it('takes no frame above the limit, and goes on', async () => {
    const { bus, carrier } = await join();
    const inbox: string[] = [];
    bus.onMessage(({ payload }) => void inbox.push(textFromUtf8(payload)));
    const peers = carrier.addresses();
    const stranger = carrierOf({ peers });
    await stranger.start({ onTopic: () => 'ignore', onInbox: () => {}, onState: () => {} });
    await until(() => stranger.peers().length > 0, 'connected');
    for (const sizeBytes of [0, envelopeBytesMax + 1, 1_000_000]) {
      const sent = stranger.deliver(bus.publicKey, new Uint8Array(sizeBytes));
      await expect(sent, `${sizeBytes} bytes`).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    }
    await stranger.stop();
    const honest = await join({ peers });
    await honest.bus.send(bus.publicKey, utf8('still here?'));
    await until(() => inbox.length > 0, 'it came');
    expect(inbox).toEqual(['still here?']);
  });

  it('says so when it cannot listen where it should', async () => {
    const { carrier } = await join();
    const taken = (carrier.addresses()[0] ?? '').split('/p2p/')[0] ?? '';
    await expect(join({ listen: [taken] })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});
