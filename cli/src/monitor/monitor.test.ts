import { mkdirSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, Socket } from 'node:net';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import {
  addressOf,
  coordinatorEndpoints,
  gatewayEndpoints,
  type MarketEvent,
  nodeRpc,
  ports,
} from '@aitbc/protocol';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createScreen } from '../context/screen.ts';
import { newestEvents } from '../coordinator/newest-events.ts';
import { metricSums } from '../coordinator/read-metrics.ts';
import { chainStatus } from '../testing/chain-answers.ts';
import { createTestHome } from '../testing/run-words.ts';
import { serveNode, serveTable, type TestServer } from '../testing/table-server.ts';
import { createTerminal } from '../testing/terminal.ts';
import { curveText, monitorPicture, snapshotLine } from './picture.ts';
import { presentUrls } from './present-urls.ts';
import { ratesOf } from './read-chain.ts';
import { readEndKeys } from './read-keys.ts';
import type { MonitorView, Snapshot } from './types.ts';

const home = createTestHome();
afterAll(() => home.remove());
const nobody = 'http://127.0.0.1:9';
const provider = addressOf('22'.repeat(32));
const plain = { style: (_style: string, text: string) => text };

const saleEvent = (seq: number, atMs: number): MarketEvent => ({
  ...{ seq, atMs, provider },
  facts: {
    ...{ kind: 'receipt', jobId: 'ab'.repeat(32), offerId: 'ab'.repeat(32), model: 'tiny' },
    ...{ channelId: 'ab'.repeat(32), promptTokens: 5, outputTokens: 60, charged: '7000' },
    ...{ outcome: 'complete', firstTokenMs: 9, durationMs: 90 },
  },
});
const jobs = {
  ...{ queued: 3, dispatched: 1, running: 0, completed: 0, failed: 0, expired: 0, cancelled: 0 },
};
const about = {
  ...{ name: 'c', network: 'test', caip2: 'x', genesisHash: 'cd'.repeat(32) },
  ...{ providers: 1, offers: 2, webhookKey: 'k', jobs },
};
const row = {
  ...{ provider, endpoint: nobody, leaseUntilMs: 1, models: ['tiny'] },
  gauges: { running: 1, waiting: 2, slots: 4 },
};

const alert = {
  ...{ id: 'ef'.repeat(32), atMs: 1, level: 'high' as const, pattern: 'self-dealing' },
  ...{ subjects: [{ role: 'provider' as const, address: provider }], confidence: 90, seq: 1 },
  ...{ text: 'It buys\u001b from itself', evidence: { txs: [], events: [] }, thresholds: {} },
  ...{ status: 'open' as const, note: '', resolvedAtMs: null },
};

let events: MarketEvent[];
let servers: TestServer[];
let front: Front;
beforeEach(async () => {
  events = [saleEvent(1, Date.now() - 3_600_000), saleEvent(2, Date.now())];
  const node = await serveNode(nodeRpc, {
    chain_status: () => chainStatus(),
    chain_listBlocks: () => ({ blocks: [], next: null }),
  });
  const coordinator = await serveTable(coordinatorEndpoints, {
    about: () => about,
    listProviders: () => ({ providers: [row], next: null }),
    listAlerts: () => ({ alerts: [alert], next: null }),
    events({ after = 0, limit = 100 }) {
      const page = events.filter(({ seq }) => seq > after).slice(0, limit);
      return { events: page, next: page.at(-1)?.seq ?? after };
    },
  });
  const gateway = await serveTable(gatewayEndpoints, {
    spend: () => ({
      ...{ payer: provider, charged: '5', dayLimit: '1000', spentToday: '990' },
      ...{ channels: [], calls: [] },
    }),
  });
  servers = [node, coordinator, gateway];
  front = await createFront(coordinator.url);
});
afterEach(async () => {
  await front.close();
  await Promise.all(servers.map((server) => server.close()));
});

/** A door in front of a server, on one port, that can be shut and opened again. */
interface Front {
  readonly url: string;
  close(): Promise<void>;
  open(): Promise<void>;
}

async function createFront(target: string): Promise<Front> {
  const { port: inner } = new URL(target);
  const sockets = new Set<Socket>();
  let server: Server | undefined;
  let port = 0;
  const open = async () => {
    const door = createServer((socket) => {
      const through = new Socket();
      for (const one of [socket, through]) {
        sockets.add(one);
        one.on('error', () => {});
      }
      through.connect(Number(inner), '127.0.0.1');
      socket.pipe(through).pipe(socket);
    });
    server = door;
    await new Promise<void>((resolve) => door.listen(port, '127.0.0.1', resolve));
    port = (door.address() as AddressInfo).port;
  };
  await open();
  return {
    url: `http://127.0.0.1:${port}`,
    open,
    async close() {
      for (const socket of sockets) socket.destroy();
      sockets.clear();
      const door = server;
      server = undefined;
      await new Promise<void>((resolve) => (door ? door.close(() => resolve()) : resolve()));
    },
  };
}

