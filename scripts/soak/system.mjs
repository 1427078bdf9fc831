/** What a soak runs on: a devnet of real processes, Redis where it is installed, and an engine that answers at once. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bringUp } from '@aitbc/cli/devnet';
import { after, freePorts, startProgram } from '../bench/lib/processes.mjs';

export const model = 'bench-model'; // of scripts/bench/gateway/engine.mjs
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const readyMs = 60_000;
const settings = {
  AITBC_GATEWAY_CHANNEL_FUND: `${10n ** 10n}`,
  AITBC_GATEWAY_VAULT_FUND: `${10n ** 11n}`,
  AITBC_GATEWAY_DAY_MAX: `${10n ** 15n}`,
  AITBC_PROVIDER_SLOTS: '256',
  AITBC_PROVIDER_CLAIM_INTERVAL_MS: '20000',
};

/** Starts everything below `folder`; `undo` gets the steps that end it. */
export async function startSystem({ folder, undo, validators, providers }) {
  const engine = await startProgram({
    program: process.execPath,
    args: [here('../bench/gateway/engine.mjs')],
    cwd: folder,
    logFile: join(folder, 'engine.log'),
    readyOf: (line) => (line.startsWith('{"url"') ? JSON.parse(line).url : undefined),
  });
  undo.push(engine.stop);
  const redis = await startRedis({ folder, undo });
  const heapFolder = join(folder, 'heap');
  mkdirSync(heapFolder);
  const before = { ...process.env };
  Object.assign(process.env, settings, {
    AITBC_PROVIDER_OPENAI_URL: engine.value,
    AITBC_SOAK_HEAP: heapFolder,
    NODE_OPTIONS: `--import ${here('heap.mjs')}`,
    ...(redis && { AITBC_COORDINATOR_BUS: redis }),
  });
  const devnet = await bringUp({
    ...{ home: join(folder, 'devnet'), freePorts: true, engine: 'openai', validators, providers },
    ...{ signal: new AbortController().signal, tell() {} },
  });
  process.env = before;
  undo.push(() => devnet.stop());
  await untilRanked(devnet);
  return { devnet, heapFolder, hasRedis: redis !== undefined, redis };
}

async function startRedis({ folder, undo }) {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  const [port] = await freePorts(1);
  const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder];
  const started = await startProgram({
    program: 'redis-server',
    args: [...place, '--save', '', '--appendonly', 'no'],
    cwd: folder,
    logFile: join(folder, 'redis.log'),
    readyOf: (line) => (/Ready to accept connections/.test(line) ? true : undefined),
  });
  undo.push(started.stop);
  return `redis://127.0.0.1:${port}`;
}

async function untilRanked({ clients }) {
  const endMs = performance.now() + readyMs;
  for (;;) {
    const { offers } = await clients.coordinator
      .route({ models: [model] })
      .catch(() => ({ offers: [] }));
    if (offers.length > 0) return;
    if (performance.now() > endMs) throw new Error('no provider was ranked in time');
    await after(50);
  }
}
