/** `devnet.json` in the home folder: where a running devnet is, for every other command. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DaemonName } from './daemon-name.ts';

/** What `aitbc up` leaves for the other commands while it runs. */
export interface DevnetFile {
  /** Process that runs the devnet and stops it on SIGTERM. */
  readonly pid: number;
  readonly urls: Readonly<Record<DaemonName, string>>;
  readonly pids: Readonly<Record<DaemonName, number>>;
  readonly walletTokenFile: string;
  readonly genesisFile: string;
  /** Account the gateway spends from. */
  readonly account: string;
}

const fileName = 'devnet.json';

/** The devnet of a home folder, or undefined when none is recorded. */
export function readDevnetFile(home: string): DevnetFile | undefined {
  try {
    return JSON.parse(readFileSync(join(home, fileName), 'utf8')) as DevnetFile;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

export function writeDevnetFile(home: string, file: DevnetFile): void {
  writeFileSync(join(home, fileName), `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600 });
}

export function removeDevnetFile(home: string): void {
  rmSync(join(home, fileName), { force: true });
}

/** True while the devnet of this record runs. A number of a process may be given to another one: its node must live, too. */
export function isRunning({ pid, pids }: DevnetFile): boolean {
  return isAlive(pid) && isAlive(pids.node);
}

/** True while a process with this id exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
