/** Lines of the market: admission of a payment, ranking of offers, durable jobs, the death of a provider. */
import { queueVersions } from '../../jobs/servers.mjs';
import { spreadOf } from '../../lib/statistics.mjs';
import { single } from '../line.mjs';

/** Admission. */
export const admission = {
  name: 'admission',
  about:
    'a fresh voucher for every call, header from base64 to reservation, in process; the x402 middleware as Express serves it, less the same route without it',
  seconds: { full: 45, quick: 25 },
  runs: (isQuick) => [
    {
      key: 'admission',
      script: 'admission.mjs',
      args: [isQuick ? '1000' : '3000', '--rounds', isQuick ? '1' : '3', '--peer'],
    },
  ],
  lines({ admission: result }, { checkUs }) {
    const own = result?.rounds['admission, header to reservation'] ?? [];
    const peer = result?.x402 ?? [];
    return [
      {
        what: 'Admission of a voucher in process, CPU',
        ...{ unit: 'µs', must: 150, moonshot: 60 },
        ours: spreadOf(own.map(({ cpuUs }) => cpuUs)),
        peers: peer.length === 0 ? [] : [x402Of(peer)],
        limit: { what: 'one Ed25519 check', figure: checkUs },
        note: `p50 by the clock ${own.map(({ p50Us }) => p50Us.toFixed(0)).join(', ')} µs`,
      },
    ];
  },
};

const x402Of = (rounds) => ({
  name: '@x402/express, facilitator in process',
  version: rounds[0].version,
  figure: spreadOf(rounds.map(({ cpuUs }) => cpuUs)),
});

const routeTargets = [
  { size: 10_000, must: 50, moonshot: 5 },
  { size: 100_000, must: 500, moonshot: 20 },
];

/** Ranking. */
export const route = {
  name: 'route',
  about:
    'offers of one model while all gauges move; the five best by price, load, measured speed and reputation; the peers know price, context and load only',
  seconds: { full: 50, quick: 30 },
  runs: (isQuick) => [
    {
      key: 'route',
      script: 'route.mjs',
      args: [
        ...(isQuick ? ['--quick'] : []),
        ...['--sizes', '100,1000,10000,100000', '--shapes', 'default', '--http', '10000'],
      ],
    },
  ],
  lines({ route: result }) {
    const { inProcess = [], peers = [], http = [] } = result ?? {};
    const ranked = routeTargets.map(({ size, must, moonshot }) => {
      const own = inProcess.find((row) => row.size === size);
      return {
        what: `One job among ${size.toLocaleString('en-US').replace(',', ' ')} offers, p99`,
        ...{ unit: 'µs', must, moonshot, ours: single(own?.routeUs.wall.p99) },
        cpuUs: own?.routeUs.cpu.p50,
        peers: peers
          .filter((row) => row.size === size)
          .map(({ system, version, routeUs }) => ({
            ...{ name: system, version, figure: single(routeUs.wall.p99) },
            cpuUs: routeUs.cpu.p50,
          })),
        note: own ? `p50 ${own.routeUs.wall.p50.toFixed(1)} µs` : undefined,
      };
    });
    const overHttp = http.find(({ size }) => size === 10_000);
    return [
      ...ranked,
      {
        what: '`POST /v1/route` among 10 000 offers over HTTP, p99',
        ...{ unit: 'ms', must: 2, peers: [], cpuUs: overHttp?.cpuPerRouteUs },
        ours: single(overHttp && overHttp.latencyUs.p99 / 1_000),
        note: overHttp ? `p50 ${(overHttp.latencyUs.p50 / 1_000).toFixed(2)} ms` : undefined,
      },
    ];
  },
  growth({ route: result }) {
    if (!result) return undefined;
    const series = [
      ['ours', result.inProcess],
      ...['sorted array', 'SQLite'].map((name) => [
        name,
        result.peers.filter(({ system }) => system === name),
      ]),
    ];
    const panels = series.flatMap(([name, list]) =>
      ['p50', 'p99'].map((share) => ({
        label: `${name}: one route, ${share}, µs`,
        points: list.map(({ size, routeUs }) => ({ x: size, ...single(routeUs.wall[share]) })),
      })),
    );
    const title = 'One job matched against the offers of so many providers';
    return { name: 'providers', plot: { title, x: { label: 'providers' }, panels } };
  },
};

