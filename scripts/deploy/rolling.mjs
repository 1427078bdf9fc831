/**
 * A rolling restart under load: four validators and two coordinators on one PostgreSQL get SIGTERM one after the other,
 * start again, and the next one's turn comes when the former is ready and has caught up. Meanwhile paid streams and
 * asynchronous jobs run without a pause.
 *
 *   node scripts/deploy/rolling.mjs [--seconds 30] [--streams 2] [--json]
 *
 * A small proxy stands for the load balancer in front of nodes and coordinators; it goes over to the next one when the
 * one in use is gone. Needs `npm run build`, the embedded engine (`npm start` fetches it) and PostgreSQL's programs. Exit code 1
 * when a paid job failed or a daemon needed more than its ten seconds to stop. With --seconds the rounds go on until
 * that time is over; each round restarts all six.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { bringUp, startDaemon } from '@aitbc/cli/devnet';
import { startPostgresServer } from '@aitbc/service/testing';
import { startFront } from './rolling/front.mjs';
import { startLoad } from './rolling/load.mjs';

const stopMaxMs = 10_000;
const readyTimeoutMs = 60_000;
const pollMs = 25;
/** A node may be so many blocks behind the highest and still count as caught up. */
const blocksBehindMax = 1;
const databaseVariable = 'AITBC_COORDINATOR_DATABASE_URL';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    streams: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
  },
});

const undo = [];
try {
  await play();
} finally {
  for (const step of undo.reverse()) await step();
}

async function play() {
  const site = await openSite();
  const load = startLoad({ ...site.addresses, streams: Number(values.streams) });
  const restarts = [];
  const endMs = performance.now() + Number(values.seconds) * 1_000;
  do {
    for (const daemon of site.daemons) restarts.push(await restart(daemon, site));
  } while (performance.now() < endMs);
  await load.end();
  const { told } = load;
  const figures = {
    ...{ streams: told.streams, jobs: told.jobs, failed: told.failed.length },
    longestGapMs: Math.round(told.longestGapMs),
    longestFirstTokenMs: Math.round(told.longestFirstMs),
    restarts,
    ...{ coordinatorChanges: site.moves().coordinator, nodeChanges: site.moves().node },
  };
  print(figures, told.failed);
  const isLate = restarts.some(({ stopMs }) => stopMs > stopMaxMs);
  if (figures.failed > 0 || isLate) process.exitCode = 1;
}

/** Four validators, wallet, provider and gateway as a devnet has them, and a second coordinator on the same database. */
async function openSite() {
  const home = mkdtempSync(join(tmpdir(), 'aitbc-rolling-'));
  undo.push(() => rmSync(home, { recursive: true, force: true }));
  const postgres = await startPostgresServer();
  undo.push(() => postgres.close());
  process.env[databaseVariable] = await postgres.createDatabase();
  const fronts = {};
  const devnet = await bringUp({
    ...{ home, freePorts: true, engine: 'embedded', validators: 4, providers: 1 },
    ...{ signal: new AbortController().signal, tell: () => {} },
    async front(name, url) {
      fronts[name] = await startFront([url]);
      return fronts[name].url;
    },
  });
  undo.push(async () => {
    await devnet.stop();
    for (const front of Object.values(fronts)) await front.stop();
  });
  const nodes = [...devnet.nodes.keys()];
  for (const name of nodes.slice(1)) fronts.node.add(devnet.daemon(name).url);
  const second = await secondCoordinator(home, fronts.node.url);
  fronts.coordinator.add(second.url());
  const gateway = devnet.daemon('gateway').url;
  const coordinator = fronts.coordinator.url;
  const { data } = await (await fetch(`${coordinator}/v1/models`)).json();
  const own = (name) => ({
    ...{ name, url: () => devnet.daemon(name).url, isNode: name.startsWith('node') },
    ...{ stop: () => devnet.daemon(name).stop(), start: () => devnet.restart(name) },
  });
  return {
    addresses: { gateway, coordinator, model: data[0].id },
    daemons: [...nodes, 'coordinator'].map(own).concat(second),
    nodeUrls: () => nodes.map((name) => devnet.daemon(name).url),
    moves: () => ({ node: fronts.node.moves(), coordinator: fronts.coordinator.moves() }),
  };
}

async function secondCoordinator(home, nodeUrl) {
  const name = 'coordinator-2';
  const start = (port) =>
    startDaemon({
      name: 'coordinator',
      args: ['--port', String(port), '--data-dir', join(home, name), '--node-url', nodeUrl],
      logFile: join(home, 'logs', `${name}.log`),
    });
  let daemon = await start(0);
  undo.push(() => daemon.stop());
  return {
    ...{ name, isNode: false, url: () => daemon.url, stop: () => daemon.stop() },
    async start() {
      daemon = await start(new URL(daemon.url).port);
    },
  };
}

/** SIGTERM, the end, the start, and the moment when it is ready and has caught up. */
async function restart(daemon, site) {
  const begunMs = performance.now();
  await daemon.stop();
  const stoppedMs = performance.now();
  await daemon.start();
  const deadlineMs = stoppedMs + readyTimeoutMs;
  while (!(await isBack(daemon, site))) {
    if (performance.now() > deadlineMs) throw new Error(`${daemon.name} does not come back`);
    await sleep(pollMs);
  }
  const stopMs = Math.round(stoppedMs - begunMs);
  return { name: daemon.name, stopMs, backMs: Math.round(performance.now() - stoppedMs) };
}

async function isBack({ url, isNode }, { nodeUrls }) {
  const health = await fetch(`${url()}/health/ready`).catch(() => undefined);
  if (!health?.ok) return false;
  if (!isNode) return true;
  const [own, ...all] = await Promise.all([url(), ...nodeUrls()].map(statusOf));
  const highest = Math.max(...all.map((status) => status?.height ?? 0));
  return own !== undefined && !own.syncing && own.height >= highest - blocksBehindMax;
}

async function statusOf(url) {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'chain_status', params: {} });
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(url, { method: 'POST', headers, body }).catch(() => undefined);
  return answer?.ok ? (await answer.json()).result : undefined;
}

function print(figures, failed) {
  for (const line of failed) console.error(`failed: ${line}`);
  if (values.json) {
    console.log(JSON.stringify(figures));
    return;
  }
  for (const { name, stopMs, backMs } of figures.restarts) {
    console.log(`${name.padEnd(14)} stopped in ${stopMs} ms, back after ${backMs} ms`);
  }
  const { streams, jobs, longestGapMs, longestFirstTokenMs } = figures;
  console.log(`${streams} paid streams, ${jobs} paid asynchronous jobs, ${figures.failed} failed`);
  console.log(
    `longest gap in a stream ${longestGapMs} ms, longest wait for a first token ${longestFirstTokenMs} ms`,
  );
}