const envOf = () => ({
  AITBC_NODE_URL: servers[0]?.url ?? '',
  AITBC_COORDINATOR_URL: front.url,
  AITBC_GATEWAY_URL: servers[2]?.url ?? '',
  AITBC_PROVIDER_URL: nobody,
});

describe('aitbc monitor', () => {
  it('is one line with --once, for people and for programs', async () => {
    const { stdout, exitCode } = await home.run(['monitor', '--once'], { env: envOf() });
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/block 7, .*1 of 4 slots busy · 1 jobs a minute · 1\.0 tokens\/s/);
    const json = await home.run(['monitor', '--once', '--json'], { env: envOf() });
    expect(JSON.parse(json.stdout)).toMatchObject({
      chain: { height: 7, finalityMs: null },
      market: { queued: 4, jobsLastMinute: 1, chargedLastMinute: '7000' },
      spend: { spentToday: '990' },
      provider: null,
      alerts: [
        'high: self-dealing: It buys from itself',
        'only 0.00000001 AIT of the budget of today are left',
      ],
    });
  });

  it('goes on when a daemon dies, and has it again when it is back', async () => {
    const stop = new AbortController();
    const seen: Snapshot[] = [];
    const onStdout = (text: string) => {
      const snapshot = JSON.parse(text) as Snapshot;
      seen.push(snapshot);
      if (seen.length === 1) void front.close();
      if (seen.length > 1 && seen.at(-2)?.market && snapshot.market === null) void front.open();
      if (seen.some(({ market }) => market === null) && snapshot.market) stop.abort();
    };
    const words = ['monitor', '--every', '0.2', '--json'];
    const { exitCode } = await home.run(words, { env: envOf(), onStdout, signal: stop.signal });
    expect(exitCode).toBe(0);
    const dead = seen.find(({ market }) => market === null);
    expect(dead?.alerts[0]).toMatch(/^the coordinator does not answer/);
    expect(dead?.chain).not.toBe(null);
    expect(seen.at(-1)?.market?.jobsLastMinute).toBe(1);
  });

  it('looks where the devnet of the home is now, and else where it was told', () => {
    const dir = join(home.dir, 'restarted');
    mkdirSync(dir);
    const at = (port: number) => `http://127.0.0.1:${port}`;
    const urls = {
      ...{ node: at(ports.node), wallet: at(ports.wallet), coordinator: 'http://other:1' },
      ...{ gateway: at(ports.gateway), provider: at(ports.provider) },
    };
    const place = { home: dir, urls, devnet: undefined };
    expect(presentUrls(place)).toBe(urls);
    const moved = {
      node: at(1),
      wallet: at(2),
      coordinator: at(3),
      gateway: at(4),
      provider: at(5),
    };
    const record = { pid: process.pid, pids: { node: process.pid }, urls: moved };
    writeFileSync(join(dir, 'devnet.json'), JSON.stringify(record));
    expect(presentUrls(place)).toEqual({ ...moved, coordinator: 'http://other:1' });
  });

  it('refuses an interval that is none', async () => {
    expect((await home.run(['monitor', '--every', '0'])).exitCode).toBe(2);
  });
});

const snapshot: Snapshot = {
  atMs: 1_000,
  chain: {
    ...{ network: 'test', height: 1_234, ageMs: 40, blocksPerSecond: 2, txPerSecond: 3.2 },
    ...{ waitingTxs: 0, finalityMs: 85, isQuiet: false },
  },
  market: {
    ...{ providers: 2, offers: 3, running: 2, waiting: 1, slots: 8, queued: 0 },
    ...{ jobsLastMinute: 14, tokensPerSecond: 312.4, chargedLastMinute: '1200000' },
  },
  spend: { payer: provider, spentToday: '1200000', dayLimit: '5000000000', charged: '0' },
  provider: null,
  alerts: ['the gateway does not answer (UNAVAILABLE)'],
};
const history = { finality: [85, 90], tx: [1, 2, 3.2], busy: [2], tokens: [312], speed: [] };
const sale = {
  ...{ atMs: 1_000, provider, model: 'a-model-with-quite-a-long-name', promptTokens: 5 },
  ...{ outputTokens: 60, charged: '7000', outcome: 'complete' },
};
const view: MonitorView = {
  ...{ snapshot, history, sales: [sale, sale] },
  rows: [{ provider, models: ['tiny'], running: 1, waiting: 2, slots: 4 }],
};

