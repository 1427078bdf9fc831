/**
 * How fast is one node? Starts the built node on a free port in a temporary folder, sends pre-signed
 * transfers of 50 accounts over HTTP batches and over one WebSocket, then one at a time, and prints a table.
 *
 *   node scripts/bench/chain.mjs [transfers per run, default 20000]
 *
 * Time to finality runs from the moment before a transfer is written to its connection until the
 * notification of its account's new nonce is read. CPU is that of the node process alone, from /metrics.
 * Client and node share the machine's cores, so transfers per second are a lower bound; compare CPU µs.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { base64, hex, keyPairFromSeed } from '@aitbc/primitives';
import { addressOf, networkFromHash, signTx } from '@aitbc/protocol';
import { createNews } from './lib/load.mjs';
import { residentMb } from './lib/machine.mjs';
import { after, startProgram } from './lib/processes.mjs';
import { createRpcClient, openSocket } from './lib/rpc-client.mjs';
import { percentile } from './lib/statistics.mjs';

const accountCount = 50;
const connections = 5;
const batchSize = 50;
const waitingPerAccount = 48; // the mempool takes 64
const idleCount = 200;
const deadlineMs = 60_000;
const main = fileURLToPath(new URL('../../apps/node/dist/main.js', import.meta.url));
const transfers = Number(process.argv[2] ?? 20_000);
const perAccount = Math.ceil(transfers / accountCount);

const folder = mkdtempSync(join(tmpdir(), 'aitbc-bench-'));
const node = await startNode();
const { call, close, post } = createRpcClient({ url: node.url, connections: 16 });
try {
  await bench();
} finally {
  close();
  await node.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function bench() {
  const { network, genesisHash } = await call('chain_status');
  const accounts = makeAccounts();
  await fund(accounts);
  console.log(`signing ${2 * perAccount * accountCount + idleCount} transfers …`);
  const chain = networkFromHash(network, genesisHash);
  for (const account of accounts) signAll(account, chain, accounts);
  const follower = await follow(accounts);
  const rows = [
    await measure('HTTP, batches of 50', sendOverHttp, { accounts, follower }),
    await measure('WebSocket, one by one', sendOverSocket, { accounts, follower }),
    await measureIdle(accounts[0]),
  ];
  follower.close();
  console.table(Object.fromEntries(rows.map(({ run, ...row }) => [run, row])));
  const megabytes = Math.round(residentMb(node.pid));
  console.log(`node memory at the end: ${megabytes} MB; at rest after start: ${node.restMb} MB`);
}

async function startNode() {
  execFileSync(process.execPath, [main, '--init', folder]);
  const files = [
    '--data-dir',
    join(folder, 'data'),
    '--genesis-file',
    join(folder, 'genesis.json'),
  ];
  const keys = [
    ...['--key-file', join(folder, 'validator.key')],
    ...['--faucet-key-file', join(folder, 'faucet.key')],
  ];
  const started = await startProgram({
    program: process.execPath,
    args: [main, ...files, ...keys, '--port', '0', '--mesh-port', '0', '--exit-with-parent'],
    logFile: join(folder, 'node.log'),
    readyOf: (line) => (line.includes('"msg":"ready"') ? JSON.parse(line).url : undefined),
  });
  await after(500);
  return { ...started, url: started.value, restMb: Math.round(residentMb(started.pid)) };
}

async function metrics() {
  const text = await (await fetch(`${node.url}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line && !line.startsWith('#'));
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at).replace(/\{.*/, ''), Number(line.slice(at + 1))];
    }),
  );
}

function makeAccounts() {
  return Array.from({ length: accountCount }, (_, index) => {
    const keys = keyPairFromSeed(new Uint8Array(32).fill(index + 1));
    const id = hex(keys.publicKey);
    return {
      keys,
      id,
      address: addressOf(id),
      txs: [],
      sent: 0,
      final: 0,
      sentAtMs: [],
      latencies: [],
    };
  });
}

async function fund(accounts) {
  for (const { address } of accounts) await call('dev_faucet', { address });
  const enough = async ({ address }) =>
    BigInt((await call('state_getAccount', { address })).balance) > 0n;
  for (const account of accounts) while (!(await enough(account)));
}

function signAll(account, network, accounts) {
  const isFirst = account === accounts[0];
  const count = 2 * perAccount + (isFirst ? idleCount : 0);
  for (let nonce = 0; nonce < count; nonce += 1) {
    const to =
      accounts[(accounts.indexOf(account) + 1 + (nonce % (accountCount - 1))) % accountCount].id;
    const tx = {
      kind: 'transfer',
      chain: network.chain,
      nonce,
      validUntil: 0,
      from: account.id,
      fee: 10_000n,
      body: { to, amount: 1n, memo: '' },
    };
    const { bytes } = signTx(network, tx, account.keys.secretKey);
    account.txs.push(
      JSON.stringify({
        jsonrpc: '2.0',
        id: nonce,
        method: 'tx_send',
        params: { tx: base64(bytes) },
      }),
    );
  }
}

