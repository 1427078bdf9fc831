/**
 * What the messages of this user remember: `<home>/messages/`, a JSON file for each part.
 *
 * A part is written to a second file, flushed and renamed, so that a crash leaves the old one or the new one. One process at
 * a time writes a part: numbers of letters that two processes gave out at once would be the same, and its receiver would
 * refuse one of the two. The lock names the process that has it; that of a process which is gone counts for nothing.
 */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@aitbc/protocol';
import type { AgentPart, AgentStore } from '@aitbc/sdk';
import { isAlive } from '../devnet/devnet-file.ts';

const ownerOnly = 0o600;
const lockTries = 12;
const lockEveryMs = 100;

/** The store of a part that this process alone may write, until `release`. */
export interface LockedStore {
  readonly store: AgentStore;
  release(): void;
}

/** Takes a part. Throws CLI_USAGE when another process keeps it. */
export async function lockPart(home: string, part: AgentPart): Promise<LockedStore> {
  const folder = join(home, 'messages');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = join(folder, `${part}.lock`);
  for (let tries = 1; !takeLock(lock); tries += 1) {
    if (tries === lockTries) {
      const reason = `Another process of this user has ${lock}. End its aitbc message command first.`;
      throw new AppError('CLI_USAGE', { reason });
    }
    await new Promise((resolve) => setTimeout(resolve, lockEveryMs));
  }
  return { store: storeIn(folder), release: () => rmSync(lock, { force: true }) };
}

function takeLock(path: string): boolean {
  try {
    writeFileSync(path, `${process.pid}\n`, { flag: 'wx', mode: ownerOnly });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const owner = Number(textOf(path) ?? '0');
  if (owner > 0 && isAlive(owner)) return false;
  rmSync(path, { force: true }); // its process is gone: the next try takes it
  return false;
}

function storeIn(folder: string): AgentStore {
  return {
    load(part) {
      const text = textOf(join(folder, `${part}.json`));
      if (text === undefined) return undefined;
      try {
        return JSON.parse(text) as unknown;
      } catch (error) {
        const what = join(folder, `${part}.json`);
        throw new AppError('STORE_CORRUPT', { what, reason: 'it is no JSON' }, { cause: error });
      }
    },
    save(part, value) {
      const path = join(folder, `${part}.json`);
      const file = openSync(`${path}.new`, 'w', ownerOnly);
      writeSync(file, JSON.stringify(value));
      fsyncSync(file);
      closeSync(file);
      renameSync(`${path}.new`, path);
    },
  };
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
