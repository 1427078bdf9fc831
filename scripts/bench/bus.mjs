/**
 * How fast is the bus? Two buses in one process, one publishes 300 bytes and the other listens; then direct
 * messages, eight on their way at a time. For memory, redis (a redis-server of its own) and direct (loopback).
 *
 *   npm run build && node scripts/bench/bus.mjs [messages per run, default 5000]
 *
 * A message is signed once and verified once, a direct one has an acknowledgement that is signed and verified, too.
 * CPU is that of this process, both ends together, without the Redis server's. Others who use the machine
 * change messages per second more than CPU: compare CPU.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createBus, createDirectCarrier, createMemoryHub, createRedisCarrier } from '@aitbc/bus';
import { keyPairFromSeed, randomBytes, systemClock } from '@aitbc/primitives';
import { networkFromHash } from '@aitbc/protocol';

const payloadBytes = 300;
const inFlight = { topic: 64, direct: 8 };
const topic = 'bench';
const messages = Number(process.argv[2] ?? 5_000);
const network = networkFromHash('bench', 'be'.repeat(32));
const quiet = { error: console.error, warn() {}, debug() {} };
const deps = { clock: systemClock, log: quiet };

const rows = [];
const hub = createMemoryHub();
await measure('memory', (keys) => hub.carrier(keys));
await withRedis((url) =>
  measure('redis', (keys) => createRedisCarrier({ network, keys, url }, deps)),
);
let first;
await measure('direct', (keys) => {
  const listen = ['/ip4/127.0.0.1/tcp/0'];
  const carrier = createDirectCarrier(
    { network, keys, listen, peers: first?.addresses() ?? [] },
    deps,
  );
  first ??= carrier;
  return carrier;
});
console.table(rows);

async function measure(carrier, carrierOf) {
  const [from, to] = [await openBus(carrierOf), await openBus(carrierOf)];
  let heard = 0;
  await to.subscribe(topic, () => {
    heard += 1;
  });
  to.onMessage(() => {});
  while (heard === 0) {
    await from.publish(topic, randomBytes(payloadBytes));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const publish = () => from.publish(topic, randomBytes(payloadBytes));
  const before = heard;
  const sent = await time(() => repeat(publish, messages, inFlight.topic));
  await settled(() => heard - before >= messages, 2_000);
  rows.push({ carrier, what: 'topic', ...sent, 'heard %': (100 * (heard - before)) / messages });
  const send = () => from.send(to.publicKey, randomBytes(payloadBytes));
  const direct = Math.ceil(messages / 5);
  rows.push({
    carrier,
    what: 'direct',
    ...(await time(() => repeat(send, direct, inFlight.direct))),
  });
  await Promise.all([from.stop(), to.stop()]);
}

async function openBus(carrierOf) {
  const keys = keyPairFromSeed(randomBytes(32));
  const bus = createBus({ network, keys, carrier: carrierOf(keys) }, deps);
  await bus.start();
  return bus;
}

/** Keeps so many calls on their way until all have been made. */
async function repeat(call, count, parallel) {
  let left = count;
  const worker = async () => {
    while (left > 0) {
      left -= 1;
      await call();
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return count;
}

async function time(work) {
  const [startMs, startCpu] = [performance.now(), process.cpuUsage()];
  const count = await work();
  const { user, system } = process.cpuUsage(startCpu);
  const seconds = (performance.now() - startMs) / 1_000;
  return {
    messages: count,
    'messages/s': Math.round(count / seconds),
    'CPU us/message': Math.round((user + system) / count),
  };
}

async function settled(condition, timeoutMs) {
  const endMs = Date.now() + timeoutMs;
  while (!condition() && Date.now() < endMs)
    await new Promise((resolve) => setTimeout(resolve, 10));
}

async function withRedis(work) {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const missing = await Promise.race([
    once(server, 'error').then(() => true),
    untilReady(server).then(() => false),
  ]);
  if (missing) return console.log('redis-server is not installed: left out');
  try {
    await work(`redis://127.0.0.1:${port}`);
  } finally {
    server.kill();
  }
}

async function untilReady(server) {
  for await (const text of server.stdout) if (String(text).includes('Ready to accept')) return;
}
