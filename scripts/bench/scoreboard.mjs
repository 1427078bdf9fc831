/**
 * Our chain beside Anvil and Hardhat on this machine, in one run: N real validator processes, and each peer, get the
 * same load from the same client, in interleaved rounds on fresh ledgers.
 *
 *   node scripts/bench/scoreboard.mjs [--seconds 30] [--validators 4] [--peers anvil,hardhat] [--rounds 3]
 *     [--rate 2000] [--accounts 96] [--connections 16] [--batch 25] [--sync-transfers 50000]
 *     [--rate-max 6000] [--out docs/bench/scoreboard.json] [--profile FOLDER] [--node-args "--verify-workers 0"]
 *
 * Each round: one transfer at a time (idle), a warm-up that does not count (programs in JavaScript are
 * compiled while they run), full load for `seconds`, paced load at `rate` for half as long (two minutes at most);
 * ours then transfers in batch transactions, and in the last round a fresh node that takes the whole chain.
 * Client and ledgers share the machine's cores; the cores that others took meanwhile are printed. `--peers none`
 * measures ours alone. All is signed before: `--rate-max` transfers for each second of full load, 200 bytes each; a
 * ledger that is faster ends early, and the line says so. `--profile` leaves CPU profiles of the first validator. Needs `npm run build` and Linux.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { machineText } from './lib/machine.mjs';
import { withCleanup } from './lib/processes.mjs';
import { signEtherTransfers } from './scoreboard/ethereum.mjs';
import { installPeers } from './scoreboard/install-peers.mjs';
import { prepareOurs, roundOfOurs } from './scoreboard/ours.mjs';
import { roundOfPeer } from './scoreboard/peer.mjs';
import {
  agreementText,
  figuresText,
  growthText,
  summaryOf,
  targetsText,
} from './scoreboard/report.mjs';

const peerRateMax = 6_000;
const pacedSpread = 1.3; // accounts of a paced load do not send exactly alike
const longest = { warmUp: 20, paced: 120, batch: 30 }; // seconds; only full load is as long as is asked for
const window = 48; // our mempool takes 64 of an account
const known = ['anvil', 'hardhat'];
const oursName = (validators) => `aitbc × ${validators}`;

const defaults = {
  ...{ seconds: '30', validators: '4', peers: 'anvil,hardhat', rounds: '3', rate: '2000' },
  ...{ accounts: '96', connections: '16', batch: '25', 'sync-transfers': '50000' },
  ...{ 'rate-max': '6000', out: '', profile: '', 'node-args': '' },
};
const options = Object.entries(defaults).map(([name, value]) => [
  name,
  { type: 'string', default: value },
]);
const { values } = parseArgs({ options: Object.fromEntries(options) });
const plan = planOf(values);
await withCleanup(scoreboard);

function planOf(text) {
  const number = (name) => Number(text[name]);
  const seconds = number('seconds');
  const [rate, accounts, batch] = [number('rate'), number('accounts'), number('batch')];
  const part = (share, most) => Math.min(most, Math.max(3, seconds * share));
  const pacedSeconds = part(1 / 2, longest.paced);
  const warmUpSeconds = part(1 / 3, longest.warmUp);
  const fullSeconds = seconds + warmUpSeconds;
  const [idleCount, idlePauseMs] = [40, 60];
  const idleEach = idleCount + 10; // the first account alone sends these
  const paced = rate * pacedSeconds;
  const sync = number('sync-transfers');
  const reserve = Math.ceil((paced * pacedSpread) / accounts);
  const eachOf = (transfers) => Math.ceil(transfers / accounts) + reserve + idleEach;
  const ours = Math.max(number('rate-max') * fullSeconds, sync * 1.2);
  return {
    ...{ seconds, rate, accounts, idleCount, idlePauseMs, syncTransfers: sync },
    ...{ validators: number('validators'), rounds: number('rounds') },
    connections: number('connections'),
    peers: text.peers === 'none' ? [] : text.peers.split(','),
    warmUp: { seconds: warmUpSeconds, batch, window, reserve },
    full: { seconds, batch, window, reserve },
    paced: { seconds: pacedSeconds, batch, window, rate },
    batchSeconds: part(1 / 3, longest.batch),
    each: eachOf(ours),
    peerEach: eachOf(peerRateMax * fullSeconds),
    profileFolder: text.profile && resolve(text.profile),
    nodeArgs: text['node-args'].split(' ').filter(Boolean),
    out: text.out,
  };
}

async function scoreboard(undo) {
  const unknown = plan.peers.filter((peer) => !known.includes(peer));
  if (unknown.length > 0)
    throw new Error(`no such peer: ${unknown.join(', ')}; known: ${known.join(', ')}`);
  const folder = mkdtempSync(join(tmpdir(), 'aitbc-scoreboard-'));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  const machine = machineText();
  console.log(
    `${machine}\nfull load ${plan.seconds} s, paced at ${plan.rate}/s, ${plan.rounds} rounds`,
  );
  if (plan.peers.length > 0) installPeers();
  console.log(`signing ${(plan.accounts * plan.each).toLocaleString('en-US')} transfers …`);
  const prepared = prepareOurs({ folder, plan });
  const { accounts: count, peerEach: each } = plan;
  const signed = plan.peers.length > 0 ? await signEtherTransfers({ count, each }) : [];
  const rounds = await runRounds({ folder, prepared, signed });
  const ours = rounds[oursName(plan.validators)];
  console.log(
    `\n${figuresText(rounds)}\n\n${targetsText(ours)}\n\n${agreementText(ours)}\n\n${growthText(ours)}`,
  );
  const clientMb = (process.resourceUsage().maxRSS * 1_024) / 1e6;
  console.log(
    `\nat the end: ${machineText()}; this client held ${Math.round(clientMb)} MB at most`,
  );
  if (plan.out)
    write({ machine, machineAtEnd: machineText(), plan, summary: summaryOf(rounds), rounds });
}

async function runRounds({ folder, prepared, signed }) {
  const rounds = {};
  const note = (ledger, figures) => {
    rounds[ledger] = [...(rounds[ledger] ?? []), figures];
    const { full, paced } = figures;
    const early = full.seconds < plan.seconds ? ` (all sent in ${full.seconds.toFixed(1)} s)` : '';
    console.log(
      `${ledger}: ${Math.round(full.perSecond)} transfers/s${early}; paced p50 ${Math.round(paced.p50Ms)} p99 ${Math.round(paced.p99Ms)} ms; CPU ${full.cpuUs.map(Math.round).join(' + ')} µs`,
    );
  };
  for (let round = 1; round <= plan.rounds; round += 1) {
    console.log(`round ${round} of ${plan.rounds}`);
    const isLast = round === plan.rounds;
    const place = (name) => join(folder, `${name}-${round}`);
    note(
      oursName(plan.validators),
      await roundOfOurs({ prepared, folder: place('ours'), plan, isLast }),
    );
    for (const name of plan.peers) {
      note(name, await roundOfPeer({ name, signed, folder: place(name), plan }));
    }
    rmSync(place('ours'), { recursive: true, force: true });
  }
  return rounds;
}

function write(result) {
  mkdirSync(dirname(plan.out), { recursive: true });
  writeFileSync(
    plan.out,
    `${JSON.stringify({ date: new Date().toISOString(), ...result }, null, 2)}\n`,
  );
  console.log(`written to ${plan.out}`);
}
