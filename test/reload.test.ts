/** A real daemon reads its settings file again at SIGHUP: what may change does, the rest waits, nonsense changes nothing. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DaemonProcess, startDaemon } from '@aitbc/cli/devnet';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from './harness.ts';

const home = mkdtempSync(join(tmpdir(), 'aitbc-reload-'));
const file = join(home, 'wallet.toml');
const logFile = join(home, 'wallet.log');
const tokenFile = join(home, 'wallet', 'admin.token');
let daemon: DaemonProcess;

function start(): Promise<DaemonProcess> {
  const args = ['--config', file, '--port', '0', '--data-dir', join(home, 'wallet')];
  return startDaemon({ name: 'wallet', args, logFile });
}

/** Writes the settings file and sends the signal that `systemctl reload` sends. */
function reload(text: string): void {
  writeFileSync(file, text);
  process.kill(daemon.pid, 'SIGHUP');
}

/** The newest log line with a message. */
async function told(msg: string): Promise<Record<string, unknown>> {
  return until(`the log says: ${msg}`, async () => {
    const lines = readFileSync(logFile, 'utf8').split('\n');
    const line = lines.findLast((text) => text.includes(`"msg":"${msg}`));
    return line !== undefined && JSON.parse(line);
  });
}

beforeAll(async () => {
  writeFileSync(file, 'kdfPasses = 3\n');
  daemon = await start();
});
afterAll(async () => {
  await daemon?.kill();
  rmSync(home, { recursive: true, force: true });
});

it('takes over the level of its log and names what needs a restart', async () => {
  reload('kdfPasses = 9\nlogLevel = "debug"\n');
  expect(await told('these settings need a restart')).toMatchObject({ settings: ['kdfPasses'] });
  expect(await told('settings were read again')).toMatchObject({ taken: ['logLevel'] });
});

it('keeps its settings when the file has a key that it does not know', async () => {
  reload('port = 0\nlogLevel = "fatal"\nprot = 1\n');
  expect(await told('settings were not read again')).toMatchObject({
    ...{ level: 'error', code: 'CONFIG_UNKNOWN_KEY' },
    reason: expect.stringContaining('port'),
  });
  expect((await fetch(`${daemon.url}/health/live`)).ok).toBe(true);
});

it('still stops on SIGTERM, and makes a new admin token when the old one was deleted', async () => {
  const token = (): string => readFileSync(tokenFile, 'utf8').trim();
  const statusWith = async (given: string): Promise<number> => {
    const headers = { authorization: `Bearer ${given}` };
    return (await fetch(`${daemon.url}/v1/tokens`, { headers })).status;
  };
  const old = token();
  expect(await statusWith(old)).toBe(200);
  await daemon.stop();
  expect(await daemon.ended).toBe('exit code 0');
  rmSync(tokenFile);
  writeFileSync(file, 'kdfPasses = 3\n');
  daemon = await start();
  expect([await statusWith(old), await statusWith(token())]).toEqual([401, 200]);
});
