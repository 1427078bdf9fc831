/** Lines of the way of a paid request: one hop (provider) and two (gateway and provider), against what others put there. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { x402Versions } from '../../gateway/x402-shop.mjs';
import { nginxVersion } from '../../hops/nginx.mjs';
import { spreadOf } from '../../lib/statistics.mjs';
import { peersFolder } from '../../scoreboard/install-peers.mjs';

const systems = 'nginx,undici,proxy,gate,least,provider,gateway,portkey,x402';
const node = `Node ${process.versions.node}`;
const sdk = createRequire(new URL('../../../../packages/sdk/package.json', import.meta.url));
const portkey = JSON.parse(readFileSync(join(peersFolder, 'package.json'), 'utf8')).dependencies[
  '@portkey-ai/gateway'
];
const peers = [
  ['gate', 'plain paid gate on node:http', node],
  ['x402', '@x402/express', x402Versions()['@x402/express']],
  ['portkey', 'Portkey (no payment)', portkey],
  ['nginx', 'nginx (no payment)', nginxVersion()],
  ['undici', 'undici proxy (no payment)', sdk('undici/package.json').version],
  ['proxy', 'node:http proxy (no payment)', node],
];
const sum = (byProcess) => Object.values(byProcess).reduce((total, us) => total + us, 0);
const addedP50 = ({ one }, direct) => one.ms.p50 - direct.one.ms.p50;
const requestCpu = ({ many }) => sum(many.cpuUs);
const tokenCpu = ({ streams }) => sum(streams.cpuUsPerToken);
const added = (share) => (own, direct) => own.paced.firstMs[share] - direct.paced.firstMs[share];
const hop = 'Paid provider (one hop)';
const hops = 'Gateway + paid provider (two hops, windows, receipts)';
const trip = {
  what: 'a round trip over loopback, ms',
  figure: ({ tripUs }) => scaled(tripUs, 1 / 1_000),
};
/** Limits that are measured beside the others: hops/least.mjs, and its half that sells. */
const least = { what: 'least program that pays over two hops' };
const leastSeller = {
  what: 'the provider of the least program that pays over two hops',
  pick: ({ many }) => many.cpuUs['least-provider'],
};

const rows = [
  {
    what: `${hop}: added to the engine, one at a time, p50`,
    ...{ of: 'provider', pick: addedP50, unit: 'ms', must: 0.6, moonshot: 0.25, limit: trip },
  },
  {
    what: `${hop}: CPU per request, 16 at a time`,
    ...{
      of: 'provider',
      pick: requestCpu,
      unit: 'µs',
      must: 250,
      moonshot: 90,
      limit: leastSeller,
    },
  },
  {
    what: `${hops}: added to the engine, one at a time, p50`,
    ...{ of: 'gateway', pick: addedP50, unit: 'ms', must: 1.5, moonshot: 0.7, limit: least },
    note: 'each peer is one hop',
  },
  {
    what: `${hops}: paid requests per second and core, 16 at a time`,
    ...{ of: 'gateway', pick: (own) => 1e6 / requestCpu(own), unit: '/s', isMore: true },
    ...{ must: 1_500, moonshot: 4_000, note: 'each peer is one hop', limit: least },
  },
  {
    what: 'CPU per streamed token, gateway and provider, payment included',
    ...{ of: 'gateway', pick: tokenCpu, unit: 'µs', must: 30, moonshot: 8, limit: least },
    note: 'each peer is one hop',
  },
  {
    what: 'First token of 128 paced streams, added to the engine, p50',
    ...{ of: 'gateway', pick: added('p50'), unit: 'ms', must: 5, moonshot: 1.5 },
    note: 'the x402 middleware holds an answer until its end',
  },
  {
    what: 'First token of 128 paced streams, added to the engine, p99',
    ...{ of: 'gateway', pick: added('p99'), unit: 'ms', must: 30, moonshot: 10 },
  },
];

/** The part. */
export const gateway = {
  name: 'gateway',
  about:
    'one engine with instant tokens behind each system in turn: whole answers of 16 tokens one and 16 at a time, 16 streams of 64 tokens as fast as they go, 128 streams of 64 tokens every 40 ms; CPU of the system’s processes from /proc',
  seconds: { full: 430, quick: 120 },
  runs: (isQuick) => [
    {
      key: 'gateway',
      script: 'gateway.mjs',
      args: [
        ...[
          '--systems',
          systems,
          '--seconds',
          isQuick ? '1' : '2',
          '--rounds',
          isQuick ? '1' : '2',
        ],
        ...['--warm-up', isQuick ? '2' : '12'],
      ],
    },
  ],
  lines({ gateway: result }, limits) {
    const { rounds = [] } = result ?? {};
    const spread = (name, pick) =>
      spreadOf(rounds.flatMap((round) => (round[name] ? [pick(round[name], round.direct)] : [])));
    return rows.map(({ of, pick, limit, ...row }) => ({
      ...row,
      ours: spread(of, pick),
      peers: peers.flatMap(([key, name, version]) => {
        const figure = spread(key, pick);
        if (figure) return [{ name, version, figure }];
        return key === 'nginx' ? [{ name, text: 'not installed: apt-get install nginx' }] : [];
      }),
      limit: limit && {
        what: limit.what,
        figure: limit.figure ? limit.figure(limits) : spread('least', limit.pick ?? pick),
      },
    }));
  },
};

function scaled(spread, factor) {
  if (!spread) return undefined;
  const { median, min, max, rounds } = spread;
  return { median: median * factor, min: min * factor, max: max * factor, rounds };
}
