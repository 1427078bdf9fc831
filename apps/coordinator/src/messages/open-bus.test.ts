/** The bus of the settings: a real Redis that dies, and peers without one. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createManualClock } from '@aitbc/primitives';
import { createLog, until } from '@aitbc/service';
import { afterEach, describe, expect, test } from 'vitest';
import { type Bench, network, startBench, startMs, testConfig } from '../testing/harness.ts';
import { createCorrespondent } from '../testing/letters.ts';
import { assertBus, openBus } from './open-bus.ts';

const binary = 'redis-server';

function hasRedis(): boolean {
  if (process.env.CI === 'true') return true;
  try {
    execFileSync(binary, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const open: Bench[] = [];
let redis: ChildProcess | undefined;
afterEach(async () => {
  await Promise.all(open.splice(0).map((bench) => bench.stop()));
  redis?.kill('SIGKILL');
  redis = undefined;
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const plainRedis = (port: number): readonly string[] => {
  return ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
};

/** The certificates and files of docs/operations.md, "Redis", with our own folder, port, name and password; the folder. */
function setUpAsDocumented(port: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'aitbc-redis-'));
  const page = readFileSync(new URL('../../../../docs/operations.md', import.meta.url), 'utf8');
  const section = page.split('\n## ').find((part) => part.startsWith('Redis\n')) ?? '';
  const blockOf = (language: string): string => {
    const block = section.split(`\`\`\`${language}\n`)[1]?.split('```')[0] ?? '';
    return block
      .replaceAll('/etc/redis', folder)
      .replaceAll('redis.example', 'localhost')
      .replaceAll('6379', `${port}`)
      .replaceAll('PASSWORD', 'pass');
  };
  execFileSync('sh', ['-ec', blockOf('sh')], { cwd: folder, stdio: 'ignore' });
  writeFileSync(join(folder, 'redis.conf'), blockOf('redis'));
  writeFileSync(join(folder, 'users.acl'), blockOf('acl'));
  return folder;
}

