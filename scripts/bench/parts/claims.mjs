/**
 * CPU of a claim row on one core: what a node does with a claim of a hundred rows when it is handed in, when it builds
 * the block, and when it checks a block of another. Imports the built packages: run `npm run build` first.
 *
 *   node scripts/bench/parts/claims.mjs [--rows 100] [--rounds 8]
 *
 * Prints the median of the rounds in µs of CPU per row; compare ratios in one run, the machine is shared.
 */
import { parseArgs } from 'node:util';
import { buildBlock, checkBlock, genesisBlock, simulateTx, validatorsOf } from '@aitbc/chain';
import { hex, keyPairFromSeed, sign } from '@aitbc/primitives';
import {
  addressOf,
  channelConfigOf,
  channelIdOf,
  claimBytes,
  devnetParams,
  networkFromGenesis,
  signTx,
  signVoucher,
  verifyVoucher,
  zeroHash,
} from '@aitbc/protocol';

const { values } = parseArgs({
  options: { rows: { type: 'string', default: '100' }, rounds: { type: 'string', default: '8' } },
});
const rowCount = Number(values.rows);
const rounds = Number(values.rounds);
const warmUpRounds = 3;

function keyOf(index) {
  const { publicKey, secretKey } = keyPairFromSeed(new Uint8Array(32).fill(index));
  return { id: hex(publicKey), secretKey };
}

/** A ledger with funded channels from one payer to one receiver. */
function createLedger() {
  const [payer, receiver, proposer] = [1, 2, 3].map(keyOf);
  const genesis = {
    network: 'bench',
    timeMs: 1,
    accounts: [payer, receiver].map(({ id }) => ({
      address: addressOf(id),
      balance: '1000000000000',
    })),
    validators: [{ publicKey: proposer.id, stake: '1' }],
    params: devnetParams,
  };
  const first = genesisBlock(genesis);
  const network = networkFromGenesis(genesis);
  const ledger = { network, params: genesis.params, validators: validatorsOf(genesis) };
  const head = { header: first.header, hash: first.hash };
  const book = { nonces: { payer: 0, receiver: 0 }, claimed: 0n, channels: [] };
  return Object.assign(ledger, {
    ...{ payer, receiver, proposer, head, book },
    ...{ tree: first.tree, state: new Map(first.writes) },
  });
}

function groundOf({ network, params, tree, state, head }) {
  const reader = { get: (key) => state.get(key) };
  return { network, params, tree, reader, parent: head.header, parentHash: head.hash };
}

function makeBlock(ledger, candidates) {
  const view = ledger.head.header.view + 1;
  const plan = { view, timeMs: 0, proposer: ledger.proposer.id, candidates };
  const block = buildBlock({ ...groundOf(ledger), ...plan });
  if (block.txs.length !== candidates.length) throw new Error(block.refused[0]?.code);
  return block;
}

function commit(ledger, block) {
  ledger.tree.commit(block.writes);
  for (const [key, value] of block.writes) ledger.state.set(key, value);
  ledger.head = { header: block.header, hash: block.hash };
}

function txOf({ network, book, ...people }, { who, kind, body }) {
  const { id, secretKey } = people[who];
  const envelope = { chain: network.chain, nonce: book.nonces[who]++, validUntil: 0, from: id };
  return signTx(network, { ...envelope, kind, body, fee: 1_000_000n }, secretKey);
}

function openChannels(ledger) {
  for (let at = 0; at < rowCount; at += 1) {
    const allocation = {
      ...{ receiver: ledger.receiver.id, payerAuthorizer: ledger.payer.id },
      ...{ receiverAuthorizer: ledger.receiver.id, withdrawDelayMs: 60_000 },
      ...{ salt: `${at}`.padStart(64, '0'), amount: 1_000_000n },
    };
    const body = { amount: allocation.amount, allocations: [allocation] };
    commit(
      ledger,
      makeBlock(ledger, [txOf(ledger, { who: 'payer', kind: 'vault_deposit', body })]),
    );
    const config = channelConfigOf(ledger.payer.id, allocation);
    ledger.book.channels.push(channelIdOf(ledger.network, config));
  }
}

function claimOf(ledger) {
  const { network, payer, receiver, book } = ledger;
  book.claimed += 10n;
  const rows = book.channels.map((channelId) => {
    const voucher = { channelId, maxClaimable: book.claimed, context: zeroHash };
    const { signature } = signVoucher(network, voucher, payer.secretKey);
    return { ...voucher, voucherSignature: signature, totalClaimed: book.claimed };
  });
  const authorizerSignature = hex(sign(claimBytes(network, rows), receiver.secretKey));
  const body = { receiverAuthorizer: receiver.id, rows, authorizerSignature };
  return txOf(ledger, { who: 'receiver', kind: 'channel_claim', body });
}

function cpuUs(work) {
  const before = process.cpuUsage();
  const result = work();
  const { user, system } = process.cpuUsage(before);
  return { us: (user + system) / rowCount, result };
}

function round(ledger) {
  const tx = claimOf(ledger);
  const { network, params, proposer, payer } = ledger;
  const ground = groundOf(ledger);
  const height = ledger.head.header.height + 1;
  const context = { height, timeMs: 2, proposer: proposer.id, network, params };
  const admit = cpuUs(() => simulateTx(ground.reader, context, tx));
  if (!admit.result.verdict.ok) throw new Error(admit.result.verdict.code);
  const build = cpuUs(() => makeBlock(ledger, [tx]));
  const { header, hash, txs } = build.result;
  const check = cpuUs(() => checkBlock({ ...ground, header, hash, txs, verified: () => true }));
  if (!check.result.ok) throw new Error(check.result.facts.reason);
  const bare = cpuUs(() => {
    for (const { voucherSignature: signature, ...voucher } of tx.body.rows) {
      if (!verifyVoucher(network, { ...voucher, signature }, payer.id)) throw new Error('unsigned');
    }
  });
  commit(ledger, build.result);
  return {
    'handed in (simulated)': admit.us,
    'block built': build.us,
    'block checked': check.us,
    'one voucher check alone': bare.us,
  };
}

function medianOf(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

const ledger = createLedger();
openChannels(ledger);
const seen = Array.from({ length: warmUpRounds + rounds }, () => round(ledger)).slice(warmUpRounds);
for (const name of Object.keys(seen[0])) {
  console.log(`${name.padEnd(28)} ${medianOf(seen.map((row) => row[name])).toFixed(1)} µs a row`);
}