/** Learns from account notifications which transfers are final. */
async function follow(accounts) {
  const byTopic = new Map(accounts.map((account) => [`account:${account.address}`, account]));
  const news = createNews();
  const socket = await openSocket(node.url, ({ params }) => {
    const account = byTopic.get(params?.topic);
    if (!account) return;
    const nowMs = performance.now();
    while (account.final < params.data.nonce) {
      account.latencies.push(nowMs - account.sentAtMs[account.final]);
      account.final += 1;
    }
    news.ring();
  });
  for (const topic of byTopic.keys()) socket.ask('subscribe', { topic });
  return { close: socket.close, change: () => news.next(1_000) };
}

async function measure(run, send, { accounts, follower }) {
  const target = accounts[0].sent + perAccount;
  for (const account of accounts) account.latencies = [];
  const cpuBefore = (await metrics()).process_cpu_seconds_total;
  const begunMs = performance.now();
  await send({ accounts, follower, target });
  while (accounts.some(({ final }) => final < target)) {
    if (performance.now() - begunMs > deadlineMs) throw new Error('the run took too long');
    await follower.change();
  }
  const seconds = (performance.now() - begunMs) / 1_000;
  const cpuSeconds = (await metrics()).process_cpu_seconds_total - cpuBefore;
  const count = perAccount * accounts.length;
  const latencies = accounts.flatMap((account) => account.latencies);
  return {
    run,
    ...row(count, latencies),
    'transfers/s': Math.round(count / seconds),
    'node CPU µs/transfer': Math.round((cpuSeconds * 1e6) / count),
  };
}

function row(count, latencies) {
  const at = (share) => Number(percentile(latencies, share).toFixed(1));
  return { transfers: count, 'final p50 ms': at(0.5), 'final p99 ms': at(0.99) };
}

/** Takes up to `size` transfers whose accounts have room, in nonce order. */
function take(accounts, target, size) {
  const texts = [];
  for (const account of accounts) {
    while (
      texts.length < size &&
      account.sent < target &&
      account.sent - account.final < waitingPerAccount
    ) {
      texts.push(account.txs[account.sent]);
      account.sentAtMs[account.sent] = performance.now();
      account.sent += 1;
    }
  }
  return texts;
}

async function sendOverHttp({ accounts, follower, target }) {
  const share = Math.ceil(accounts.length / connections);
  const lanes = Array.from({ length: connections }, (_, lane) =>
    accounts.slice(lane * share, (lane + 1) * share),
  );
  await Promise.all(
    lanes.map(async (lane) => {
      while (lane.some(({ sent }) => sent < target)) {
        const texts = take(lane, target, batchSize);
        if (texts.length === 0) await follower.change();
        else assertTaken(await post(`[${texts.join(',')}]`));
      }
    }),
  );
}

async function sendOverSocket({ accounts, follower, target }) {
  let fault;
  const socket = await openSocket(node.url, ({ error }) => {
    if (error) fault ??= new Error(error.message);
  });
  while (!fault && accounts.some(({ sent }) => sent < target)) {
    const texts = take(accounts, target, 200);
    for (const text of texts) socket.send(text);
    await (texts.length === 0 ? follower.change() : new Promise(setImmediate));
  }
  socket.close();
  if (fault) throw fault;
}

function assertTaken(answers) {
  for (const { error } of answers) if (error) throw new Error(error.message);
}

/** One transfer at a time, each waited for. */
async function measureIdle(account) {
  const latencies = [];
  const cpuBefore = (await metrics()).process_cpu_seconds_total;
  const begunMs = performance.now();
  for (let count = 0; count < idleCount; count += 1) {
    const text = account.txs[account.sent].replace('"tx_send"', '"tx_sendAndWait"');
    account.sent += 1;
    account.sentAtMs.push(0);
    const sentAtMs = performance.now();
    const { error } = await post(text);
    if (error) throw new Error(error.message);
    latencies.push(performance.now() - sentAtMs);
    await after(25); // idle: longer than the block interval
  }
  const seconds = (performance.now() - begunMs) / 1_000;
  const cpuSeconds = (await metrics()).process_cpu_seconds_total - cpuBefore;
  return {
    run: 'one at a time',
    ...row(idleCount, latencies),
    'transfers/s': Math.round(idleCount / seconds),
    'node CPU µs/transfer': Math.round((cpuSeconds * 1e6) / idleCount),
  };
}