const { bullmq, 'pg-boss': pgBoss, 'graphile-worker': graphile } = queueVersions();
const queues = [
  ['bullmq', 'BullMQ, fsync always', bullmq],
  ['pg-boss', 'pg-boss', pgBoss],
  ['graphile-worker', 'graphile-worker', graphile],
];

/** Jobs. */
export const jobs = {
  name: 'jobs',
  about:
    'jobs of 800 bytes enqueued one by one with 500 on their way, dispatched and completed with up to 500 in hand; fsync before every acknowledgement; the must is twice BullMQ of this run, the moonshot seven times',
  seconds: { full: 75, quick: 45 },
  runs: (isQuick) => [
    {
      key: 'jobs',
      script: 'jobs.mjs',
      args: [
        ...['--jobs', isQuick ? '8000' : '30000', '--slow-jobs', isQuick ? '1500' : '4000'],
        ...['--rounds', isQuick ? '1' : '2'],
      ],
    },
  ],
  lines({ jobs: result }, { syncUs }) {
    const { spreads = {} } = result ?? {};
    const base = spreads.bullmq?.through.median;
    return [
      {
        what: 'Jobs through enqueue, dispatch and completion, durable, SQLite',
        ...{ unit: '/s', isMore: true, must: base && 2 * base, moonshot: base && 7 * base },
        ours: spreads['aitbc-sqlite']?.through,
        cpuUs: spreads['aitbc-sqlite']?.cpuUs.median,
        peers: [
          ...queues.flatMap(([key, name, version]) =>
            spreads[key]
              ? [{ name, version, figure: spreads[key].through, cpuUs: spreads[key].cpuUs.median }]
              : [],
          ),
        ],
        limit: { what: 'commits of one job each, /s', figure: single(1e6 / (syncUs?.median ?? 0)) },
        note: spreads['aitbc-postgres']
          ? `ours on PostgreSQL: ${Math.round(spreads['aitbc-postgres'].through.median)}/s`
          : undefined,
      },
    ];
  },
};

/** Failover. */
export const failover = {
  name: 'failover',
  about:
    'a devnet of four validators and two providers; the one that serves is killed with SIGKILL at places spread over an answer of 64 tokens; the same answer goes on elsewhere and each is paid for its own',
  seconds: { full: 65, quick: 45 },
  runs: (isQuick) => [
    { key: 'failover', script: 'failover.mjs', args: ['--kills', isQuick ? '4' : '12'] },
    { key: 'peers', script: 'failover/peers.mjs', args: ['--kills', isQuick ? '2' : '5'] },
  ],
  lines({ failover: result, peers: others }) {
    const gap = result?.figures.gapMs;
    const kills = result ? `${result.figures.moved} answers moved` : undefined;
    const peers = (others?.peers ?? []).map(({ name, version, whole, kills: killed }) => ({
      ...{
        name: name === 'portkey' ? 'Portkey with a fallback' : 'nginx with two engines',
        version,
      },
      text: `${whole} of ${killed} answers came whole`,
    }));
    const line = { unit: 'ms', peers, note: kills };
    const [must, moonshot] = [
      [150, 500],
      [50, 150],
    ];
    return ['p50', 'p99'].map((share, at) => ({
      what: `A provider is killed in mid-answer: gap of the stream, ${share}`,
      ...{ ...line, must: must[at], moonshot: moonshot[at], ours: single(gap?.[share]) },
    }));
  },
};
