/** Lines of the chain: four validators and the load on this machine, Anvil and Hardhat under the same load. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { peersFolder } from '../../scoreboard/install-peers.mjs';

const wanted = JSON.parse(readFileSync(join(peersFolder, 'package.json'), 'utf8')).dependencies;
const ledgers = [
  ['anvil', 'Anvil', wanted['@foundry-rs/anvil-linux-amd64']],
  ['hardhat', 'Hardhat', wanted.hardhat],
];
const cpuLabel = 'CPU µs/transfer and process, full load';
const rows = [
  {
    what: 'Transfers, 4 validators, every signature checked by each, votes synced',
    label: 'transfers/s, full load',
    ...{ unit: '/s', isMore: true, must: 2_000, moonshot: 6_000, cpu: cpuLabel },
  },
  {
    what: 'Finality at 2 000 transfers/s, p50',
    label: 'finality p50 at the paced rate, ms',
    ...{ unit: 'ms', must: 150, moonshot: 150, cpu: 'CPU µs/transfer and process, paced' },
    note: 'the peers mine a block each second, in which they are fastest',
  },
  {
    what: 'Finality at 2 000 transfers/s, p99',
    label: 'finality p99 at the paced rate, ms',
    ...{ unit: 'ms', must: 1_000, moonshot: 500 },
  },
  {
    what: 'Finality of a lone transfer, idle, p50',
    label: 'finality p50 when idle, ms',
    ...{ unit: 'ms', moonshot: 10 },
    note: 'the peers mine at once, for themselves, in memory; ours is three rounds of four processes that write to disk',
    limit: ['one append with fdatasync, ms', ({ syncUs }) => scaled(syncUs, 1 / 1_000)],
  },
  {
    what: 'Transfers in batches of 256',
    label: 'transfers/s in batches of 256',
    ...{ unit: '/s', isMore: true, must: 10_000, moonshot: 20_000 },
    cpu: 'CPU µs/transfer and node in batches',
  },
  {
    what: 'CPU per transfer and node, all in',
    label: cpuLabel,
    ...{ unit: 'µs', must: 90, moonshot: 65 },
    limit: ['one Ed25519 check', ({ checkUs }) => checkUs],
  },
  {
    what: 'Block sync: a fresh node fetches and executes the chain',
    label: 'block sync, transfers/s',
    ...{
      unit: '/s',
      isMore: true,
      must: 20_000,
      moonshot: 50_000,
      cpu: 'block sync, CPU µs/transfer',
    },
  },
];

/** The part. */
export const chain = {
  name: 'chain',
  about:
    'four validators, the load and each peer on one machine: 96 accounts, pre-signed transfers in batches of 25 over 16 connections; nothing of the peers is agreed on or written to disk',
  seconds: { full: 250, quick: 75 },
  runs: (isQuick) => [
    {
      key: 'chain',
      script: 'scoreboard.mjs',
      args: [
        ...['--seconds', isQuick ? '4' : '12', '--rounds', isQuick ? '1' : '2'],
        ...['--rate-max', '7000', '--sync-transfers', isQuick ? '15000' : '50000'],
      ],
    },
  ],
  lines({ chain: result }, limits) {
    const { summary = {} } = result ?? {};
    const ours = Object.entries(summary).find(([name]) => name.startsWith('aitbc'))?.[1] ?? {};
    return rows.map(({ label, cpu, limit, ...row }) => ({
      ...row,
      ours: ours[label],
      cpuUs: ours[cpu]?.median,
      peers: ledgers.flatMap(([key, name, version]) => {
        const figure = summary[key]?.[label];
        return figure ? [{ name, version, figure, cpuUs: summary[key]?.[cpu]?.median }] : [];
      }),
      limit: limit && { what: limit[0], figure: limit[1](limits) },
    }));
  },
};

function scaled(spread, factor) {
  if (!spread) return undefined;
  const { median, min, max, rounds } = spread;
  return { median: median * factor, min: min * factor, max: max * factor, rounds };
}
