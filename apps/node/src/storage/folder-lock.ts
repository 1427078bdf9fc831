/**
 * One process per data folder: two validators with one key would vote twice. The lock is a listening local
 * socket whose name follows from the folder; the system frees it when the process dies, however that
 * happens, so there is no stale lock to remove by hand. A socket file that a dead process left behind
 * refuses connections and is replaced. Containers that share a volume do not see each other's sockets: such
 * a set-up must not run two of them.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, realpathSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '@aitbc/protocol';

/** Locks a folder until the returned function is called. Throws AppError CONFIG_INVALID when it is in use. */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = socketPathOf(folder);
  const server =
    (await listen(path)) ?? ((await isAnswering(path)) ? undefined : await replace(path));
  if (!server) {
    throw new AppError('CONFIG_INVALID', { reason: `another node uses the folder ${folder}` });
  }
  server.unref();
  return () => new Promise<void>((resolve) => server.close(() => resolve()));
}

function socketPathOf(folder: string): string {
  const name = createHash('sha256').update(realpathSync(folder)).digest('hex').slice(0, 32);
  if (process.platform === 'linux') return `\0aitbc-node-${name}`;
  if (process.platform === 'win32') return `\\\\.\\pipe\\aitbc-node-${name}`;
  return join(tmpdir(), `aitbc-${name}.sock`);
}

function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(path, () => resolve(server));
  });
}

function isAnswering(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function replace(path: string): Promise<Server | undefined> {
  rmSync(path, { force: true });
  return listen(path);
}
