import { type Bus, createBus, createMemoryHub } from '@aitbc/bus';
import { base64, bytesFromBase64, createManualClock, textFromUtf8, utf8 } from '@aitbc/primitives';
import {
  addressOf,
  limits,
  messageEndpoints,
  type Network,
  networkFromHash,
  nextLetter,
  readNotice,
  signAccountCall,
  unwrap,
} from '@aitbc/protocol';
import {
  createMemoryAgentStore,
  createTransport,
  type LetterCarrier,
  openInbox,
  openOutbox,
  readEvents,
  silentLog,
} from '@aitbc/sdk';
import { createLog, until } from '@aitbc/service';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Bench, network, startBench, startMs } from '../testing/harness.ts';
import { createCorrespondent } from '../testing/letters.ts';
import { senderHoldsNait } from './admit-sender.ts';

const hourMs = 3_600_000;
let bench: Bench;
let names = 0;

beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench.stop());

/** Two accounts that nobody has heard of. */
function pair(clock = bench.clock) {
  names += 1;
  return [`a${names}`, `b${names}`].map((name) => createCorrespondent(name, clock)) as [
    ReturnType<typeof createCorrespondent>,
    ReturnType<typeof createCorrespondent>,
  ];
}

describe('a mailbox', () => {
  test('keeps letters for a receiver that is away for an hour, and across a crash', async () => {
    const away = await startBench();
    const [alice, bob] = pair(away.clock);
    for (const text of ['one', 'two', 'three']) await alice.send(away.client, bob.key, text);
    away.clock.advance(hourMs);
    const back = await away.crash();
    const letters = await bob.read(back.client);
    expect(bob.take(letters)).toEqual(['one', 'two', 'three']);
    await bob.read(back.client, true);
    expect(await bob.read(back.client)).toEqual([]);
    await back.stop();
  });

  test('gives up what has run out, and its owner notices what is missing', async () => {
    const [alice, bob] = pair();
    const short = alice.write(bob.key, 'short', { lifetimeMs: hourMs });
    await bench.client.sendLetter({ letter: base64(short.bytes) });
    await bench.pass(hourMs + 60_000);
    await alice.send(bench.client, bob.key, 'long');
    const letters = await bob.read(bench.client);
    expect(letters).toHaveLength(1);
    expect(bob.take(letters)).toEqual([]);
    const late = bench.client.sendLetter({ letter: base64(short.bytes) });
    await expect(late).rejects.toMatchObject({ code: 'LETTER_INVALID' });
  });

  test('cannot make its owner believe repeated, reordered or changed letters', async () => {
    const [alice, bob] = pair();
    for (const text of ['one', 'two', 'three']) await alice.send(bench.client, bob.key, text);
    const [one = '', two = '', three = ''] = await bob.read(bench.client);
    const changed = bytesFromBase64(two) ?? new Uint8Array();
    changed[200] = (changed[200] ?? 0) ^ 1;
    expect(bob.take([three, base64(changed), one, one, two, three, two])).toEqual([
      ...['one', 'two', 'three'],
    ]);
    expect(bob.refused).toEqual(['forged', 'replayed', 'replayed', 'replayed']);
  });

  test('takes the same letter twice as one', async () => {
    const [alice, bob] = pair();
    const { bytes, id } = alice.write(bob.key, 'one');
    const letter = base64(bytes);
    const answers = [
      await bench.client.sendLetter({ letter }),
      await bench.client.sendLetter({ letter }),
    ];
    expect(answers.map((answer) => answer.id)).toEqual([id, id]);
    expect(await bob.read(bench.client)).toEqual([letter]);
  });

  test('refuses what is not a letter of now and of this network', async () => {
    const [alice, bob] = pair();
    const wish = { receiver: bob.key, contentType: 'text/plain', payload: new Uint8Array(9) };
    const write = (on: Network, nowMs: number) =>
      base64(nextLetter({ network: on, keys: alice.keys }, [], { wish, nowMs }).bytes);
    const nowMs = bench.clock.nowMs();
    const forged = bytesFromBase64(write(network, nowMs)) ?? new Uint8Array();
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    const bad = [
      write(networkFromHash('other', 'cd'.repeat(32)), nowMs),
      write(network, nowMs + limits.clockSkewMs + 1),
      write(network, nowMs - limits.letterLifetimeMs - 1),
      base64(forged),
      'AAAA',
      'A',
    ];
    for (const letter of bad) {
      await expect(bench.client.sendLetter({ letter })).rejects.toMatchObject({
        code: 'LETTER_INVALID',
      });
    }
    expect(await bob.read(bench.client)).toEqual([]);
  });

  test('is opened by the signature of its owner alone', async () => {
    const [alice, bob] = pair();
    await alice.send(bench.client, bob.key, 'secret');
    expect(await alice.read(bench.client)).toEqual([]);
    const row = messageEndpoints.readLetters;
    const sign = (nowMs: number, input: object = {}) =>
      signAccountCall(network, { row, input }, { keys: bob.keys, nowMs });
    const nowMs = bench.clock.nowMs();
    const headers = [
      {},
      { authorization: sign(nowMs - limits.clockSkewMs - 1) },
      { authorization: sign(nowMs, { after: 5 }) },
      { authorization: sign(nowMs).replace(bob.key, alice.key) },
    ];
    for (const one of headers) {
      await expect(bench.client.readLetters({}, { headers: one })).rejects.toMatchObject({
        code: 'UNAUTHORIZED',
      });
    }
    const [letter] = await bob.read(bench.client);
    expect(Buffer.from(letter ?? '', 'base64').includes('secret')).toBe(false);
  });

  test('takes letters of accounts that hold coins, so many a minute, so many at once', async () => {
    const [alice, bob] = pair();
    bench.chain.holdings.set(addressOf(alice.key), senderHoldsNait - 1n);
    await expect(alice.send(bench.client, bob.key, 'poor')).rejects.toMatchObject({
      code: 'SENDER_NOT_ADMITTED',
    });
    bench.chain.holdings.set(addressOf(alice.key), senderHoldsNait);
    bench.clock.advance(1_000); // two more letters a second
    const sendMany = async (): Promise<(string | undefined)[]> => {
      const turns = Array.from({ length: limits.lettersPerMinute }, () =>
        alice.send(bench.client, bob.key, 'more').then(
          () => undefined,
          (error: { code: string }) => error.code,
        ),
      );
      return Promise.all(turns);
    };
    expect(new Set(await sendMany())).toEqual(new Set([undefined]));
    await expect(alice.send(bench.client, bob.key, 'one more')).rejects.toMatchObject({
      code: 'RATE_LIMITED',
    });
    bench.clock.advance(60_000);
    const second = await sendMany();
    expect(new Set(second)).toEqual(new Set([undefined, 'MAILBOX_FULL']));
    expect(second.filter((code) => code === undefined)).toHaveLength(
      limits.mailboxPerSender - limits.lettersPerMinute,
    );
    expect(await bob.read(bench.client)).toHaveLength(limits.pageSize);
  });

  test('tells a follower what waits and what comes, each once', async () => {
    const [alice, bob] = pair();
    await alice.send(bench.client, bob.key, 'waits');
    const leaving = new AbortController();
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { event, data } of bob.follow(bench.url, leaving.signal)) {
        expect(event).toBe('letter');
        seen.push(...bob.take([(JSON.parse(data) as { letter: string }).letter]));
      }
    })();
    await until(() => seen.length === 1, { what: 'the first letter' });
    await alice.send(bench.client, bob.key, 'comes');
    await until(() => seen.length === 2, { what: 'the second letter' });
    leaving.abort();
    await expect(reading).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(seen).toEqual(['waits', 'comes']);
    expect(bob.refused).toEqual([]);
  });
});