async function startRedis(args: readonly string[]): Promise<void> {
  const started = spawn(binary, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  redis = started;
  let text = '';
  started.stdout.on('data', (part: Buffer) => {
    text += part.toString();
  });
  await until(() => text.includes('Ready to accept'), { what: 'Redis' });
}

/** Two coordinators with these settings, both on the bus. */
async function pairOf(config: Parameters<typeof startBench>[0], other = config) {
  const benches = [await startBench(config), await startBench(other)] as const;
  open.push(...benches);
  for (const bench of benches) await bench.coordinator.round();
  return benches;
}

describe('the bus of a coordinator', () => {
  test.runIf(hasRedis())(
    'carries letters over Redis; without it they stay where they are',
    async () => {
      const port = await freePort();
      await startRedis(plainRedis(port));
      const clock = createManualClock(startMs);
      const config = { clock, config: { bus: `redis://127.0.0.1:${port}` } };
      const [here, there] = await pairOf(config);
      const [alice, bob] = ['alice', 'bob'].map((name) => createCorrespondent(name, clock));
      if (!alice || !bob) throw new Error('two accounts');
      await bob.read(there.client);
      await alice.send(here.client, bob.key, 'over Redis');
      const arrived = async () => (await bob.read(there.client)).length === 1;
      await until(arrived, { what: 'the letter at the other coordinator' });
      expect(bob.take(await bob.read(there.client))).toEqual(['over Redis']);

      redis?.kill('SIGKILL');
      if (redis) await once(redis, 'exit');
      await alice.send(here.client, bob.key, 'without');
      expect(bob.take((await bob.read(here.client)).slice(1))).toEqual(['without']);
    },
  );

  test.runIf(hasRedis())(
    'goes through TLS as a user with few rights, to the Redis that docs/operations.md sets up',
    async () => {
      const port = await freePort();
      const folder = setUpAsDocumented(port);
      await startRedis([join(folder, 'redis.conf')]);
      const clock = createManualClock(startMs);
      const login = {
        ...{ bus: `rediss://localhost:${port}`, busUser: 'aitbc', busPassword: 'pass' },
        busCaFile: join(folder, 'ca.pem'),
      };
      const [here, there] = await pairOf({ clock, config: login });
      const [alice, bob] = ['alice', 'bob'].map((name) => createCorrespondent(name, clock));
      if (!alice || !bob) throw new Error('two accounts');
      await bob.read(there.client);
      await alice.send(here.client, bob.key, 'over TLS');
      const arrived = async () => (await bob.read(there.client)).length === 1;
      await until(arrived, { what: 'the letter at the other coordinator' });

      const deps = { clock, log: createLog({ name: 'bus', level: 'silent' }) };
      const settings = testConfig({ dataDir: here.dataDir, ...login });
      const wrongs = [
        { busPassword: 'wrong' },
        { busUser: 'default' },
        { busCaFile: undefined },
        { bus: `rediss://127.0.0.1:${port}` }, // a name that is not in the certificate
        { bus: `redis://localhost:${port}`, busCaFile: undefined },
      ];
      // Again and again: a socket of TLS may report two errors, and the second one must not end the process.
      for (const wrong of Array.from({ length: 8 }, () => wrongs).flat()) {
        const bus = await openBus({ ...settings, ...wrong }, network, deps);
        await expect(bus.start(), JSON.stringify(wrong)).rejects.toMatchObject({
          code: 'UNAVAILABLE',
        });
      }
    },
  );

  test.runIf(hasRedis())('takes two passwords while one is replaced by the other', async () => {
    const port = await freePort();
    const folder = setUpAsDocumented(port);
    const file = join(folder, 'users.acl');
    const before = readFileSync(file, 'utf8');
    await startRedis([join(folder, 'redis.conf')]);
    const load = (users: string): void => {
      writeFileSync(file, users);
      const where = [
        '-h',
        'localhost',
        '-p',
        `${port}`,
        '--tls',
        '--cacert',
        join(folder, 'ca.pem'),
      ];
      const args = [...where, '--user', 'admin', '--pass', 'ADMINpass', 'ACL', 'LOAD'];
      expect(execFileSync('redis-cli', args, { encoding: 'utf8', stdio: 'pipe' })).toBe('OK\n');
    };
    const codeWith = async (busPassword: string): Promise<string> => {
      const login = { bus: `rediss://localhost:${port}`, busUser: 'aitbc', busPassword };
      const dataDir = mkdtempSync(join(tmpdir(), 'aitbc-bus-'));
      const settings = testConfig({ dataDir, ...login, busCaFile: join(folder, 'ca.pem') });
      const log = createLog({ name: 'bus', level: 'silent' });
      const bus = await openBus(settings, network, { clock: createManualClock(startMs), log });
      const code = await bus.start().then(
        () => 'connected',
        (error: { code: string }) => error.code,
      );
      await bus.stop();
      return code;
    };
    const codes = async () => [await codeWith('pass'), await codeWith('fresh')];
    expect(await codes()).toEqual(['connected', 'UNAVAILABLE']);
    load(before.replace('>pass', '>pass >fresh'));
    expect(await codes()).toEqual(['connected', 'connected']);
    load(before.replace('>pass', '>fresh'));
    expect(await codes()).toEqual(['UNAVAILABLE', 'connected']);
  });

  test('has a CA file with TLS alone, and one that is there', async () => {
    const busCaFile = join(tmpdir(), 'no-such-ca.pem');
    expect(() => assertBus({ bus: 'redis://localhost:6379', busCaFile })).toThrow('rediss://');
    const settings = testConfig({ dataDir: mkdtempSync(join(tmpdir(), 'aitbc-bus-')), busCaFile });
    const bus = { ...settings, bus: 'rediss://localhost:6379' };
    const deps = {
      clock: createManualClock(startMs),
      log: createLog({ name: 'bus', level: 'silent' }),
    };
    await expect(openBus(bus, network, deps)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
  });

  test.each(['redis://user:secret@host:6379', 'http://host', 'Direct', 'redis:'])(
    'is not %s',
    (bus) => {
      expect(() => assertBus({ bus, busCaFile: undefined })).toThrow(
        bus.includes('secret') ? 'others can see' : 'bus must',
      );
    },
  );
});
