/**
 * What checking signatures costs with no, one and two workers. CPU is that of the whole process, threads
 * included; the longest turn says how long the main thread looked at nothing else. Needs a build:
 * node scripts/bench/parts/verify.mjs [--txs N]
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { hex, keyPairFromSeed } from '@aitbc/primitives';
import { signTx } from '@aitbc/protocol';

// A part of the built node: an app exports nothing, so it is taken by its place.
const { createVerifier } = await import(
  new URL('../../../apps/node/dist/verify/verifier.js', import.meta.url)
);

const { values } = parseArgs({ options: { txs: { type: 'string', default: '20000' } } });
const count = Number(values.txs);
const network = { name: 'bench', genesisHash: 'ab'.repeat(32), chain: 1, caip2: 'aitbc:bench' };
const senders = Array.from({ length: 64 }, (_, n) => keyPairFromSeed(new Uint8Array(32).fill(n)));
const txs = Array.from({ length: count }, (_, nonce) => {
  const { publicKey, secretKey } = senders[nonce % senders.length];
  const body = { to: 'cd'.repeat(32), amount: 5n, memo: '' };
  const from = hex(publicKey);
  const envelope = { chain: 1, lane: 0, nonce, validUntil: 0, from, fee: 1000n };
  return signTx(network, { kind: 'transfer', ...envelope, body }, secretKey);
});

const callTxs = 250;
const callsAtOnce = 16;
const log = { warn: (facts, message) => process.stderr.write(`${message} ${facts.reason}\n`) };

async function flood(verifier) {
  let next = 0;
  const client = async () => {
    for (let at = next; at < count; at = next) {
      next += callTxs;
      const valid = await verifier.verify(txs.slice(at, at + callTxs));
      if (valid.includes(false)) throw new Error('a valid signature was refused');
    }
  };
  await Promise.all(Array.from({ length: callsAtOnce }, client));
}

for (const workers of [0, 1, 2]) {
  const verifier = createVerifier({ network, workers }, { log });
  await verifier.verify(txs.slice(0, 1_000));
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const cpu = process.cpuUsage();
  const from = performance.now();
  await flood(verifier);
  const wallMs = performance.now() - from;
  const { user, system } = process.cpuUsage(cpu);
  delay.disable();
  await verifier.verify([txs[0]]);
  const single = performance.now();
  for (let at = 0; at < 200; at += 1) await verifier.verify([txs[at]]);
  const singleMicros = ((performance.now() - single) * 1000) / 200;
  await verifier.stop();
  process.stdout.write(
    `${workers} workers: ${Math.round((count * 1000) / wallMs)} tx/s wall, ` +
      `${((user + system) / count).toFixed(1)} µs CPU per tx, ` +
      `longest turn ${(delay.max / 1e6).toFixed(1)} ms, ` +
      `one alone ${singleMicros.toFixed(0)} µs\n`,
  );
}