/** Notices of a topic until `stop`. */
function listen(url: string, topic: string) {
  const leaving = new AbortController();
  const texts: string[] = [];
  const nowMs = startMs;
  const ended = (async () => {
    const request = {
      url: `${url}/v1/topics/${encodeURIComponent(topic)}`,
      signal: leaving.signal,
    };
    for await (const { event, data } of readEvents(createTransport(), request)) {
      if (event !== 'notice') continue;
      const { notice } = JSON.parse(data) as { notice: string };
      const read = readNotice(network, bytesFromBase64(notice) ?? new Uint8Array(), nowMs);
      texts.push(textFromUtf8(unwrap(read).payload));
    }
  })();
  const stop = async () => {
    leaving.abort();
    await ended.catch(() => {});
  };
  return { texts, stop, ended };
}

describe('over the bus', () => {
  test('letters and notices reach who is at another coordinator, or on the bus itself', async () => {
    const hub = createMemoryHub();
    const clock = createManualClock(startMs);
    const log = createLog({ name: 'bus', level: 'silent' });
    const carol = createCorrespondent('carol on the bus', clock);
    const open = async (known: Network, keys: typeof carol.keys) =>
      createBus({ network: known, keys, carrier: hub.carrier(keys) }, { clock, log });
    const freshKeys = (name: string) => createCorrespondent(name, clock).keys;
    const start = (name: string) =>
      startBench({ clock, openBus: (known) => open(known, freshKeys(name)) });
    const [here, there] = [await start('here'), await start('there')];
    const direct = await open(network, carol.keys);
    await direct.start();
    const heard: string[] = [];
    direct.onMessage(({ payload }) => void heard.push(...carol.take([base64(payload)])));
    for (const one of [here, there]) await one.coordinator.round();

    const [alice, bob] = pair(clock);
    expect(await bob.read(there.client)).toEqual([]); // from now on it reads there
    await alice.send(here.client, bob.key, 'to bob');
    await until(async () => (await bob.read(there.client)).length === 1, { what: 'the letter' });
    expect(bob.take(await bob.read(there.client))).toEqual(['to bob']);
    expect(await bob.read(here.client)).toHaveLength(1);

    const dave = createCorrespondent('dave', clock);
    await alice.send(here.client, dave.key, 'waits elsewhere');
    const found = async () => (await dave.read(there.client)).length === 1;
    await until(found, { what: 'the letter that was elsewhere' });
    expect(dave.take(await dave.read(there.client, true))).toEqual(['waits elsewhere']);
    const isGone = async () => (await dave.read(here.client)).length === 0;
    await until(isGone, { what: 'the letter to be deleted at both' });

    await alice.send(here.client, carol.key, 'to carol');
    await until(() => heard.length === 1, { what: 'the direct letter' });
    expect(carol.take(await carol.read(here.client))).toEqual([]);
    expect(carol.refused).toContain('replayed');

    const listener = listen(there.url, 'jobs/eu');
    const topic = 'jobs/eu';
    await until(
      async () => {
        await here.client.publishTopic({ topic, notice: alice.notice(topic, 'hello') });
        return listener.texts.length > 0;
      },
      { what: 'the notice' },
    );
    expect(new Set(listener.texts)).toEqual(new Set(['hello']));
    await listener.stop();
    await direct.stop();
    await Promise.all([here.stop(), there.stop()]);
  });

  test('agents meet on the bus while no coordinator is there, and in the mailbox while one is away', async () => {
    const hub = createMemoryHub();
    const clock = createManualClock(startMs);
    const log = createLog({ name: 'bus', level: 'silent' });
    const here = await startBench({ clock });
    const [alice, bob] = pair(clock);
    const join = async ({ keys }: typeof alice): Promise<[Bus, LetterCarrier]> => {
      const carrier = hub.carrier(keys);
      const bus = createBus({ network, keys, carrier, attemptsMs: [50] }, { clock, log });
      await bus.start();
      const onLetter = (handler: (letter: Uint8Array) => void) => {
        const subscription = bus.onMessage(({ payload }) => handler(payload));
        return () => void subscription.close();
      };
      return [bus, { send: (to, letter, options) => bus.send(to, letter, options), onLetter }];
    };
    const [aliceBus, aliceCarrier] = await join(alice);
    const [bobBus, bobCarrier] = await join(bob);
    const parts = { network, clock, store: createMemoryAgentStore(), coordinator: here.client };
    const outbox = await openOutbox({ ...parts, keys: alice.keys, carrier: aliceCarrier });
    const heard: string[] = [];
    const inbox = await openInbox({
      ...{ ...parts, keys: bob.keys, carrier: bobCarrier, coordinatorUrl: here.url },
      ...{ log: silentLog, transport: createTransport() },
      onLetter: ({ payload }) => void heard.push(textFromUtf8(payload)),
    });
    const send = async (text: string) => {
      const payload = utf8(text);
      return (await outbox.send({ receiver: bob.key, contentType: 'text/plain', payload })).state;
    };
    const leaving = new AbortController();
    const following = inbox.follow(leaving.signal);
    expect(await send('by both ways')).toBe('delivered');
    await until(() => heard.length === 1, { what: 'the first letter' });
    leaving.abort();
    await following;
    await bobBus.stop();
    expect(await send('while bob is away')).toBe('stored');
    await inbox.read();
    expect(heard).toEqual(['by both ways', 'while bob is away']);
    expect(inbox.refused.forged).toBe(undefined);
    await here.stop();
    expect(await send('nobody there')).toBe('waiting');
    await aliceBus.stop();
  });

  test('a bus that cannot be reached costs nothing', async () => {
    let tries = 0;
    const alone = await startBench({
      openBus: async () => {
        tries += 1;
        throw new Error('no bus here');
      },
    });
    await alone.coordinator.round();
    const [alice, bob] = pair(alone.clock);
    await alice.send(alone.client, bob.key, 'one');
    expect(bob.take(await bob.read(alone.client))).toEqual(['one']);
    await alone.pass(10_000);
    expect(tries).toBe(2);
    await alone.stop();
  });
});