describe('the picture', () => {
  it.each([
    [80, 24],
    [200, 50],
    [40, 10],
  ])('fits a terminal of %i columns and %i rows, also when it is resized', (columns, rows) => {
    const terminal = createTerminal(columns, rows);
    const screen = createScreen(terminal.stream, (size) => monitorPicture(plain, view, size));
    const shown = terminal.shown();
    expect(shown.length).toBeLessThan(rows);
    expect(Math.max(...shown.map((line) => line.length))).toBeLessThan(columns);
    expect(shown.join('\n')).toContain('height 1234, 40 ms old');
    terminal.resize(columns - 10);
    screen.draw();
    expect(terminal.shown().filter((line) => line.startsWith('blocks'))).toHaveLength(1);
    screen.done();
    expect(terminal.isCursorShown()).toBe(true);
  });

  it('has sales below the facts, and beside them the providers where there is room', () => {
    const narrow = monitorPicture(plain, view, { columns: 80, rows: 24 });
    expect(narrow.at(-1)).toMatch(/a-model-with-quit… +5 \+ 60 {2}0\.000007 AIT$/);
    expect(narrow.join('\n')).not.toContain('1 of 4');
    const wide = monitorPicture(plain, view, { columns: 200, rows: 24 });
    expect(wide.join('\n')).toMatch(/0\.000007 AIT .*tiny .*1 of 4, 2 waiting/);
    expect(monitorPicture(plain, view, { columns: 80, rows: 12 }).join('\n')).not.toContain(
      'sales',
    );
  });

  it('says what is missing', () => {
    const nothing = { ...snapshot, chain: null, market: null, spend: null, alerts: [] };
    const text = monitorPicture(
      plain,
      { ...view, snapshot: nothing, sales: [] },
      { columns: 80, rows: 24 },
    ).join('\n');
    expect(text).toContain('the chain node does not answer');
    expect(text).toMatch(/alerts +none/);
    expect(snapshotLine(nothing)).toMatch(/no chain · no market · alerts: none$/);
  });

  it('draws the newest numbers, the highest of them full', () => {
    expect(curveText([9, 0, 5, 10], 3)).toBe('▁▄█');
    expect(curveText([0, 0], 10)).toBe('');
  });
});

describe('what it counts', () => {
  it('takes rates from the headers of the last ten seconds', () => {
    const headers = [20_000, 15_000, 11_000, 9_000].map((timeMs) => ({ timeMs, txCount: 2 }));
    expect(ratesOf(headers)).toEqual({ blocksPerSecond: 0.3, txPerSecond: 0.6 });
    expect(ratesOf(headers.slice(0, 2))).toEqual({ blocksPerSecond: 0.4, txPerSecond: 0.8 });
    expect(ratesOf([])).toEqual({ blocksPerSecond: 0, txPerSecond: 0 });
  });

  it('sums metrics over their labels', () => {
    const text = '# HELP a b\na_total{x="1"} 2\na_total{x="2"} 3\nb 1.5\nc NaN\n';
    expect([...metricSums(text)]).toEqual([
      ['a_total', 5],
      ['b', 1.5],
    ]);
  });

  it('finds the newest events, however many there are and however thin they lie', async () => {
    for (const count of [0, 1, 7, 1_000]) {
      const all = Array.from({ length: count }, (_, at) => saleEvent((at + 1) * 3, at));
      let calls = 0;
      const read = async (after: number, limit: number) => {
        calls += 1;
        const page = all.filter(({ seq }) => seq > after).slice(0, limit);
        return { events: page, next: page.at(-1)?.seq ?? after };
      };
      const { events: found, next } = await newestEvents(read, 20);
      expect(found).toEqual(all.slice(-20));
      expect(next).toBe(count * 3);
      expect(calls).toBeLessThan(60);
    }
  });
});

describe('the keys', () => {
  it('end it with q or Ctrl-C, and the terminal is as before', () => {
    const modes: boolean[] = [];
    const input = Object.assign(new PassThrough(), {
      isTTY: true,
      setRawMode: (isRaw: boolean) => modes.push(isRaw),
    });
    let ends = 0;
    const stop = readEndKeys(input, () => (ends += 1));
    for (const key of ['x', 'q', '\u0003']) input.emit('data', key);
    stop();
    input.emit('data', 'q');
    expect([ends, modes]).toEqual([2, [true, false]]);
  });
});
