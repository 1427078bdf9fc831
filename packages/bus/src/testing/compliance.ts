/** What every bus does, whatever carries it. A carrier's own tests add what only it promises. */
import {
  concat,
  createManualClock,
  equalBytes,
  hex,
  randomBytes,
  sealTo,
  textFromUtf8,
  utf8,
} from '@aitbc/primitives';
import { limits } from '@aitbc/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { kinds } from '../core/envelope.ts';
import { forge, introduce, introduced, listen, probe, receive, topic } from './speakers.ts';
import {
  createParty,
  createTestLog,
  freshKeys,
  otherNetwork,
  type TestParty,
  type TestWorld,
} from './test-bus.ts';
import { until } from './until.ts';

/** Runs the suite for one kind of carrier. */
export function describeBus(name: string, openWorld: () => Promise<TestWorld>): void {
  describe(`the ${name} bus`, () => {
    let party: TestParty;
    beforeEach(async () => {
      party = createParty(await openWorld());
    });
    afterEach(async () => {
      await party.close();
    });

    topicCases(() => party);
    trustCases(() => party);
    directCases(() => party);
    pressureCases(() => party);
  });
}

function topicCases(party: () => TestParty) {
  it('brings a message to every subscriber of its topic, also on the same bus, and to no other', async () => {
    const [a, b, c] = [await party().bus(), await party().bus(), await party().bus()];
    const ears = [await listen(a), await listen(b), await listen(b), await listen(c)];
    const elsewhere = await listen(c, 'news');
    await introduced(a, ears);
    await a.publish(topic, utf8('cheap tokens'));
    await until(() => ears.every((ear) => ear.texts().length > 0), 'all have it');
    for (const ear of ears) expect(ear.texts()).toEqual(['cheap tokens']);
    expect(ears[3]?.got.at(-1)).toMatchObject({ topic, sender: a.publicKey });
    expect(elsewhere.got).toEqual([]);
    await ears[3]?.subscription.close();
    await a.publish(topic, utf8('more'));
    await until(() => ears[1]?.texts().length === 2, 'the others still hear');
    expect(ears[3]?.texts()).toEqual(['cheap tokens']);
  });

  it('keeps the order of one sender', async () => {
    const [a, b] = [await party().bus(), await party().bus()];
    const ear = await listen(b);
    await introduced(a, [ear]);
    const numbers = Array.from({ length: 200 }, (_, at) => `number ${at}`);
    for (const text of numbers) await a.publish(topic, utf8(text));
    await until(() => ear.texts().length === 200, 'all came');
    expect(ear.texts()).toEqual(numbers);
    const sequences = ear.got.map(({ sequence }) => sequence);
    expect(sequences).toEqual([...sequences].sort((x, y) => x - y));
  });

  it('takes the largest payload and refuses a larger one and bad names', async () => {
    const [a, b] = [await party().bus(), await party().bus()];
    const ear = await listen(b);
    await introduced(a, [ear]);
    const largest = randomBytes(limits.busPayloadBytes);
    await a.publish(topic, largest);
    await until(() => ear.got.at(-1)?.payload.length === largest.length, 'it came');
    expect(equalBytes(ear.got.at(-1)!.payload, largest)).toBe(true);
    const tooLarge = new Uint8Array(limits.busPayloadBytes + 1);
    await expect(a.publish(topic, tooLarge)).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
    await expect(a.send(b.publicKey, tooLarge)).rejects.toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
    });
    for (const bad of ['', 'Offers', 'a//b', 'a b', 'ö', 'a'.repeat(65)]) {
      await expect(a.publish(bad, utf8('x')), bad).rejects.toMatchObject({ code: 'BAD_REQUEST' });
      await expect(
        a.subscribe(bad, () => {}),
        bad,
      ).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    }
  });

  it('hears a sender that came back with the same keys', async () => {
    const keys = freshKeys();
    const [b, first] = [await party().bus(), await party().bus({ keys })];
    const ear = await listen(b);
    await introduced(first, [ear]);
    await first.publish(topic, utf8('before'));
    await until(() => ear.texts().includes('before'), 'the first life');
    await first.stop();
    const second = await party().bus({ keys });
    await until(async () => {
      await second.publish(topic, utf8('after'));
      return ear.texts().includes('after');
    }, 'the second life');
    expect(new Set(ear.got.map(({ session }) => session)).size).toBe(2);
    expect(new Set(ear.got.map(({ sender }) => sender))).toEqual(new Set([hex(keys.publicKey)]));
  });
}