describe('a topic', () => {
  test('reaches all who listen, once, and says how many they are', async () => {
    const [alice] = pair(createManualClock(startMs));
    const own = await startBench();
    const topic = 'news';
    const [one, two] = [listen(own.url, topic), listen(own.url, topic)];
    const empty = async () =>
      (await own.client.publishTopic({ topic, notice: alice.notice(topic, 'first') })).listeners;
    await until(async () => (await empty()) === 2, { what: 'two listeners' });
    const notice = alice.notice(topic, 'twice');
    await own.client.publishTopic({ topic, notice });
    await own.client.publishTopic({ topic, notice });
    await own.client.publishTopic({ topic, notice: alice.notice(topic, 'end') });
    for (const { texts } of [one, two]) {
      await until(() => texts.includes('end'), { what: 'the last notice' });
      expect(texts.filter((text) => text === 'twice')).toHaveLength(1);
    }
    await Promise.all([one.stop(), two.stop(), own.stop()]);
  });

  test('takes no notice for another topic, of another time or without a signature', async () => {
    const [alice] = pair();
    const send = (topic: string, notice: string) => bench.client.publishTopic({ topic, notice });
    const stale = createCorrespondent('stale', createManualClock(startMs - hourMs));
    for (const [topic, notice] of [
      ['b', alice.notice('a', 'x')],
      ['a', stale.notice('a', 'x')],
      ['a', 'AAAA'],
      ['a', 'A'],
    ] as const) {
      await expect(send(topic, notice)).rejects.toMatchObject({ code: 'NOTICE_INVALID' });
    }
    await expect(listen(bench.url, 'No Topic').ended).rejects.toMatchObject({
      code: 'BAD_REQUEST',
    });
  });
});
