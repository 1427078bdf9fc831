/** A real PostgreSQL server of the test's own: temporary folder, free port, killed at the end. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../testing.ts';
import { openPostgres } from './postgres.ts';

/** Whether tests with PostgreSQL can run; where everything has to be tested (CI=true), they fail instead. */
export function hasPostgresServer(): boolean {
  if (process.env.CI === 'true') return true;
  try {
    execFileSync('initdb', ['--version'], { stdio: 'ignore' });
    userOf();
    return true;
  } catch {
    return false;
  }
}

export const noPostgresReason = 'PostgreSQL is not installed (apt-get install postgresql)';

/** A running server. */
export interface PostgresServer {
  readonly pid: number;
  /** URL of a database that is made here and now. */
  createDatabase(): Promise<string>;
  /** SIGKILL, as a power cut: nothing is written any more. */
  kill(): Promise<void>;
  /** Starts again on the same port and folder. */
  start(): Promise<void>;
  close(): Promise<void>;
}

const startTimeoutMs = 30_000;
const connectionsMax = 60;

/** Makes a cluster and starts it. */
export async function startPostgresServer(): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'aitbc-postgres-'));
  const data = join(folder, 'data');
  const user = userOf();
  const identity = user && { uid: user.uid, gid: user.gid };
  chmodSync(folder, 0o700);
  if (user) chownSync(folder, user.uid, user.gid);
  const init = ['-D', data, '-U', 'aitbc', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
  execFileSync('initdb', init, { stdio: 'ignore', cwd: folder, ...identity });
  const port = await freePort();
  const url = (database: string) => `postgres://aitbc@127.0.0.1:${port}/${database}`;
  let child: ChildProcess | undefined;
  let databases = 0;
  const server: PostgresServer = {
    get pid() {
      return child?.pid ?? 0;
    },
    async createDatabase() {
      databases += 1;
      const name = `test${databases}`;
      const admin = await openPostgres(url('postgres'), { connections: 1 });
      await admin.exec(`create database ${name}`);
      await admin.close();
      return url(name);
    },
    async start() {
      const settings = { listen_addresses: '127.0.0.1', unix_socket_directories: '' };
      const limits = { max_connections: connectionsMax, port };
      const options = Object.entries({ ...settings, ...limits });
      const args = ['-D', data, ...options.flatMap(([name, value]) => ['-c', `${name}=${value}`])];
      child = spawn('postgres', args, { stdio: 'ignore', cwd: folder, ...identity });
      await untilAnswering(url('postgres'));
    },
    async kill() {
      if (!child || child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
    async close() {
      if (child && child.exitCode === null && child.signalCode === null) {
        const gone = once(child, 'exit');
        child.kill('SIGQUIT'); // at once: the data are thrown away
        await gone;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}

async function untilAnswering(url: string): Promise<void> {
  const ping = async (): Promise<boolean> => {
    const database = await openPostgres(url, { connections: 1 });
    await database.close();
    return true;
  };
  await until(ping, { what: 'PostgreSQL', timeoutMs: startTimeoutMs, intervalMs: 50 });
}

/** The account to run the server as: PostgreSQL refuses root, so root runs it as `postgres`. */
function userOf(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const idOf = (flag: string): number =>
    Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: idOf('-u'), gid: idOf('-g') };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
