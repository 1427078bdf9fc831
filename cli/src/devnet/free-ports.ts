/** Looks before it leaps: all ports of the devnet are free, or one clear sentence. */
import { createServer } from 'node:net';
import { AppError } from '@aitbc/protocol';

const host = '127.0.0.1';
/** Below the ports that systems hand out for outgoing connections, which would take ours between look and use. */
const ownRange = { from: 20_000, to: 32_000 } as const;

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, host, () => probe.close(() => resolve(true)));
  });
}

/** Throws PORT_IN_USE for the first of these ports that somebody else holds. */
export async function assertPortsFree(wanted: readonly number[]): Promise<void> {
  for (const port of wanted) {
    if (await isFree(port)) continue;
    throw new AppError('PORT_IN_USE', { port, setting: '--ports free' });
  }
}

/** So many different ports that nobody holds now. `random` gives 0 to 1. */
export async function findFreePorts(count: number, random = Math.random): Promise<number[]> {
  const found = new Set<number>();
  const size = ownRange.to - ownRange.from;
  for (let tries = 0; found.size < count; tries += 1) {
    if (tries > size)
      throw new AppError('PORT_IN_USE', { port: ownRange.from, setting: '--ports' });
    const port = ownRange.from + Math.floor(random() * size);
    if (!found.has(port) && (await isFree(port))) found.add(port);
  }
  return [...found];
}
