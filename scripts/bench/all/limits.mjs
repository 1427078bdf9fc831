/**
 * What this machine itself allows, measured now: no program of this kind can be cheaper than its parts.
 *
 *   node scripts/bench/all/limits.mjs [--rounds 5] [--out limits.json]
 *
 * One Ed25519 check (CPU of the library that all of ours use); one append of 4 KiB with fdatasync in the temporary
 * folder, where the benches keep their databases; one round trip of 64 bytes over TCP on loopback between two processes; the
 * memory of a Node process that serves HTTP and does nothing, and the time until it serves. Medians of rounds.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { machineText, residentMb, signatureCheckUs } from '../lib/machine.mjs';
import { after } from '../lib/processes.mjs';
import { percentile, spreadOf, spreadText, tableText } from '../lib/statistics.mjs';
import { writeJson } from '../lib/write-json.mjs';

const syncs = 100;
const trips = 2_000;
const restMs = 500;
const labels = {
  checkUs: 'one Ed25519 check, CPU µs',
  syncUs: 'append of 4 KiB with fdatasync, p50, µs',
  tripUs: 'round trip over loopback TCP, p50, µs',
  nodeMb: 'a Node process that serves HTTP, resident MB',
  nodeMs: 'start of that process until it serves, ms',
};

const isChild = process.argv[2] === 'echo' || process.argv[2] === 'bare';
if (isChild) serve(process.argv[2]);
else await measure();

function serve(kind) {
  const server =
    kind === 'echo'
      ? createServer((socket) => socket.setNoDelay(true).pipe(socket))
      : createHttpServer((_request, response) => response.end('yes'));
  server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
  process.on('disconnect', () => process.exit(0));
}

async function measure() {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '5' },
      out: { type: 'string', default: '' },
    },
  });
  const found = Object.fromEntries(Object.keys(labels).map((name) => [name, []]));
  for (let round = 0; round < Number(values.rounds); round += 1) {
    found.checkUs.push(signatureCheckUs());
    found.syncUs.push(syncUs());
    found.tripUs.push(await tripUs());
    const { mb, ms } = await bareNode();
    found.nodeMb.push(mb);
    found.nodeMs.push(ms);
  }
  const figures = Object.fromEntries(
    Object.entries(found).map(([name, numbers]) => [
      name,
      { what: labels[name], figure: spreadOf(numbers) },
    ]),
  );
  const rows = Object.values(figures).map(({ what, figure }) => [what, spreadText(figure)]);
  console.log(tableText([['limit', 'median (least … most)'], ...rows]));
  writeJson(values.out, { machine: machineText(), figures });
}

function syncUs() {
  const folder = mkdtempSync(join(tmpdir(), 'aitbc-limits-'));
  const file = openSync(join(folder, 'log'), 'a');
  const page = Buffer.alloc(4_096, 7);
  try {
    const times = Array.from({ length: syncs }, () => {
      const begunMs = performance.now();
      writeSync(file, page);
      fdatasyncSync(file);
      return (performance.now() - begunMs) * 1_000;
    });
    return percentile(times, 0.5);
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function tripUs() {
  const { child, port } = await start('echo');
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  const message = Buffer.alloc(64, 1);
  const times = [];
  for (let trip = 0; trip < trips; trip += 1) {
    const begunMs = performance.now();
    socket.write(message);
    await once(socket, 'data');
    times.push((performance.now() - begunMs) * 1_000);
  }
  socket.destroy();
  await stop(child);
  return percentile(times, 0.5);
}

async function bareNode() {
  const begunMs = performance.now();
  const { child } = await start('bare');
  const ms = performance.now() - begunMs;
  await after(restMs);
  const mb = residentMb(child.pid);
  await stop(child);
  return { mb, ms };
}

async function start(kind) {
  const child = fork(fileURLToPath(import.meta.url), [kind]);
  const [{ port }] = await once(child, 'message');
  return { child, port };
}

async function stop(child) {
  const ended = once(child, 'exit');
  child.disconnect();
  await ended;
}
