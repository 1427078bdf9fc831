/** The systems side by side: real processes, each in front of the same engine, and the way to buy from each. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bringUp } from '@aitbc/cli/devnet';
import { startHopPeers } from '../hops/peers.mjs';
import { after, startProgram } from '../lib/processes.mjs';
import { free, openHandBuyer, openX402Buyer } from './buyers.mjs';
import { installPaidPeers } from './install-peers.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const path = '/v1/chat/completions';
const model = 'bench-model';
const messages = [{ role: 'user', content: `Say words. ${'x'.repeat(120)}` }];
const pollMs = 50;
const readyMs = 30_000;
const money = {
  AITBC_GATEWAY_CHANNEL_FUND: `${10n ** 11n}`,
  AITBC_GATEWAY_VAULT_FUND: `${3n * 10n ** 11n}`,
  AITBC_GATEWAY_DAY_MAX: `${10n ** 15n}`,
  AITBC_PROVIDER_SLOTS: '1024',
};

/** Body of a call; `paceMs` between two tokens, as fast as it goes without. */
export function bodyOf({ tokens, stream, paceMs }) {
  const pace = paceMs === undefined ? {} : { seed: paceMs };
  const body = { model, messages, max_tokens: tokens, temperature: 0, stream, ...pace };
  return { body: JSON.stringify(body), tokens, messages, path };
}

/** Starts all that are wanted, in their order. Each: name, url, the processes that count, and `buy` for one call. */
export async function startSystems({ folder, wanted, undo, profile }) {
  const engine = await start('engine.mjs', { folder, undo });
  const url = engine.value.url;
  const env = { AITBC_BENCH_ENGINE: url };
  const systems = { direct: { url, pids: {}, buy: free } };
  if (wanted.includes('proxy')) {
    const proxy = await start('proxy.mjs', { folder, undo, env });
    systems.proxy = { url: proxy.value.url, pids: { proxy: proxy.pid }, buy: free };
  }
  Object.assign(systems, await startHopPeers({ folder, engineUrl: url, undo, wanted }));
  if (wanted.includes('x402')) systems.x402 = await startX402({ folder, undo, env });
  if (wanted.includes('provider') || wanted.includes('gateway')) {
    Object.assign(systems, await startOurs({ folder, engineUrl: url, undo, profile }));
  }
  const there = wanted.filter((name) => systems[name]); // a peer that is not installed is left out
  return ['direct', ...there].map((name) => ({ name, ...systems[name] }));
}

async function start(name, { folder, undo, env = {} }) {
  const logFile = join(folder, `${name}.log`);
  const readyOf = (line) => (line.startsWith('{"url"') ? JSON.parse(line) : undefined);
  const program = { program: process.execPath, args: [here(name)], cwd: folder, env, logFile };
  const started = await startProgram({ ...program, readyOf });
  undo.push(started.stop);
  return started;
}

async function startX402({ folder, undo, env }) {
  installPaidPeers();
  const started = await start('x402-route.mjs', { folder, undo, env });
  const { body } = bodyOf({ tokens: 1, stream: false });
  const buy = await openX402Buyer({ ...started.value, path, body });
  return { url: started.value.url, pids: { route: started.pid }, buy };
}

async function startOurs({ folder, engineUrl, undo, profile }) {
  Object.assign(process.env, money, { AITBC_PROVIDER_OPENAI_URL: engineUrl });
  if (profile) {
    process.env.AITBC_BENCH_PROFILE = profile;
    process.env.NODE_OPTIONS = `--import ${here('profile.mjs')}`;
  }
  const { signal } = new AbortController();
  const about = { engine: 'openai', validators: 1, providers: 1 };
  const home = join(folder, 'devnet');
  const devnet = await bringUp({ home, freePorts: true, ...about, signal, tell() {} });
  delete process.env.NODE_OPTIONS;
  undo.push(() => devnet.stop());
  await ranked(devnet);
  const [provider, gateway] = ['provider', 'gateway'].map((name) => devnet.daemon(name));
  const byHand = await openHandBuyer({ devnet, model, messages });
  return {
    provider: { url: provider.url, pids: { provider: provider.pid }, buy: byHand },
    gateway: {
      url: gateway.url,
      pids: { gateway: gateway.pid, provider: provider.pid },
      buy: free,
    },
  };
}

async function ranked({ clients }) {
  const endMs = performance.now() + readyMs;
  for (;;) {
    const { offers } = await clients.coordinator
      .route({ models: [model] })
      .catch(() => ({ offers: [] }));
    if (offers.length > 0) return;
    if (performance.now() > endMs) throw new Error('the provider was not ranked in time');
    await after(pollMs);
  }
}