function trustCases(party: () => TestParty) {
  /** One bus that listens and one stranger whose bytes reach it. */
  async function setUp() {
    const [bus, stranger] = [await party().bus(), await party().stranger()];
    const ear = await listen(bus);
    const speak = () => stranger.broadcast(topic, forge({ payload: utf8(probe) }));
    await introduce(speak, [ear]);
    const say = (bytes: Uint8Array) => stranger.broadcast(topic, bytes);
    const honest = async () => {
      const text = hex(randomBytes(8));
      await say(forge({ payload: utf8(text) }));
      await until(() => ear.texts().includes(text), 'an honest one after it');
    };
    return { bus, ear, say, honest };
  }

  it('drops what is forged, of another network, out of its time or not readable, and counts it', async () => {
    const { bus, ear, say, honest } = await setUp();
    const changed = forge();
    changed[changed.length - 65] = (changed.at(-65) ?? 0) ^ 1; // the last byte of the payload
    await say(changed);
    const inAnothersName = forge();
    inAnothersName.set(freshKeys().publicKey, 6);
    await say(inAnothersName);
    await say(forge({ network: otherNetwork }));
    await say(forge({ timeMs: Date.now() - limits.busAgeMs - 1_000 }));
    await say(forge({ timeMs: Date.now() + limits.busAgeMs + 1_000 }));
    await say(forge({ scope: utf8('news') })); // signed for another topic
    await say(utf8('hello'));
    await honest();
    const wanted = { forged: 2, otherNetwork: 1, stale: 2, malformed: 2 };
    await until(() => bus.stats().dropped.malformed === 2, 'all were counted');
    expect(bus.stats().dropped).toMatchObject(wanted);
    expect(ear.texts()).toHaveLength(1);
  });

  it('delivers a message once, however often and in whatever order it comes', async () => {
    const { bus, ear, say, honest } = await setUp();
    const keys = freshKeys();
    const session = randomBytes(8);
    const number = (sequence: number) =>
      forge({
        keys,
        session,
        sequence,
        payload: utf8(`number ${sequence}`),
        timeMs: 1_000 * Math.floor(Date.now() / 1_000),
      });
    for (const sequence of [3, 1, 2, 3, 1, 2, 5, 4, 2_000]) await say(number(sequence));
    await until(() => ear.texts().includes('number 2000'), 'the last one');
    await say(number(6)); // too far behind to know
    await honest();
    const got = ear.texts().filter((text) => text.startsWith('number'));
    expect([...got].sort()).toEqual([
      'number 1',
      'number 2',
      'number 2000',
      'number 3',
      'number 4',
      'number 5',
    ]);
    expect(bus.stats().dropped.late).toBe(1);
  });

  it('takes nothing from those it does not admit', async () => {
    const liked = freshKeys();
    const bus = await party().bus({ admits: (sender) => sender === hex(liked.publicKey) });
    const [good, bad] = [await party().bus({ keys: liked }), await party().bus()];
    const ear = await listen(bus);
    await introduced(good, [ear]);
    await until(async () => {
      await bad.publish(topic, utf8('let me in'));
      return bus.stats().dropped.notAdmitted > 0;
    }, 'the refusal is counted');
    await good.publish(topic, utf8('me'));
    await until(() => ear.texts().includes('me'), 'the admitted one');
    expect(ear.texts()).toEqual(['me']);
  });

  it('is deaf to messages that its own clock finds too old', async () => {
    const clock = createManualClock(Date.now());
    const [a, b] = [await party().bus(), await party().bus({}, { clock })];
    const ear = await listen(b);
    await introduced(a, [ear]);
    clock.advance(limits.busAgeMs + 60_000);
    await until(async () => {
      await a.publish(topic, utf8('late'));
      return b.stats().dropped.stale > 0;
    }, 'it is counted');
    expect(ear.texts()).toEqual([]);
  });
}

function directCases(party: () => TestParty) {
  it('brings a direct message to its receiver once, in order, and says so', async () => {
    const [a, b] = [await party().bus(), await party().bus()];
    const [atA, atB] = [receive(a), receive(b)];
    for (const text of ['one', 'two', 'three']) await a.send(b.publicKey, utf8(text));
    expect(a.stats()).toMatchObject({ sent: 3, undelivered: 0 });
    await until(() => atB.got.length === 3, 'the handler saw them');
    expect(atB.texts()).toEqual(['one', 'two', 'three']);
    await expect(atB.got[0]).toMatchObject({ sender: a.publicKey });
    await b.send(a.publicKey, randomBytes(limits.busPayloadBytes));
    await a.send(a.publicKey, utf8('note to self'));
    await until(() => atA.got.length === 2, 'the way back, and to oneself');
  });

  it('repeats only the acknowledgement when a direct message comes again', async () => {
    const [bus, stranger] = [await party().bus(), await party().stranger()];
    const box = receive(bus);
    const keys = freshKeys();
    const scope = Uint8Array.from(Buffer.from(bus.publicKey, 'hex'));
    const payload = sealTo(scope, concat(keys.publicKey, utf8('once')))!;
    const bytes = forge({ kind: kinds.direct, keys, scope, payload });
    const deliver = () =>
      stranger.deliver(bus.publicKey, bytes, AbortSignal.timeout(2_000)).catch(() => {});
    await until(async () => {
      await deliver();
      return bus.stats().dropped.replayed >= 2;
    }, 'it came three times');
    expect(box.texts()).toEqual(['once']);
  });

  it('does not believe one who signs as his own what was sealed by somebody else', async () => {
    const [bus, stranger] = [await party().bus(), await party().stranger()];
    const box = receive(bus);
    const scope = Uint8Array.from(Buffer.from(bus.publicKey, 'hex'));
    const sealedByAlice = sealTo(scope, concat(freshKeys().publicKey, utf8('pay me')))!;
    const bytes = forge({ kind: kinds.direct, scope, payload: sealedByAlice });
    await until(async () => {
      await stranger.deliver(bus.publicKey, bytes, AbortSignal.timeout(300)).catch(() => {});
      return bus.stats().dropped.unreadable > 0;
    }, 'it is counted');
    expect(box.got).toEqual([]);
  });

  it('tells the sender when nobody is there, or nobody takes it', async () => {
    const attemptsMs = [100, 200, 200, 200, 200];
    const [a, b] = [await party().bus({ attemptsMs }), await party().bus()];
    const nobody = hex(freshKeys().publicKey);
    const lost = a.send(nobody, utf8('anybody?'));
    const deaf = a.send(b.publicKey, utf8('no handler yet'));
    await Promise.all([
      expect(lost).rejects.toMatchObject({ code: 'BUS_UNDELIVERED', facts: { attempts: 5 } }),
      until(() => b.stats().dropped.noHandler > 0, 'it arrived').then(() => receive(b)),
      expect(deaf).resolves.toBeUndefined(),
    ]);
    await expect(a.send('00'.repeat(32), utf8('x'))).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    const given = a.send(nobody, utf8('x'), { signal: AbortSignal.timeout(50) });
    await expect(given).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(a.stats().undelivered).toBe(2);
  });
}

