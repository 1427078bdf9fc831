/**
 * How long does an answer stand still when its provider dies? A devnet of real processes with two providers
 * and the built-in model; the provider that serves is killed with SIGKILL at places spread over the answer.
 *
 *   npm run build && node scripts/bench/failover.mjs [--kills 30] [--tokens 64] [--out docs/bench/failover.json]
 *
 * The gap is what the client of the gateway sees: from the last piece of the one provider to the first of the other.
 * A second table says where it goes, from what the gateway's HTTP client did. After each kill the provider is started again,
 * and the job must be paid to the nait. Any answer that differs from the undisturbed one, any transaction
 * between the death and the end, and any charge without a receipt ends the run with status 1.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bringUp } from '@aitbc/cli/devnet';
import { auditDigestOf, unwrap, verifyJobProof } from '@aitbc/protocol';
import { nowMs, readAnswer } from './failover/read-answer.mjs';
import { faultsOf, reportOf, summaryOf } from './failover/report.mjs';
import { machineText } from './lib/machine.mjs';
import { after, withCleanup } from './lib/processes.mjs';

const prompt = 'How does a virtual table use the xColumn method?';
const pollMs = 25;
const waitMs = 30_000;
const wireWaitMs = 400; // longer than the watch holds its lines back

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '30' },
    tokens: { type: 'string', default: '64' },
    out: { type: 'string', default: '' },
  },
});
const [kills, tokens] = [Number(values.kills), Number(values.tokens)];
await withCleanup(failover);

async function failover(undo) {
  const home = mkdtempSync(join(tmpdir(), 'aitbc-failover-'));
  undo.push(() => rmSync(home, { recursive: true, force: true }));
  const machine = machineText();
  console.log(`${machine}\n${kills} kills over answers of ${tokens} tokens`);
  const wireFile = join(home, 'wire.log');
  const devnet = await start(home, wireFile);
  undo.push(() => devnet.stop());
  const market = await lookAround(devnet);
  const undisturbed = await readAnswer({ url: market.url, body: market.body });
  await chainIsQuiet(devnet, market);
  const runs = [];
  for (let at = 0; at < kills; at += 1) {
    const share = (at + 0.5) / kills;
    const run = await killAt(devnet, market, { share, undisturbed, wireFile });
    runs.push(run);
    console.log(lineOf(run));
  }
  const onChain = await settleAll(devnet);
  const figures = summaryOf(runs, undisturbed);
  console.log(`\n${reportOf({ figures, onChain, names: market.names })}`);
  if (values.out)
    write({ machine, machineAtEnd: machineText(), kills, tokens, figures, onChain, runs });
  const faults = faultsOf(runs, onChain);
  for (const fault of faults) console.log(`FAULT: ${fault}`);
  if (faults.length > 0) process.exitCode = 1;
}

async function start(home, wireFile) {
  writeFileSync(wireFile, '');
  const watch = fileURLToPath(new URL('failover/watch-wire.mjs', import.meta.url));
  process.env.NODE_OPTIONS = `--import ${watch}`;
  process.env.AITBC_BENCH_WIRE = wireFile;
  const { signal } = new AbortController();
  const about = { engine: 'embedded', validators: 4, providers: 2 };
  return bringUp({ home, freePorts: true, ...about, signal, tell() {} });
}

/** Names of the providers by address, the address of the gateway, and the question. */
async function lookAround(devnet) {
  const names = new Map();
  for (const [name, client] of devnet.providers) {
    names.set((await client.status({})).provider, name);
  }
  const model = (await devnet.clients.coordinator.models({})).data[0]?.id ?? '';
  const messages = [{ role: 'user', content: prompt }];
  const body = { model, messages, max_tokens: tokens, temperature: 0 };
  const market = { names, model, body, url: devnet.daemon('gateway').url };
  await allRanked(devnet, market);
  return market;
}

async function allRanked({ clients }, { names, model }) {
  await until('both providers are ranked', async () => {
    const { offers } = await clients.coordinator.route({ models: [model] });
    return offers.length === names.size;
  });
}

/** What daemons send by themselves is sent: providers join the roster of jurors, the gateway opens the second channel. */
async function chainIsQuiet({ clients, account }, { names, model }) {
  const { offers } = await clients.coordinator.route({ models: [model] });
  const digest = auditDigestOf(offers[0].offer.payload.digest);
  const { rpc } = clients.node;
  await until('both providers are jurors and have a channel', async () => {
    const { jurors } = await rpc.audit_jurors({ digest });
    const { channels } = await rpc.state_listChannels({ payer: account });
    return jurors.length === names.size && channels.length === names.size;
  });
}

