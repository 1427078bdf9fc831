/** Looks before it leaps: all ports of the devnet are free, or one clear sentence. */
import { createServer } from 'node:net';
import { AppError, ports } from '@aitbc/protocol';
import type { DaemonName } from './daemon-process.ts';

const host = '127.0.0.1';

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, host, () => probe.close(() => resolve(true)));
  });
}

/** Throws PORT_IN_USE for the first standard port that somebody else holds. */
export async function assertPortsFree(names: readonly DaemonName[]): Promise<void> {
  for (const name of names) {
    const port = ports[name];
    if (await isFree(port)) continue;
    throw new AppError('PORT_IN_USE', { port, setting: '--ports free' });
  }
}
