import { execFileSync } from 'node:child_process';
import { setMaxListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock, textFromUtf8, utf8 } from '@aitbc/primitives';
import { limits } from '@aitbc/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { describeBus } from '../testing/compliance.ts';
import {
  hasRedisServer,
  noRedisReason,
  type RedisServer,
  startRedisServer,
} from '../testing/redis-server.ts';
import {
  createParty,
  createTestLog,
  freshKeys,
  type TestParty,
  testNetwork,
} from '../testing/test-bus.ts';
import { until } from '../testing/until.ts';
import type { Bus } from '../types.ts';
import { createRedisCarrier } from './redis-carrier.ts';
import type { RedisCarrierOptions } from './types.ts';

const password = 'only for this test';

function worldOf(options: Omit<RedisCarrierOptions, 'network' | 'keys'>) {
  const deps = { clock: systemClock, log: createTestLog() };
  return {
    carrier: (keys: RedisCarrierOptions['keys']) =>
      createRedisCarrier({ network: testNetwork, keys, ...options }, deps),
    close: async () => {},
  };
}

async function listen(bus: Bus, topic = 'news') {
  const texts: string[] = [];
  await bus.subscribe(topic, ({ payload }) => void texts.push(textFromUtf8(payload)));
  return texts;
}

describe.skipIf(!hasRedisServer())(`with a Redis server (else: ${noRedisReason})`, () => {
  let server: RedisServer;
  let party: TestParty;
  const url = () => `redis://127.0.0.1:${server.port}`;
  beforeAll(async () => {
    server = await startRedisServer({ password });
  });
  afterAll(() => server.close());

  describeBus('redis', async () => {
    await server.ask('FLUSHALL');
    return worldOf({ url: url(), password });
  });

  describe('Redis that dies', () => {
    beforeEach(async () => {
      await server.ask('FLUSHALL');
      party = createParty(worldOf({ url: url(), password }));
    });
    afterEach(() => party.close());

    it('costs nothing that was published before, meanwhile or afterwards', async () => {
      const [a, b] = [await party.bus(), await party.bus()];
      const texts = await listen(b);
      const inbox: string[] = [];
      b.onMessage(({ payload }) => void inbox.push(textFromUtf8(payload)));
      const wanted: string[] = [];
      const publish = (text: string) => {
        wanted.push(text);
        return a.publish('news', utf8(text));
      };
      for (let at = 0; at < 50; at += 1) await publish(`before ${at}`);
      const last = publish('at the same time');
      await server.kill();
      await until(() => a.state() === 'cut' && b.state() === 'cut', 'both notice');
      const meanwhile = Array.from({ length: 50 }, (_, at) => publish(`meanwhile ${at}`));
      const direct = a.send(b.publicKey, utf8('are you there?'));
      await server.start();
      await Promise.all([last, ...meanwhile, direct]);
      await publish('afterwards');
      await until(() => texts.length >= wanted.length, `${wanted.length} messages`);
      expect(texts).toEqual(wanted);
      await until(() => inbox.length > 0, 'the direct message');
      expect(inbox).toEqual(['are you there?']);
      expect([a.state(), b.state()]).toEqual(['connected', 'connected']);
    });

    it('does not lose what it had acknowledged and a subscriber had not read', async () => {
      const setReader = (...rights: string[]) =>
        server.ask('ACL', 'SETUSER', 'reader', 'on', '>secret', '~*', ...rights);
      await setReader('+@all');
      const keys = freshKeys();
      const carrier = worldOf({ url: url(), username: 'reader', password: 'secret' }).carrier(keys);
      const [a, b] = [await party.bus(), await party.bus({ keys, carrier })];
      const texts = await listen(b);
      await setReader('-xread'); // from here on b reads nothing
      await server.ask('CLIENT', 'KILL', 'USER', 'reader');
      await until(() => b.state() === 'cut', 'its last read has ended');
      await a.publish('news', utf8('kept'));
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(texts).toEqual([]);
      await server.kill();
      await server.start(); // it writes nothing to disk, so it comes back empty
      await setReader('+@all');
      await until(() => texts.length > 0, 'it came from the sender again');
      expect(texts).toEqual(['kept']);
    });

    it('lets a bounded number wait and refuses the rest; a caller may stop waiting', async () => {
      const bus = await party.bus();
      await server.kill();
      await until(() => bus.state() === 'cut', 'it notices');
      const abort = new AbortController();
      setMaxListeners(0, abort.signal);
      const { signal } = abort;
      const first = bus.publish('news', utf8('x'), { signal });
      const rest = Array.from({ length: limits.busOutgoing - 1 }, () =>
        bus.publish('news', utf8('x'), { signal }),
      );
      const allEnd = Promise.allSettled([first, ...rest]);
      await expect(bus.publish('news', utf8('x'))).rejects.toMatchObject({ code: 'BUS_FULL' });
      abort.abort();
      await expect(first).rejects.toMatchObject({ code: 'CANCELLED' });
      expect(new Set((await allEnd).map(({ status }) => status))).toEqual(new Set(['rejected']));
      const last = bus.publish('news', utf8('x'));
      await Promise.all([expect(last).rejects.toMatchObject({ code: 'BUS_STOPPED' }), bus.stop()]);
      await server.start();
    });
  });

  it('lets a subscriber whose connection was cut read on where it stood', async () => {
    party = createParty(worldOf({ url: url(), password }));
    const [a, b] = [await party.bus(), await party.bus()];
    const texts = await listen(b);
    const wanted = Array.from({ length: 30 }, (_, at) => `number ${at}`);
    for (const [at, text] of wanted.entries()) {
      await a.publish('news', utf8(text));
      if (at === 10) await server.ask('CLIENT', 'KILL', 'TYPE', 'normal');
    }
    await until(() => texts.length === wanted.length, 'all came');
    expect(texts).toEqual(wanted);
    await party.close();
  });

  it('is not let in with a wrong password, and says so where no Redis is', async () => {
    party = createParty(worldOf({ url: url(), password: 'wrong' }));
    await expect(party.bus()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    party = createParty(worldOf({ url: 'redis://127.0.0.1:1' }));
    await expect(party.bus()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('says so when Redis is full, and goes on when it has room again', async () => {
    party = createParty(worldOf({ url: url(), password }));
    const [a, b] = [await party.bus(), await party.bus()];
    const texts = await listen(b);
    await server.ask('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    await server.ask('CONFIG', 'SET', 'maxmemory', '1');
    await expect(a.publish('news', utf8('no room'))).rejects.toMatchObject({
      ...{ code: 'UNAVAILABLE', message: expect.stringContaining('OOM') },
    });
    await server.ask('CONFIG', 'SET', 'maxmemory', '0');
    await a.publish('news', utf8('room'));
    await until(() => texts.length > 0, 'it came');
    expect(texts).toEqual(['room']);
    await party.close();
  });

  it('works as a user with few rights, and reports what that user may not do', async () => {
    const rights = ['+xadd', '+xread', '+xrevrange', '+pexpire', '+info', '+ping', '+client|id'];
    const all = [...rights, '+client|unblock', '+client|setname', '~aitbc:*', 'on', '>secret'];
    await server.ask('ACL', 'SETUSER', 'aitbc', 'reset', ...all);
    party = createParty(worldOf({ url: url(), username: 'aitbc', password: 'secret' }));
    const [a, b] = [await party.bus(), await party.bus()];
    const texts = await listen(b);
    await a.publish('news', utf8('hello'));
    await until(() => texts.length > 0, 'it came');
    await server.ask('ACL', 'SETUSER', 'aitbc', '-client|id'); // new topics come later, and they come
    const first = party;
    party = createParty(worldOf({ url: url(), username: 'aitbc', password: 'secret' }));
    const slow = await listen(await party.bus());
    await b.publish('news', utf8('again'));
    await until(() => slow.length > 0, 'it came without CLIENT ID');
    await server.ask('ACL', 'SETUSER', 'aitbc', '-xadd');
    await expect(a.publish('news', utf8('x'))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await Promise.all([first.close(), party.close()]);
  });

  it('speaks TLS with a server whose certificate leads to ours, and with no other', async () => {
    const tls = await startRedisServer({
      args: (folder, port) => {
        makeCertificate(folder);
        const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
        const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert];
        return ['--tls-port', `${port}`, '--tls-auth-clients', 'no', ...files];
      },
    });
    const secure = `rediss://localhost:${tls.port}`;
    try {
      const caPem = readFileSync(join(tls.folder, 'cert.pem'), 'utf8');
      party = createParty(worldOf({ url: secure, caPem }));
      const [a, b] = [await party.bus(), await party.bus({ keys: freshKeys() })];
      const texts = await listen(b);
      await a.publish('news', utf8('secret'));
      await until(() => texts.length > 0, 'it came');
      await party.close();
      party = createParty(worldOf({ url: secure }));
      await expect(party.bus()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    } finally {
      await party.close();
      await tls.close();
    }
  });
});

function makeCertificate(folder: string): void {
  const made = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')];
  const about = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  execFileSync('openssl', ['req', ...kind, '-days', '2', ...made, ...about], { stdio: 'ignore' });
}
