/**
 * How fast is the mesh? Four processes on loopback, mutual TLS, all joined; node 0 speaks to the other
 * three. Latency at 100 messages a second, then as many as go with 400 on their way, then blocks of 64 KiB.
 *
 *   node scripts/bench/parts/mesh.mjs [messages per run, default 30000]
 *
 * A message is a `txs` of 256 bytes in all; it is encoded once, and decoded by each receiver. "Messages a
 * second" counts what node 0 says, each heard by three; latency runs from before `broadcast` to the handler, on
 * the clock that all processes of a machine share. CPU is that of all four processes. The processes share
 * the machine's cores with whatever else runs: compare CPU, and take the rest as a lower bound.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { hex, keyPairFromSeed } from '@aitbc/primitives';
import { createLog } from '@aitbc/service';

const nodes = 4;
const onTheWay = 400;
const ackEvery = 50;
const runs = 3;
const payloadBytes = 248; // 1 name, 2 rows, 4 length, and 1 of the frame make 256
const blockBytes = 65_536;
const meshModule = new URL('../../../apps/node/dist/mesh/mesh.js', import.meta.url).href;
const genesisHash = 'be'.repeat(32);

if (process.send) await runNode(Number(process.argv[2]));
else await runBench(Number(process.argv[2] ?? 30_000));

async function runBench(messages) {
  const children = Array.from({ length: nodes }, (_, at) =>
    fork(fileURLToPath(import.meta.url), [String(at)]),
  );
  const waiting = new Map();
  const calls = children.map((child, at) => {
    child.on('message', ({ id, answer, heard }) => {
      if (heard) children[0].send({ heard });
      else waiting.get(`${at} ${id}`)?.(answer);
    });
    let id = 0;
    return (what, input = {}) => {
      id += 1;
      child.send({ id, what, input });
      return new Promise((resolve) => waiting.set(`${at} ${id}`, resolve));
    };
  });
  const all = (what, input) => Promise.all(calls.map((call) => call(what, input)));
  try {
    const ports = [];
    for (const call of calls) ports.push(await call('start', { ports: [...ports] }));
    await all('joined');
    await measure(all, calls[0], messages);
  } finally {
    await all('stop');
    for (const child of children) child.disconnect();
  }
}

async function measure(all, speak, messages) {
  const rows = [];
  await speak('steady', { count: 100 });
  await all('numbers');
  await speak('steady', { count: 500 });
  rows.push({ run: '100 a second, 256 B', ...latencyOf(await all('numbers')) });
  for (let run = 1; run <= runs; run += 1) {
    rows.push(await measureFlood(all, speak, { run: `256 B, run ${run}`, messages }));
  }
  const blocks = Math.ceil(messages / 30);
  rows.push(await measureFlood(all, speak, { run: '64 KiB', messages: blocks, isBlock: true }));
  console.table(rows);
}

async function measureFlood(all, speak, { run, messages, isBlock = false }) {
  await all('numbers');
  const seconds = await speak('flood', { messages, isBlock });
  const numbers = await all('numbers');
  const cpuUs = numbers.reduce((sum, { cpu }) => sum + cpu, 0);
  return {
    run,
    'messages/s': Math.round(messages / seconds),
    'MB/s out': Number(((messages * 3 * (isBlock ? blockBytes : 256)) / seconds / 1e6).toFixed(1)),
    'CPU µs per message, all 4': Number((cpuUs / messages).toFixed(1)),
    ...latencyOf(numbers),
  };
}

function latencyOf(numbers) {
  const sorted = numbers.flatMap(({ latencies }) => latencies).sort((a, b) => a - b);
  const at = (share) => Number((sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(2));
  return { 'p50 ms': at(0.5), 'p99 ms': at(0.99) };
}

async function runNode(index) {
  const { createMesh } = await import(meshModule);
  const identities = Array.from({ length: nodes }, (_, at) => {
    const keys = keyPairFromSeed(new Uint8Array(32).fill(at + 1));
    return { publicKey: hex(keys.publicKey), keys };
  });
  const state = { mesh: undefined, latencies: [], heard: 0, acked: 0, cpu: process.cpuUsage() };
  const onMessage = (_peer, message) => {
    const bytes = message.type === 'block' ? message.body : message.txs[0];
    const sentNs = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0);
    state.latencies.push(Number(process.hrtime.bigint() - sentNs) / 1e6);
    state.heard += 1;
    if (state.heard % ackEvery === 0) process.send({ heard: ackEvery });
  };
  const commands = {
    async start({ ports }) {
      const peers = ports.map((port, at) => ({
        host: '127.0.0.1',
        port,
        publicKey: identities[at].publicKey,
      }));
      const identity = identities[index];
      const log = createLog({ name: 'bench', level: 'warn' });
      const deps = { log, isValidator: () => true, onMessage, onPeer() {} };
      const place = { host: '127.0.0.1', port: 0 };
      state.mesh = createMesh({ identity, genesisHash, ...place, peers }, deps);
      await state.mesh.start();
      return state.mesh.port;
    },
    joined: () => until(() => state.mesh.peers().length === nodes - 1),
    steady: ({ count }) => steady(state, count),
    flood: (input) => flood(state, input),
    numbers() {
      const { user, system } = process.cpuUsage(state.cpu);
      state.cpu = process.cpuUsage();
      return { cpu: user + system, latencies: state.latencies.splice(0) };
    },
    stop: () => state.mesh?.stop(),
  };
  process.on('message', async ({ id, what, input, heard }) => {
    if (heard) state.acked += heard;
    else process.send({ id, answer: await commands[what](input) });
  });
}

function messageOf(isBlock) {
  const bytes = new Uint8Array(isBlock ? blockBytes : payloadBytes);
  new DataView(bytes.buffer).setBigUint64(0, process.hrtime.bigint());
  return isBlock
    ? { type: 'block', hash: '00'.repeat(32), body: bytes }
    : { type: 'txs', txs: [bytes] };
}

async function steady({ mesh }, count) {
  for (let at = 0; at < count; at += 1) {
    mesh.broadcast(messageOf(false));
    await new Promise((done) => setTimeout(done, 10));
  }
}

/** Seconds until all have heard all; it runs at most so many messages ahead of what they have heard on average. */
async function flood(state, { messages, isBlock }) {
  const window = isBlock ? onTheWay / 8 : onTheWay;
  const start = process.hrtime.bigint();
  const before = state.acked;
  const others = nodes - 1;
  const heard = () => (state.acked - before) / others;
  for (let sent = 0; sent < messages; ) {
    for (; sent < messages && sent - heard() < window; sent += 1) {
      state.mesh.broadcast(messageOf(isBlock));
    }
    await new Promise(setImmediate);
  }
  const whole = Math.floor(messages / ackEvery) * ackEvery;
  await until(() => heard() >= whole);
  return Number(process.hrtime.bigint() - start) / 1e9;
}

async function until(condition) {
  const deadlineMs = Date.now() + 60_000;
  while (!condition()) {
    if (Date.now() > deadlineMs) throw new Error('it did not happen within a minute');
    await new Promise(setImmediate);
  }
}