function pressureCases(party: () => TestParty) {
  it('drops the oldest for a slow subscriber and lets the others go on', async () => {
    const [a, b] = [await party().bus(), await party().bus()];
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const slow: number[] = [];
    await b.subscribe(
      topic,
      async ({ sequence }) => {
        await held;
        slow.push(sequence);
      },
      { queueMessages: 3 },
    );
    const quick = await listen(b);
    await introduced(a, [quick]);
    for (let at = 0; at < 20; at += 1) await a.publish(topic, utf8(`number ${at}`));
    await until(() => quick.texts().length === 20, 'the quick one has them all');
    expect(b.stats().dropped.queueFull).toBeGreaterThanOrEqual(16);
    release();
    await until(() => slow.length === 4, 'the slow one ends with the newest');
    expect(slow.slice(1)).toEqual(quick.got.slice(-3).map(({ sequence }) => sequence));
  });

  it('acknowledges nothing that has no room, and delivers it once there is', async () => {
    const [a, b] = [await party().bus(), await party().bus()];
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const got: string[] = [];
    b.onMessage(
      async ({ payload }) => {
        await held;
        got.push(textFromUtf8(payload));
      },
      { queueMessages: 1 },
    );
    await a.send(b.publicKey, utf8('in the handler'));
    await a.send(b.publicKey, utf8('in the queue'));
    const third = a.send(b.publicKey, utf8('outside'));
    await until(() => b.stats().dropped.queueFull > 0, 'it was turned away');
    release();
    await third;
    await until(() => got.length === 3, 'all were handled');
    expect(got).toEqual(['in the handler', 'in the queue', 'outside']);
  });

  it('counts and logs what a handler throws, and goes on', async () => {
    const log = createTestLog();
    const [a, b] = [await party().bus(), await party().bus({}, { log })];
    let calls = 0;
    await b.subscribe(topic, () => {
      calls += 1;
      throw new Error('a bug');
    });
    await until(async () => {
      await a.publish(topic, utf8('x'));
      return calls >= 2;
    }, 'it was called again');
    await until(() => b.stats().handlerErrors === calls, 'errors were counted');
    expect(log.lines).toContain('error a handler failed');
  });

  it('stops while it is busy: handlers are told, waiting calls end, nothing is taken any more', async () => {
    const [a, b] = [await party().bus(), await party().bus()];
    let told = false;
    let begun = false;
    await b.subscribe(topic, (_, signal) => {
      begun = true;
      return new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          told = true;
          resolve();
        });
      });
    });
    await until(async () => {
      await a.publish(topic, utf8('work'));
      return begun;
    }, 'the handler runs');
    const waiting = b.send(hex(freshKeys().publicKey), utf8('never'));
    await Promise.all([expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' }), b.stop()]);
    expect(told).toBe(true);
    expect(b.state()).toBe('stopped');
    const { delivered } = b.stats();
    await expect(b.publish(topic, utf8('x'))).rejects.toMatchObject({ code: 'BUS_STOPPED' });
    await expect(b.subscribe(topic, () => {})).rejects.toMatchObject({ code: 'BUS_STOPPED' });
    await expect(b.send(a.publicKey, utf8('x'))).rejects.toMatchObject({ code: 'BUS_STOPPED' });
    await a.publish(topic, utf8('to nobody'));
    expect(b.stats().delivered).toBe(delivered);
    await b.stop();
  });
}
