/**
 * CPU of the ledger rules on one core, without signatures, network and disk: applying transfers, hashing
 * the state root, and making a whole block. Imports the built packages: run `npm run build` first.
 *
 *   node scripts/bench/parts/ledger.mjs [--accounts 10000] [--block 500] [--rounds 12]
 *
 * Prints the median and the spread of rounds; compare ratios in one run, the machine is shared.
 */
import { parseArgs } from 'node:util';
import { applyTx, buildBlock, createOverlay, genesisBlock, validatorsOf } from '@aitbc/chain';
import { hex, keyPairFromSeed } from '@aitbc/primitives';
import { addressOf, devnetParams, limits, networkFromGenesis, signTx } from '@aitbc/protocol';

const { values } = parseArgs({
  options: {
    accounts: { type: 'string', default: '10000' },
    block: { type: 'string', default: '500' },
    rounds: { type: 'string', default: '12' },
  },
});
const accountCount = Number(values.accounts);
const blockTxs = Number(values.block);
const rounds = Number(values.rounds);
const warmUpRounds = 4;

/** Small deterministic generator (xorshift32), so that each run moves the same coins. */
function createPicker(seed) {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function keyOf(index) {
  const seed = new Uint8Array(32);
  new DataView(seed.buffer).setUint32(0, index + 1);
  const { publicKey, secretKey } = keyPairFromSeed(seed);
  return { id: hex(publicKey), secretKey };
}

function createLedger() {
  const keys = Array.from({ length: accountCount }, (_, index) => keyOf(index));
  const proposer = keyOf(0xfffffff0);
  const genesis = {
    network: 'bench',
    timeMs: 1,
    accounts: keys.map(({ id }) => ({ address: addressOf(id), balance: '1000000000000' })),
    validators: [{ publicKey: proposer.id, stake: '1' }],
    params: devnetParams,
  };
  const first = genesisBlock(genesis);
  const network = networkFromGenesis(genesis);
  const base = { network, params: genesis.params, validators: validatorsOf(genesis) };
  const head = { header: first.header, hash: first.hash };
  return { ...base, keys, proposer, tree: first.tree, state: new Map(first.writes), head };
}

/** One transfer each from different random senders to random receivers. */
function transfersOf(ledger, pick, nonces) {
  const senders = new Set();
  while (senders.size < Math.min(blockTxs, accountCount)) senders.add(pick(accountCount));
  return Array.from(senders, (from) => {
    const to = (from + 1 + pick(accountCount - 1)) % accountCount;
    const nonce = nonces[from]++;
    const body = { to: ledger.keys[to].id, amount: 1_000n, memo: '' };
    const envelope = { kind: 'transfer', chain: ledger.network.chain, nonce, validUntil: 0 };
    const tx = { ...envelope, from: ledger.keys[from].id, fee: 10_000n, body };
    return signTx(ledger.network, tx, ledger.keys[from].secretKey);
  });
}

function cpuUs(work) {
  const before = process.cpuUsage();
  const result = work();
  const { user, system } = process.cpuUsage(before);
  return { us: user + system, result };
}

function round(ledger, txs) {
  const { network, params, validators, tree, state, head, proposer } = ledger;
  const reader = { get: (key) => state.get(key) };
  const context = {
    height: head.header.height + 1,
    timeMs: 2,
    proposer: proposer.id,
    network,
    params,
  };
  const overlay = createOverlay(reader);
  const apply = cpuUs(() => {
    for (const tx of txs) {
      const receipt = applyTx(overlay, context, tx);
      if (!receipt.ok) throw new Error(receipt.code);
    }
    return overlay.writes();
  });
  const root = cpuUs(() => tree.rootAfter(apply.result));
  const plan = { reader, tree, parent: head.header, parentHash: head.hash, network, params };
  const own = { validators, view: head.header.view + 1, timeMs: 0, proposer: proposer.id, limits };
  const build = cpuUs(() => buildBlock({ ...plan, ...own, candidates: txs }));
  const block = build.result;
  if (block.txs.length !== txs.length) throw new Error('not all transfers went in');
  const commit = cpuUs(() => tree.commit(block.writes));
  for (const [key, value] of block.writes) state.set(key, value);
  ledger.head = { header: block.header, hash: block.hash };
  const perTx = (us) => us / txs.length;
  return {
    'apply (decode, rules, encode)': perTx(apply.us),
    'state root': perTx(root.us),
    'apply + state root': perTx(apply.us + root.us),
    'commit of the tree': perTx(commit.us),
    'whole block: all that + lists': perTx(build.us),
  };
}

function medianOf(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

const ledger = createLedger();
const pick = createPicker(7);
const nonces = new Array(accountCount).fill(0);
const results = [];
for (let at = 0; at < warmUpRounds + rounds; at += 1) {
  const result = round(ledger, transfersOf(ledger, pick, nonces));
  if (at >= warmUpRounds) results.push(result);
}
console.log(`${accountCount} accounts, blocks of ${blockTxs} transfers, ${rounds} rounds`);
console.log(
  `${'us CPU per transfer'.padEnd(34)}${'median'.padStart(8)}${'min'.padStart(8)}${'max'.padStart(8)}`,
);
for (const name of Object.keys(results[0])) {
  const column = results.map((result) => result[name]);
  const cells = [medianOf(column), Math.min(...column), Math.max(...column)];
  console.log(name.padEnd(34) + cells.map((us) => us.toFixed(1).padStart(8)).join(''));
}
