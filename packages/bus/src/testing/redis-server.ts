/** A real redis-server of the test's own: free port, nothing on disk unless asked for, killed at the end. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';

const binary = 'redis-server';

/** Whether tests with Redis can run; where everything has to be tested (CI=true), they fail instead. */
export function hasRedisServer(): boolean {
  if (process.env.CI === 'true') return true;
  try {
    execFileSync(binary, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export const noRedisReason = 'redis-server is not installed (apt-get install redis-server)';

export interface RedisServer {
  readonly port: number;
  /** Of this server: certificates, and what it writes. */
  readonly folder: string;
  /** SIGKILL: nothing is written any more. */
  kill(): Promise<void>;
  /** Starts again on the same port. */
  start(): Promise<void>;
  /** Asks the server as its administrator. */
  ask(...command: readonly [string, ...string[]]): Promise<unknown>;
  close(): Promise<void>;
}

export interface RedisServerOptions {
  readonly password?: string;
  /** Further arguments; may use the folder. */
  readonly args?: (folder: string, port: number) => readonly string[];
}

/** Starts a server and resolves when it answers. */
export async function startRedisServer(options: RedisServerOptions = {}): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'aitbc-redis-'));
  const [port, plainPort] = [await freePort(), await freePort()];
  const extra = options.args?.(folder, port) ?? [];
  const isTls = extra.includes('--tls-port');
  const adminPort = isTls ? plainPort : port;
  const args = [
    '--port',
    `${adminPort}`,
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
  ];
  const password = options.password === undefined ? [] : ['--requirepass', options.password];
  let child: ChildProcess | undefined;
  const ask = async ([name, ...rest]: readonly [string, ...string[]]) => {
    const redis = new Redis({
      port: adminPort,
      lazyConnect: true,
      protocol: 2,
      retryStrategy: () => null,
      ...(options.password !== undefined && { password: options.password }),
    });
    redis.on('error', () => {}); // the call below says the same
    try {
      await redis.connect();
      return await redis.call(name, ...rest);
    } finally {
      redis.disconnect();
    }
  };
  const server: RedisServer = {
    port,
    folder,
    ask: (...command) => ask(command),
    async start() {
      child = spawn(binary, [...args, ...password, '--dir', folder, ...extra], { stdio: 'ignore' });
      await untilAnswering(() => ask(['PING']), child);
    },
    async kill() {
      if (!child || child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
    async close() {
      await server.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}

async function untilAnswering(ping: () => Promise<unknown>, child: ChildProcess): Promise<void> {
  const endMs = Date.now() + 10_000;
  for (;;) {
    try {
      await ping();
      return;
    } catch (error) {
      if (Date.now() > endMs || child.exitCode !== null) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
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
