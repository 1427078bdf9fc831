import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { startDaemon } from './daemon-process.ts';
import { isAlive } from './devnet-file.ts';
import { createFleet } from './fleet.ts';

const home = mkdtempSync(join(tmpdir(), 'aitbc-fleet-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** A process with the manners of our daemons: a ready line, and an end at SIGTERM. */
const daemonScript = `
  process.on('SIGTERM', () => process.exit(0));
  console.log(JSON.stringify({ msg: 'ready', url: 'http://127.0.0.1:9' }));
  setInterval(() => {}, 1000);
`;

function createTestFleet(signal = new AbortController().signal) {
  const logs = join(home, 'logs');
  mkdirSync(logs, { recursive: true });
  const entry = join(home, 'daemon.mjs');
  writeFileSync(entry, daemonScript);
  const events: string[] = [];
  const fleet = createFleet(
    {
      ...{ home, logs, freePorts: true, signal },
      onStarting: (name) => void events.push(`starting ${name}`),
      onUp: ({ name }) => void events.push(`up ${name}`),
    },
    (start) => startDaemon({ ...start, entry }),
  );
  return { fleet, events };
}

it('a daemon that is killed by somebody else is DAEMON_ENDED with its log', async () => {
  const { fleet } = createTestFleet();
  const { pid } = await fleet.start('wallet', []);
  process.kill(pid, 'SIGKILL');
  expect(await fleet.failure).toMatchObject({
    code: 'DAEMON_ENDED',
    facts: { daemon: 'wallet', reason: 'ended by SIGKILL', logFile: join(home, 'logs/wallet.log') },
  });
  await fleet.stop();
});

it('a fleet that stops takes along what is only starting', async () => {
  const { fleet, events } = createTestFleet();
  const wallet = await fleet.start('wallet', []);
  const starting = fleet.start('coordinator', []).then(undefined, (error: unknown) => error);
  await fleet.stop();
  expect(await starting).toMatchObject({ code: 'CANCELLED' });
  expect([isAlive(wallet.pid), events]).toEqual([
    false,
    ['starting wallet', 'up wallet', 'starting coordinator'],
  ]);
});

it('nothing starts after a cancel', async () => {
  const { fleet } = createTestFleet(AbortSignal.abort());
  await expect(fleet.start('wallet', [])).rejects.toMatchObject({ code: 'CANCELLED' });
});
