/** The bus of the settings: a real Redis that dies, and peers without one. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { createManualClock } from '@aitbc/primitives';
import { until } from '@aitbc/service';
import { afterEach, describe, expect, test } from 'vitest';
import { type Bench, startBench, startMs } from '../testing/harness.ts';
import { createCorrespondent } from '../testing/letters.ts';
import { assertBus } from './open-bus.ts';

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

async function startRedis(port: number): Promise<void> {
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
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
      await startRedis(port);
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

  test.each(['redis://user:secret@host:6379', 'http://host', 'Direct', 'redis:'])(
    'is not %s',
    (bus) => {
      expect(() => assertBus({ bus })).toThrow(
        bus.includes('secret') ? 'others can see' : 'bus must',
      );
    },
  );
});
