/**
 * How long matching takes while everything moves: `node scripts/bench/route.mjs [--quick] [--sizes 1000,10000,100000]
 * [--shapes "default;sort price"] [--http 10000] [--out file.json]` after a build. Beside ours a sorted array and an SQLite table.
 * In process: offers of one model at 1 000 to 100 000 providers, every route between
 * heartbeats that change load and reports that change speed. Over HTTP: the real coordinator with the largest
 * market in its index, and a client on one connection. Offers are made here and not signed by providers:
 * signatures are checked when an offer comes in, not when it is ranked.
 */
import { parseArgs } from 'node:util';
import { machineText } from './lib/machine.mjs';
import { writeJson } from './lib/write-json.mjs';
import { measureInProcess } from './route/in-process.mjs';
import { measureOverHttp } from './route/over-http.mjs';
import { measurePeers } from './route/peers.mjs';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    sizes: { type: 'string' },
    shapes: { type: 'string' },
    http: { type: 'string' },
    out: { type: 'string', default: '' },
  },
});
const calls = values.quick ? 2_000 : 20_000;
const httpCalls = values.quick ? 1_000 : 10_000;
const sizes = (values.sizes ?? '1000,10000,100000').split(',').map(Number);

const inProcess = sizes.flatMap((size) => measureInProcess(size, calls, values.shapes?.split(';')));
const peers = [];
for (const size of sizes) peers.push(...(await measurePeers(size, calls)));
const http = [];
const httpSizes = values.http?.split(',').map(Number) ?? sizes.filter((one) => one > 1_000);
for (const size of httpSizes) http.push(await measureOverHttp(size, httpCalls));
writeJson(values.out, { machine: machineText(), calls, inProcess, peers, http });
