/** The servers that queues need, each fresh and durable, and the queues themselves. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startPostgresServer } from '@aitbc/service/testing';
import { freePorts, startProgram } from '../lib/processes.mjs';

const peersFolder = fileURLToPath(new URL('peers', import.meta.url));

/** Versions of the queues, as package.json fixes them. */
export const queueVersions = () =>
  JSON.parse(readFileSync(join(peersFolder, 'package.json'), 'utf8')).dependencies;

/** A server for a queue of that name: its URL, its process, and how to stop it. */
export async function startServer(name, folder) {
  if (name === 'aitbc-sqlite') return { url: join(folder, 'jobs.sqlite'), stop: async () => {} };
  if (name !== 'bullmq') {
    const postgres = await startPostgresServer();
    return { url: await postgres.createDatabase(), pid: postgres.pid, stop: postgres.close };
  }
  const [port] = await freePorts(1);
  const redis = await startProgram({
    program: 'redis-server',
    args: [
      ...['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', ''],
      ...['--appendonly', 'yes', '--appendfsync', 'always'],
    ],
    cwd: folder,
    logFile: join(folder, 'redis.log'),
    readyOf: (line) => (line.includes('Ready to accept connections') ? true : undefined),
  });
  return { url: `redis://127.0.0.1:${port}`, pid: redis.pid, stop: redis.stop };
}

/** Exact versions of the lock file, no scripts. */
export function installQueues() {
  if (existsSync(join(peersFolder, 'node_modules/bullmq/package.json'))) return;
  console.log('installing the peers into scripts/bench/jobs/peers …');
  const flags = ['ci', '--ignore-scripts', '--no-audit', '--no-fund'];
  execFileSync('npm', flags, { cwd: peersFolder, stdio: 'inherit', timeout: 600_000 });
}
