import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { until } from '../testing/until.ts';
import { runDaemonOnce, startDaemon } from './daemon-process.ts';

const dir = mkdtempSync(join(tmpdir(), 'aitbc-daemon-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('a daemon that cannot start', () => {
  it('is DAEMON_FAILED with the last words it wrote, which its log keeps', async () => {
    const logFile = join(dir, 'node.log');
    const start = startDaemon({ name: 'node', args: ['--no-such-setting'], logFile });
    const error = await start.then(undefined, (reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'DAEMON_FAILED', facts: { daemon: 'node' } });
    const { reason } = (error as { facts: { reason: string } }).facts;
    await until(() => readFileSync(logFile, 'utf8').includes(reason), 'the log');
    expect(reason).not.toBe('');
  });

  it('is DAEMON_FAILED too when it was only to run once', async () => {
    await expect(runDaemonOnce('node', ['--no-such-setting'])).rejects.toMatchObject({
      code: 'DAEMON_FAILED',
      facts: { daemon: 'node', reason: expect.stringMatching(/\S/) },
    });
  });

  it('is not started when its log cannot be written', async () => {
    const start = startDaemon({ name: 'node', args: [], logFile: join(dir, 'none', 'node.log') });
    await expect(start).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  it('is stopped and CANCELLED when the caller gives up meanwhile', async () => {
    const logFile = join(dir, 'gateway.log');
    const giveUp = new AbortController();
    const { signal } = giveUp;
    const start = startDaemon({ name: 'gateway', args: ['--help'], logFile, signal });
    giveUp.abort();
    await expect(start).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});
