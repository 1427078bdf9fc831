/** A Redis of the town: nothing on disk, killed and started again on the same port. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { until } from '../chain/rpc.ts';

const binary = 'redis-server';

/** The broker. */
export interface Broker {
  start(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

/** Whether this machine has one. */
export function hasBroker(): boolean {
  try {
    execFileSync(binary, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** A broker on a port of loopback. */
export function createBroker(port: number, folder: string): Broker {
  let child: ChildProcess | undefined;
  const words = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  return {
    async start() {
      if (child) return;
      child = spawn(binary, [...words, '--dir', folder], { stdio: 'ignore' });
      await until('redis-server answers', () => answers(port));
    },
    async kill() {
      if (!child) return;
      const ended = once(child, 'close');
      child.kill('SIGKILL');
      await ended;
      child = undefined;
    },
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
