/**
 * What the stock x402 way takes to admit one paid call: an Express route behind the middleware of `@x402/express` with our
 * scheme and the facilitator in the same process, less the same route without the middleware. Calls come over HTTP, sixteen
 * at a time, because a middleware is nothing without its request; CPU is that of the serving process with all threads.
 */
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { free, openX402Buyer } from '../gateway/buyers.mjs';
import { createClient } from '../gateway/client.mjs';
import { installPaidPeers } from '../gateway/install-peers.mjs';
import { x402Versions } from '../gateway/x402-shop.mjs';
import { cpuOf } from '../lib/machine.mjs';
import { startProgram, withCleanup } from '../lib/processes.mjs';

const program = fileURLToPath(new URL('x402-process.mjs', import.meta.url));
const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'x'.repeat(400) }] });
const parallel = 16;
const warmUpSeconds = 3;

/** CPU that the middleware adds to a call, µs, with both figures it comes from. */
export function measureX402({ seconds }) {
  installPaidPeers();
  return withCleanup(async (undo) => {
    const folder = await mkdtemp(join(tmpdir(), 'aitbc-x402-'));
    undo.push(() => rmSync(folder, { recursive: true, force: true }));
    const started = await startProgram({
      program: process.execPath,
      args: [program],
      cwd: folder,
      logFile: join(folder, 'log'),
      readyOf: (line) => (line.startsWith('{"url"') ? JSON.parse(line) : undefined),
    });
    undo.push(started.stop);
    const { value, pid } = started;
    const buy = await openX402Buyer({ ...value, path: '/paid', body });
    const client = createClient(value.url, parallel);
    undo.push(client.close);
    const measured = async (path, payment) => {
      const call = { path, body };
      await flood({ client, call, payment, seconds: warmUpSeconds });
      const beforeUs = cpuOf(pid).allUs;
      const count = await flood({ client, call, payment, seconds });
      return (cpuOf(pid).allUs - beforeUs) / count;
    };
    const freeUs = await measured('/free', free);
    const paidUs = await measured('/paid', buy);
    return { version: x402Versions()['@x402/express'], freeUs, paidUs, cpuUs: paidUs - freeUs };
  });
}

/** Calls that were answered. */
async function flood({ client, call, payment, seconds }) {
  const endMs = performance.now() + seconds * 1_000;
  const lane = async (_, at) => {
    let count = 0;
    while (performance.now() < endMs) {
      const { headers } = await payment(call, at);
      await client.post({ ...call, headers });
      count += 1;
    }
    return count;
  };
  const counts = await Promise.all(Array.from({ length: parallel }, lane));
  return counts.reduce((sum, count) => sum + count, 0);
}
