// CPU of the node's RPC server for each transaction that comes in, by transport. The handler behind it takes every
// transaction at once, so what is measured is the surface: sockets, frames, JSON, base64, schemas; and, the same
// for all, decoding with its two hashes, which stands alone in the first line. Server
// and client are processes of their own; only the server's CPU counts. Needs a build.
//
//   node scripts/bench/parts/rpc.mjs
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { base64, hex, keyPairFromSeed } from '@aitbc/primitives';
import { decodeTx, networkFromHash, nodeRpc, signTx } from '@aitbc/protocol';
import { createNodeClient, createTransport } from '@aitbc/sdk';

const network = networkFromHash('bench', 'ab'.repeat(32));
const totalTxs = 40_000;
const underWay = 8;

if (process.argv[2] === 'serve') await serve();
else await measure();

async function serve() {
  const { createHttp, createLog } = await import('@aitbc/service');
  const dist = new URL('../../../apps/node/dist/rpc/', import.meta.url);
  const { mountRpc } = await import(new URL('mount-rpc.js', dist));
  const { createFrameAnswerer } = await import(new URL('tx-batches.js', dist));
  const log = createLog({ name: 'bench', level: 'silent' });
  const admit = async (bytes) => decodeTx(network, bytes);
  const bytesOf = (text) => Buffer.from(text, 'base64');
  const taken = async (tx) => ({ txId: (await admit(bytesOf(tx))).value.txId });
  const http = createHttp({ name: 'node', log });
  await mountRpc({
    ...{ http, log, checkOutputs: false, about: () => ({}), adminToken: undefined },
    signal: new AbortController().signal,
    subscriptions: { open: () => ({ close() {} }), announce() {} },
    answerFrame: createFrameAnswerer(admit, log),
    methods: {
      ...Object.fromEntries(Object.keys(nodeRpc).map((name) => [name, () => ({})])),
      tx_send: ({ tx }) => taken(tx),
      tx_sendBatch: async ({ txs }) => ({
        results: (await Promise.all(txs.map(taken))).map(({ txId }) => ({ txId, error: null })),
      }),
    },
  });
  const url = await http.listen({ host: '127.0.0.1', port: 0 });
  process.on('message', () => process.send({ cpu: process.cpuUsage() }));
  process.send({ url });
}

async function measure() {
  const server = fork(fileURLToPath(import.meta.url), ['serve']);
  const [{ url }] = await once(server, 'message');
  const cpuMicros = async () => {
    server.send('cpu');
    const [{ cpu }] = await once(server, 'message');
    return cpu.user + cpu.system;
  };
  const txs = makeTxs(2_000);
  decodeAlone(txs);
  for (const [name, size, send] of sendersOf(url)) {
    await drive(Math.ceil(4_000 / size), txs, { size, send }); // warm
    const before = await cpuMicros();
    const rounds = Math.ceil(totalTxs / size);
    await drive(rounds, txs, { size, send });
    const micros = (await cpuMicros()) - before;
    say(name, micros / (rounds * size));
  }
  server.kill();
  process.exit(0);
}

function decodeAlone(txs) {
  const rounds = totalTxs / txs.length;
  const run = () => {
    for (const { bytes } of txs) decodeTx(network, bytes);
  };
  run();
  const before = process.cpuUsage();
  for (let round = 0; round < rounds; round += 1) run();
  const { user, system } = process.cpuUsage(before);
  say('decoding alone', (user + system) / totalTxs);
}

function say(name, micros) {
  console.log(`${name.padEnd(36)} ${micros.toFixed(1).padStart(6)} µs of CPU for each transaction`);
}

function makeTxs(count) {
  const { publicKey, secretKey } = keyPairFromSeed(new Uint8Array(32).fill(1));
  const from = hex(publicKey);
  const body = { to: '11'.repeat(32), amount: 1n, memo: '' };
  return Array.from({ length: count }, (_, nonce) => {
    const tx = {
      kind: 'transfer',
      chain: network.chain,
      nonce,
      validUntil: 0,
      from,
      fee: 1n,
      body,
    };
    const { bytes } = signTx(network, tx, secretKey);
    return { bytes, text: base64(bytes) };
  });
}

function sendersOf(url) {
  const transport = createTransport();
  const client = createNodeClient({ url }, { transport });
  const post = async (value) => {
    const answer = await transport.request({
      ...{ method: 'POST', url, timeoutMs: 30_000, body: JSON.stringify(value) },
      headers: { 'content-type': 'application/json' },
    });
    for await (const _chunk of answer.body);
  };
  const call = (id, method, params) => ({ jsonrpc: '2.0', id, method, params });
  return [
    ['HTTP, one tx_send', 1, ([tx]) => post(call(1, 'tx_send', { tx: tx.text }))],
    [
      'HTTP, JSON-RPC batch of 50 tx_send',
      50,
      (some) => post(some.map((tx, id) => call(id, 'tx_send', { tx: tx.text }))),
    ],
    [
      'HTTP, tx_sendBatch of 50',
      50,
      (some) => post(call(1, 'tx_sendBatch', { txs: some.map(({ text }) => text) })),
    ],
    ['WebSocket, binary frames of 50', 50, (some) => client.sendBatch(some.map((tx) => tx.bytes))],
    [
      'WebSocket, binary frames of 500',
      500,
      (some) => client.sendBatch(some.map((tx) => tx.bytes)),
    ],
  ];
}

async function drive(rounds, txs, { size, send }) {
  let left = rounds;
  const worker = async () => {
    while (left > 0) {
      left -= 1;
      const from = (left * size) % (txs.length - size);
      await send(txs.slice(from, from + size));
    }
  };
  await Promise.all(Array.from({ length: underWay }, worker));
}
