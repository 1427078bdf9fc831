/**
 * What storing costs: blocks of transfers through block log and database, in groups as a node commits
 * them under load, and votes with block bodies through the journal. Prints CPU per transfer and wall times.
 * Needs a build: node scripts/bench/parts/storage.mjs [--blocks N] [--group N]
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

// Parts of the built node: an app exports nothing, so they are taken by their place.
const storage = new URL('../../../apps/node/dist/storage/', import.meta.url);
const { createJournal, openJournal } = await import(new URL('journal/journal.js', storage));
const { openStore } = await import(new URL('store.js', storage));

const { values } = parseArgs({
  options: {
    blocks: { type: 'string', default: '60' },
    group: { type: 'string', default: '5' },
    txs: { type: 'string', default: '1000' },
    accounts: { type: 'string', default: '20000' },
  },
});
const [blocks, group, txs, accounts] = ['blocks', 'group', 'txs', 'accounts'].map((name) =>
  Number(values[name]),
);
const network = { name: 'bench', genesisHash: 'ab'.repeat(32), chain: 1, caip2: 'aitbc:bench' };
const ids = Array.from({ length: accounts }, (_, n) =>
  createHash('sha256').update(String(n)).digest('hex'),
);
const value = () => randomBytes(24);

function blockAt(height) {
  const writes = new Map();
  const receipts = [];
  const txIds = [];
  for (let index = 0; index < txs; index += 1) {
    const [from, to] = [0, 0].map(() => ids[Math.floor(Math.random() * accounts)]);
    writes.set(`a${from}`, value());
    writes.set(`a${to}`, value());
    const txId = randomBytes(32).toString('hex');
    txIds.push(txId);
    receipts.push({ txId, height, index, kind: 'transfer', from, fee: 1000n });
  }
  const hash = randomBytes(32).toString('hex');
  const indexOf = (key) => indices.get(key);
  const changes = { height, view: height, hash, txIds, receipts, writes, indexOf, newFrom: 1e9 };
  return { body: randomBytes(195 * txs + 350), certificate: randomBytes(400), changes };
}

function percentile(sorted, part) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))].toFixed(2);
}

async function measure(name, { runs, perRun, unit, prepare, run }) {
  const waits = [];
  let cpuMicros = 0;
  let wallMs = 0;
  for (let at = 0; at < runs; at += 1) {
    const prepared = prepare(at);
    const cpu = process.cpuUsage();
    const from = performance.now();
    await run(prepared);
    waits.push(performance.now() - from);
    wallMs += waits.at(-1);
    const { user, system } = process.cpuUsage(cpu);
    cpuMicros += user + system;
  }
  waits.sort((a, b) => a - b);
  const perItem = (cpuMicros / (runs * perRun)).toFixed(2);
  const rate = Math.round((runs * perRun * 1000) / wallMs);
  const times = `p50 ${percentile(waits, 0.5)} ms, p99 ${percentile(waits, 0.99)} ms`;
  process.stdout.write(`${name}: ${perItem} µs CPU per ${unit}, ${rate} ${unit}s/s, ${times}\n`);
}

const indices = new Map(ids.map((id, index) => [`a${id}`, index + 1]));
const folder = mkdtempSync(join(tmpdir(), 'aitbc-bench-'));
try {
  const store = await openStore(folder, network);
  const first = { ...blockAt(0).changes, txIds: [], receipts: [] };
  store.initialise(
    { ...first, writes: new Map(ids.map((id) => [`a${id}`, value()])) },
    network.genesisHash,
  );
  for (const size of [1, group]) {
    await measure(`store, groups of ${size} blocks of ${txs}`, {
      runs: Math.floor(blocks / size),
      perRun: size * txs,
      unit: 'transfer',
      prepare: (at) => Array.from({ length: size }, (_, n) => blockAt(size * 1e6 + at * size + n)),
      run: (made) => store.commitAll(made),
    });
  }
  await store.close();

  await createJournal({ folder });
  const journal = await openJournal({ folder });
  const vote = (view, kind, blockHash) => ({
    ...{ kind, epoch: 0, view, blockHash, validator: 0 },
    signature: randomBytes(64).toString('hex'),
  });
  let view = 0;
  for (const [name, sizeBytes] of [
    ['journal, a vote', 0],
    ['journal, a vote and a body of 200 kB', 200_000],
  ]) {
    const body = randomBytes(Math.max(1, sizeBytes));
    await measure(name, {
      runs: 300,
      perRun: 1,
      unit: 'batch',
      prepare: () => {
        view += 1;
        const hash = randomBytes(32).toString('hex');
        const bodies = sizeBytes > 0 ? [{ hash, bytes: body }] : [];
        return { votes: [vote(view, 'notarize', hash)], bodies, certificates: [] };
      },
      run: async (batch) => {
        await journal.append(batch);
        journal.forget({ epoch: 0, view, height: 2 ** 53 - 1 });
      },
    });
  }
  await journal.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
