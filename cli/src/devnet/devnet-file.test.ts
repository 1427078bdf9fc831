import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, describe, expect, it } from 'vitest';
import { createTestHome } from '../testing/run-words.ts';
import { type DevnetFile, isAlive, readDevnetFile, writeDevnetFile } from './devnet-file.ts';

const home = createTestHome();
const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  home.remove();
});

const down = () => home.run(['down', '--home', home.dir, '--json']);

function fileOf(pid: number): DevnetFile {
  const urls = { node: '', wallet: '', coordinator: '', provider: '', gateway: '' };
  const pids = { node: 0, wallet: 0, coordinator: 0, provider: 0, gateway: 0 };
  return { pid, urls, pids, walletTokenFile: '', genesisFile: '', account: 'ait1x' };
}

/** A process that only waits for a signal. */
function bystander(): ChildProcess {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  children.push(child);
  return child;
}

describe('aitbc down', () => {
  it('says DEVNET_NOT_RUNNING when nothing was ever started', async () => {
    const empty = createTestHome();
    const { exitCode, stdout } = await empty.run(['down', '--home', empty.dir, '--json']);
    empty.remove();
    expect([exitCode, JSON.parse(stdout).error.code]).toEqual([7, 'DEVNET_NOT_RUNNING']);
  });

  it('says DEVNET_NOT_RUNNING and forgets a devnet whose process is gone', async () => {
    const gone = bystander();
    gone.kill('SIGKILL');
    await once(gone, 'close');
    writeDevnetFile(home.dir, fileOf(gone.pid ?? 0));
    const { exitCode, stdout } = await down();
    expect([exitCode, JSON.parse(stdout).error.code]).toEqual([7, 'DEVNET_NOT_RUNNING']);
    expect(readDevnetFile(home.dir)).toBe(undefined);
  });

  it('ends the process of the devnet and returns when it is gone', async () => {
    const devnet = bystander();
    const pid = devnet.pid ?? 0;
    writeDevnetFile(home.dir, fileOf(pid));
    const { exitCode, stdout } = await down();
    expect([exitCode, JSON.parse(stdout)]).toMatchObject([0, { stopped: true, pid }]);
    expect(isAlive(pid)).toBe(false);
  });
});
