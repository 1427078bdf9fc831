/**
 * What does it cost to be paid? One engine with instant tokens, and in front of it: nothing, nginx, plain proxies on node:http
 * and undici, the plainest paid gate that one could write (hops/gate.mjs), our paid provider, our gateway with the paid
 * provider behind it, the least program that pays over two hops (hops/least.mjs), Portkey's gateway (no payment), and an
 * Express route with the stock x402 middleware, our scheme and a facilitator in its own process. All real processes on this
 * machine, in one run. Further systems that `--systems` takes: nginx, undici, gate, least, portkey.
 *
 *   npm run build && node scripts/bench/gateway.mjs [--seconds 4] [--rounds 3] [--tokens 64] [--streams 128]
 *     [--pace-ms 40] [--systems proxy,provider,gateway,x402] [--warm-up 15]
 *     [--out docs/bench/gateway.json] [--profile FOLDER]
 *
 * Each round asks each system: one whole answer of 16 tokens at a time, 16 at a time, 16 streams of `tokens` at a time
 * as fast as they go, and `streams` of them with `pace-ms` between two tokens. CPU is that of the named processes with
 * all threads, from /proc. The client signs the vouchers for the provider by hand, outside of the measured time,
 * each for all its tokens; the gateway pays by windows and checks every receipt. The x402 middleware holds a stream
 * until its end. Client, engine, node and coordinator share the cores: compare ratios, and CPU more than time.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { pass } from './gateway/passes.mjs';
import { figuresText, summaryOf, targetsText } from './gateway/report.mjs';
import { startSystems } from './gateway/systems.mjs';
import { machineText, signatureCheckUs } from './lib/machine.mjs';
import { withCleanup } from './lib/processes.mjs';

const wholeTokens = 16; // one window
const parallel = 16;

const defaults = {
  ...{ seconds: '4', rounds: '3', tokens: '64', streams: '128', 'pace-ms': '40' },
  ...{ systems: 'proxy,provider,gateway,x402' },
  ...{ 'warm-up': '15', out: '', profile: '' }, // the compiler takes thousands of requests
};
const { values } = parseArgs({
  options: Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [name, { type: 'string', default: value }]),
  ),
});
const plan = {
  seconds: Number(values.seconds),
  rounds: Number(values.rounds),
  tokens: Number(values.tokens),
  streams: Number(values.streams),
  paceMs: Number(values['pace-ms']),
  warmUpSeconds: Number(values['warm-up']),
  systems: values.systems.split(','),
};
await withCleanup(bench);

async function bench(undo) {
  const folder = mkdtempSync(join(tmpdir(), 'aitbc-gateway-'));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  const machine = machineText();
  console.log(`${machine}\none signature check: ${signatureCheckUs().toFixed(0)} µs CPU`);
  const profile = values.profile && resolve(values.profile);
  const systems = await startSystems({ folder, wanted: plan.systems, undo, profile });
  for (const system of systems) await warmUp(system);
  const rounds = [];
  for (let at = 1; at <= plan.rounds; at += 1) {
    console.log(`round ${at} of ${plan.rounds}`);
    rounds.push(await roundOf(systems));
  }
  const summary = summaryOf(rounds, plan);
  console.log(`\n${figuresText(summary)}\n\n${targetsText(summary)}`);
  console.log(`\nat the end: ${machineText()}`);
  if (values.out) write({ machine, machineAtEnd: machineText(), plan, summary, rounds });
}

/** Programs in JavaScript are compiled while they run. */
async function warmUp(system) {
  const seconds = plan.warmUpSeconds / 2;
  await pass(system, { at: parallel, seconds, shape: { tokens: plan.tokens, stream: true } });
  await pass(system, { at: parallel, seconds, shape: { tokens: wholeTokens, stream: false } });
}

async function roundOf(systems) {
  const { seconds, tokens, streams, paceMs } = plan;
  const whole = { tokens: wholeTokens, stream: false };
  const stream = { tokens, stream: true };
  const round = {};
  for (const system of systems) {
    const one = await pass(system, { at: 1, seconds, shape: whole });
    const many = await pass(system, { at: parallel, seconds, shape: whole });
    const streaming = await pass(system, { at: parallel, seconds, shape: stream });
    const shape = { ...stream, paceMs };
    const spread = { at: streams, seconds: seconds * 2, shape, isStaggered: true };
    const paced = await pass(system, spread);
    round[system.name] = { one, many, streams: streaming, paced };
    console.log(`  ${system.name}: ${lineOf(round[system.name])}`);
  }
  return round;
}

function lineOf({ one, many, streams, paced }) {
  const cpu = ({ cpuUs }) => Object.entries(cpuUs).map(([name, us]) => `${name} ${us.toFixed(0)}`);
  return [
    `alone ${one.ms.p50.toFixed(2)} ms`,
    `16: ${many.perSecond.toFixed(0)}/s, CPU µs ${cpu(many).join(' + ') || '–'}`,
    `streams: CPU µs ${cpu(streams).join(' + ') || '–'}`,
    `paced: first ${paced.firstMs.p50.toFixed(1)} ms`,
  ].join('; ');
}

function write(result) {
  mkdirSync(dirname(values.out), { recursive: true });
  const text = JSON.stringify({ date: new Date().toISOString(), ...result }, null, 2);
  writeFileSync(values.out, `${text}\n`);
  console.log(`written to ${values.out}`);
}