async function killAt(devnet, market, { share, undisturbed, wireFile }) {
  await allRanked(devnet, market);
  const noncesBefore = await noncesOf(devnet, market);
  const wireBytes = readFileSync(wireFile).length;
  let killing;
  const onPiece = (chars, provider) => {
    if (killing || chars < share * undisturbed.text.length) return;
    const name = market.names.get(provider);
    killing = { name, atMs: nowMs(), done: devnet.kill(name) };
  };
  const answer = await readAnswer({ url: market.url, body: market.body, onPiece });
  const transactions = (await noncesOf(devnet, market)).reduce(
    (sum, nonce, at) => sum + nonce - noncesBefore[at],
    0,
  );
  await killing.done;
  await after(wireWaitMs);
  const wire = readFileSync(wireFile).subarray(wireBytes).toString().split('\n').filter(Boolean);
  await devnet.restart(killing.name);
  const parts = await paidParts(devnet);
  return {
    share,
    killed: killing.name,
    isSame: answer.text === undisturbed.text,
    pieces: answer.times.length,
    transactions,
    parts: parts.map((part) => ({ ...part, name: market.names.get(part.provider) })),
    ...gapOf(answer, killing.atMs, wire.map(JSON.parse)),
  };
}

/** The gap and its stages, ms; no gap for an answer that was whole before the kill could matter. */
function gapOf({ times, moves }, killedMs, wire) {
  const [move] = moves;
  if (!move) return { moved: false };
  const firstMs = times[move.before];
  const lastMs = times[move.before - 1];
  const lost = wire.find(({ stage, atMs }) => stage === 'lost' && atMs > killedMs);
  const isResume = ({ path }) => path === '/v1/payments/resume';
  const sent = wire.find((event) => event.stage === 'sent' && isResume(event));
  const head = wire.find((event) => event.stage === 'head' && isResume(event));
  return {
    moved: true,
    code: move.code,
    gapMs: firstMs - lastMs,
    sinceKillMs: firstMs - killedMs,
    stages: {
      killToClose: lost.atMs - killedMs,
      closeToRequest: sent.atMs - lost.atMs,
      requestToHead: head.atMs - sent.atMs,
      headToPiece: firstMs - head.atMs,
    },
  };
}

async function noncesOf({ clients, account }, { names }) {
  const addresses = [account, ...names.keys()];
  const accounts = addresses.map((address) => clients.node.rpc.state_getAccount({ address }));
  return (await Promise.all(accounts)).map(({ nonce }) => Number(nonce));
}

/** What each provider of the newest job signed for, once each has signed its end; the proof must hold. */
async function paidParts({ clients }) {
  const proof = await until('every provider has signed its end', async () => {
    const { calls } = await clients.gateway.spend({ limit: 1 });
    const found = await clients.gateway.proof({ jobId: calls[0]?.jobId ?? '' });
    const isClosed = found.parts.every(
      ({ receipts, tail }) => tail === null && receipts.at(-1)?.payload.outcome !== 'running',
    );
    return isClosed && found;
  });
  const { network } = await clients.node.network();
  const proven = unwrap(verifyJobProof(network, proof));
  if (proven.unsignedTokens > 0) throw new Error(`${proven.unsignedTokens} tokens are unsigned`);
  return proof.parts.map(({ receipts }) => {
    const { provider, to, charged, outcome } = receipts.at(-1).payload;
    return { provider, tokens: to - receipts[0].payload.from, chargedNait: charged, outcome };
  });
}

/** Claims all; gives for each channel what was charged and what the chain has paid. */
async function settleAll({ clients, providers }) {
  for (const provider of providers.values()) {
    await until('all charges are claimed', async () => {
      const { txId } = await provider.claimNow({});
      if (txId) await until('final', () => isFinal(clients.node, txId));
      const { charged, claimed, running } = await provider.status({});
      return running === 0 && charged === claimed;
    });
  }
  const { channels } = await clients.gateway.spend({ limit: 1 });
  return Promise.all(
    channels.map(async ({ channelId, provider, charged }) => {
      const { totalClaimed } = await clients.node.rpc.state_getChannel({ channelId });
      return { provider, chargedNait: charged, paidNait: totalClaimed };
    }),
  );
}

async function isFinal(node, txId) {
  return (await node.rpc.tx_get({ txId })).status === 'final';
}

async function until(what, condition) {
  const endMs = performance.now() + waitMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > endMs) throw new Error(`timed out waiting until ${what}`);
    await after(pollMs);
  }
}

function lineOf({ share, killed, moved, gapMs, isSame, parts }) {
  const paid = parts.map(
    ({ name, tokens: given, chargedNait }) => `${name} ${given} tokens ${chargedNait} nait`,
  );
  const gap = moved ? `gap ${gapMs.toFixed(0)} ms` : 'was whole before';
  return `killed ${killed} after ${Math.round(100 * share)} % of the text: ${gap}, ${isSame ? 'same text' : 'OTHER TEXT'}; ${paid.join(', ')}`;
}

function write(result) {
  mkdirSync(dirname(values.out), { recursive: true });
  const text = JSON.stringify({ date: new Date().toISOString(), ...result }, null, 2);
  writeFileSync(values.out, `${text}\n`);
  console.log(`written to ${values.out}`);
}
