/**
 * Growth with the number of payment channels: `node scripts/bench/growth/channels.mjs [--sizes 100,1000,10000,100000]
 * [--rounds 1] [--claims 12] [--calls 2000] [--out FILE]` after a build.
 *
 * At the provider: its real books over SQLite, in a process of their own; memory that the channels take, and the time to admit a
 * job on a channel drawn by lot, header to committed reservation. On chain: a real node with one validator, on which
 * that many channels are opened; its memory, and claims of 100 rows each, one at a time, from sending to final.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { machineText } from '../lib/machine.mjs';
import { spreadOf, spreadText, tableText } from '../lib/statistics.mjs';
import { writeJson } from '../lib/write-json.mjs';
import { measureNode } from './node-channels.mjs';

const provider = fileURLToPath(new URL('provider-channels.mjs', import.meta.url));
const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '100,1000,10000,100000' },
    rounds: { type: 'string', default: '1' },
    claims: { type: 'string', default: '12' },
    calls: { type: 'string', default: '2000' },
    out: { type: 'string', default: '' },
  },
});
const columns = [
  ['admission at the provider, p50, µs', ({ books }) => books.p50Us],
  ['admission, p99, µs', ({ books }) => books.p99Us],
  ['memory of the provider’s channels, MB', ({ books }) => books.channelsMb],
  ['claim of 100 rows until final, p50, ms', ({ node }) => node.claimMs],
  ['CPU of the node per row, µs', ({ node }) => node.cpuUsPerRow],
  ['memory of the node, MB', ({ node }) => node.residentMb],
];

const folder = mkdtempSync(join(tmpdir(), 'aitbc-channels-'));
const points = [];
try {
  for (const x of values.sizes.split(',').map(Number)) {
    const rounds = [];
    for (let round = 0; round < Number(values.rounds); round += 1) {
      const place = join(folder, `${x}-${round}`);
      mkdirSync(place);
      const node = await measureNode({ folder: place, channels: x, claims: Number(values.claims) });
      rounds.push({ books: measureBooks(x), node });
      rmSync(place, { recursive: true, force: true });
    }
    points.push({ x, rounds });
    console.log(
      `${x} channels: ${columns.map(([, pick]) => pick(rounds[0]).toFixed(1)).join(', ')}`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const spreads = points.map(({ rounds }) => columns.map(([, pick]) => spreadOf(rounds.map(pick))));
const rows = points.map(({ x }, at) => [String(x), ...spreads[at].map(spreadText)]);
console.log(`\n${tableText([['channels', ...columns.map(([label]) => label)], ...rows])}`);
const panels = columns.map(([label], column) => ({
  label,
  points: points.map(({ x }, at) => ({ x, ...spreads[at][column] })),
}));
writeJson(values.out, { machine: machineText(), panels, points });

function measureBooks(channels) {
  const output = execFileSync(process.execPath, [provider, `${channels}`, values.calls], {
    encoding: 'utf8',
    timeout: 300_000,
  });
  return JSON.parse(output.trim().split('\n').at(-1));
}
