/** Readers of the soak: what a console shows, live streams that come and go, subscribers of the chain. */
import { createRequire } from 'node:module';
import { after } from '../bench/lib/processes.mjs';
import { createCount, keepDoing } from './pace.mjs';

// The client library of the SDK; a script belongs to no package that could declare it.
const sdk = createRequire(new URL('../../packages/sdk/package.json', import.meta.url));
const { WebSocket } = sdk('ws');

const stayMs = 10_000;
const patienceMs = 20_000;
const pages = [
  ...['/', '/v1/console', '/v1/about', '/v1/models', '/v1/offers', '/v1/providers', '/v1/events'],
  ...['/v1/agents', '/v1/tasks', '/v1/audits', '/v1/surveillance/alerts', '/metrics'],
];

/** Starts all readers. */
export function startReaders({ devnet, signal, scale }) {
  const coordinator = devnet.daemon('coordinator').url;
  const node = devnet.daemon('node').url;
  const counts = {
    pages: createCount('pages read'),
    streams: createCount('live streams opened and left'),
    sockets: createCount('subscribers that came and went'),
  };
  const plan = (count, perSecond, parallel) => ({
    count,
    everyMs: 1_000 / (perSecond * scale),
    parallel,
    signal,
  });
  const running = [
    keepDoing((turn) => read(coordinator, turn), plan(counts.pages, 2, 4)),
    keepDoing(() => follow(coordinator), plan(counts.streams, 0.3, 6)),
    keepDoing(() => subscribe(node), plan(counts.sockets, 0.3, 6)),
  ];
  return { counts, running };
}

async function read(url, turn) {
  const path = pages[turn % pages.length];
  const answer = await fetch(url + path, { signal: AbortSignal.timeout(patienceMs) });
  await answer.arrayBuffer();
  if (answer.status >= 400) throw new Error(`${path} answers ${answer.status}`);
}

async function follow(url) {
  const ending = new AbortController();
  const answer = await fetch(`${url}/v1/live`, { signal: ending.signal });
  if (answer.status !== 200) throw new Error(`/v1/live answers ${answer.status}`);
  const reading = (async () => {
    for await (const chunk of answer.body) if (chunk.length === 0) return;
  })();
  reading.catch(() => {}); // it is ended from here
  await after(stayMs);
  ending.abort();
}

async function subscribe(url) {
  const socket = new WebSocket(url.replace('http', 'ws'));
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  const ask = { jsonrpc: '2.0', id: 1, method: 'subscribe', params: { topic: 'finalBlocks' } };
  socket.send(JSON.stringify(ask));
  let heard = 0;
  socket.on('message', () => {
    heard += 1;
  });
  await after(stayMs);
  socket.terminate();
  if (heard < 2) throw new Error('a subscriber hears no blocks');
}
