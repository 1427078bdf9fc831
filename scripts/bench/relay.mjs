/**
 * What does it cost to be behind NAT? One paid provider, reached in two ways: at its own port, and over the relay of the
 * coordinator, through the connection that it opened. All real processes on this machine.
 *
 *   npm run build && node scripts/bench/relay.mjs [--streams 48] [--pace-ms 40] [--seconds 8] [--rounds 3]
 *     [--tokens 128] [--out docs/bench/relay.json]
 *
 * `streams` paid streams at a time, a token every `pace-ms` in each; a second pass has one stream. Each token is the time at
 * which the engine made it, so its age on arrival is the latency of the whole way, and the difference between the two ways is
 * that of the relay. CPU is that of the named process with all threads, from /proc, for each token that arrived. Both ways
 * are measured in every round, one after the other; the vouchers are signed by hand outside of those processes.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bringUp } from '@aitbc/cli/devnet';
import { openHandBuyer } from './gateway/buyers.mjs';
import { cpuOf, machineText } from './lib/machine.mjs';
import { after, startProgram, withCleanup } from './lib/processes.mjs';
import { percentile, spreadOf, spreadText, tableText } from './lib/statistics.mjs';
import { createStreams } from './relay/stream.mjs';

const model = 'bench-model';
const messages = [{ role: 'user', content: `Say words. ${'x'.repeat(120)}` }];
const path = '/v1/chat/completions';
const settings = {
  AITBC_GATEWAY_CHANNEL_FUND: `${10n ** 11n}`,
  AITBC_GATEWAY_VAULT_FUND: `${3n * 10n ** 11n}`,
  AITBC_PROVIDER_SLOTS: '1024',
  AITBC_PROVIDER_RELAY: 'true',
};
const readyMs = 30_000;
const pollMs = 50;
const warmUpMs = 4_000;
const settleMs = 500;

const defaults = {
  ...{ streams: '48', 'pace-ms': '40', seconds: '8', rounds: '3', tokens: '128', out: '' },
};
const { values } = parseArgs({
  options: Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [name, { type: 'string', default: value }]),
  ),
});
const plan = {
  streams: Number(values.streams),
  paceMs: Number(values['pace-ms']),
  seconds: Number(values.seconds),
  rounds: Number(values.rounds),
  tokens: Number(values.tokens),
};
await withCleanup(bench);

async function bench(undo) {
  const folder = mkdtempSync(join(tmpdir(), 'aitbc-relay-'));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  const machine = machineText();
  console.log(machine);
  const ways = await startWays(folder, undo);
  for (const way of ways) await pass(way, { streams: plan.streams, forMs: warmUpMs });
  const rounds = [];
  for (let at = 1; at <= plan.rounds; at += 1) {
    const round = {};
    for (const way of ways) {
      const forMs = plan.seconds * 1_000;
      const many = await pass(way, { streams: plan.streams, forMs });
      const one = await pass(way, { streams: 1, forMs: forMs / 2 });
      round[way.name] = { many, one };
    }
    rounds.push(round);
    console.log(`round ${at} of ${plan.rounds} done`);
  }
  console.log(`\n${reportOf(rounds)}\n\nat the end: ${machineText()}`);
  if (values.out) write({ machine, machineAtEnd: machineText(), plan, rounds });
}

/** The two ways to one provider. */
async function startWays(folder, undo) {
  const engine = await startProgram({
    program: process.execPath,
    args: [fileURLToPath(new URL('relay/engine.mjs', import.meta.url))],
    cwd: folder,
    logFile: join(folder, 'engine.log'),
    readyOf: (line) => (line.startsWith('{"url"') ? JSON.parse(line).url : undefined),
  });
  undo.push(engine.stop);
  Object.assign(process.env, settings, { AITBC_PROVIDER_OPENAI_URL: engine.value });
  const { signal } = new AbortController();
  const about = { engine: 'openai', validators: 1, providers: 1, freePorts: true };
  const devnet = await bringUp({ home: join(folder, 'devnet'), ...about, signal, tell() {} });
  undo.push(() => devnet.stop());
  const endpoint = await endpointOf(devnet);
  const buy = await openHandBuyer({ devnet, model, messages });
  const provider = devnet.daemon('provider');
  const pids = { provider: provider.pid, coordinator: devnet.daemon('coordinator').pid };
  return [
    { name: 'direct', url: provider.url, pids, buy },
    { name: 'relayed', url: endpoint, pids, buy },
  ];
}

async function endpointOf({ clients }) {
  const endMs = performance.now() + readyMs;
  for (;;) {
    const { offers } = await clients.coordinator
      .route({ models: [model] })
      .catch(() => ({ offers: [] }));
    if (offers[0]) return offers[0].offer.payload.endpoint;
    if (performance.now() > endMs) throw new Error('the provider was not ranked in time');
    await after(pollMs);
  }
}

/** Keeps so many streams running for a time; ages of the tokens and CPU for each of them. */
async function pass({ url, pids, buy }, { streams, forMs }) {
  const client = createStreams(url, streams);
  const { tokens, paceMs } = plan;
  const asked = { model, messages, max_tokens: tokens, temperature: 0, stream: true, seed: paceMs };
  const call = { body: JSON.stringify(asked), tokens, messages, path };
  const before = usedBy(pids);
  const endMs = performance.now() + forMs;
  const agesMs = [];
  const lane = async (at) => {
    await after((tokens * paceMs * at) / streams / 4); // not all at the same beat
    while (performance.now() < endMs) {
      const { headers, done } = await buy(call);
      const { text, agesMs: ages } = await client.read({ ...call, headers });
      done(text);
      agesMs.push(...ages);
    }
  };
  await Promise.all(Array.from({ length: streams }, (_, at) => lane(at)));
  await after(settleMs);
  await client.close();
  const used = usedBy(pids);
  const cpuUs = Object.fromEntries(
    Object.keys(pids).map((name) => [name, (used[name] - before[name]) / agesMs.length]),
  );
  const [p50, p99] = [0.5, 0.99].map((share) => percentile(agesMs, share));
  return { tokens: agesMs.length, ageMs: { p50, p99 }, cpuUsPerToken: cpuUs };
}

function usedBy(pids) {
  return Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, cpuOf(pid).allUs]));
}

function reportOf(rounds) {
  const row = (text, pick) => {
    const [direct, relayed] = ['direct', 'relayed'].map((name) =>
      rounds.map((round) => pick(round[name])),
    );
    const extra = relayed.map((value, at) => value - direct[at]);
    return [text, ...[direct, relayed, extra].map((numbers) => spreadText(spreadOf(numbers)))];
  };
  return tableText([
    ['median of the rounds (smallest … largest)', 'direct', 'relayed', 'of the relay'],
    row('age of a token, 1 stream, p50, ms', ({ one }) => one.ageMs.p50),
    row('age of a token, 1 stream, p99, ms', ({ one }) => one.ageMs.p99),
    row(`age of a token, ${plan.streams} streams, p50, ms`, ({ many }) => many.ageMs.p50),
    row(`age of a token, ${plan.streams} streams, p99, ms`, ({ many }) => many.ageMs.p99),
    row('CPU of the provider, µs per token', ({ many }) => many.cpuUsPerToken.provider),
    row('CPU of the coordinator, µs per token', ({ many }) => many.cpuUsPerToken.coordinator),
  ]);
}

function write(result) {
  mkdirSync(dirname(values.out), { recursive: true });
  const text = JSON.stringify({ date: new Date().toISOString(), ...result }, null, 2);
  writeFileSync(values.out, `${text}\n`);
  console.log(`written to ${values.out}`);
}
