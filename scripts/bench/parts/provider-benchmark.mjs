/**
 * Does the provider's benchmark measure right? `node scripts/bench/parts/provider-benchmark.mjs [--runs 3] [--out file.json]`
 * after a build. The bundled model, really run, behind the Ollama-shaped test engine with 1, 2 and 4 slots: the
 * adapter is not told the slots, so the ladder has to find them. Each machine is measured several times; the
 * spread of the decode rate says how far a result can be repeated (wanted: within 10 %).
 *
 * On a processor with few cores streams share one core, so more slots bring little: what is compared is what the
 * ladder saw, and a row where it saw no gain is right to answer fewer slots than the engine has.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  bundledModelPath,
  createEmbeddedEngine,
  createEngineServer,
  createOllamaEngine,
  measureModel,
  slotsOfLadder,
} from '@aitbc/provider/testing';
import { machineText } from '../lib/machine.mjs';

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '3' }, out: { type: 'string', default: '' } },
});
const runs = Number(values.runs);
const nonce = () => Math.trunc(Math.random() * 2 ** 32);
const { signal } = new AbortController();

/** One engine with so many slots, measured over HTTP as an owner's Ollama would be. */
async function measureSlots(slots) {
  const engine = createEmbeddedEngine({ modelPath: bundledModelPath(), slots });
  await engine.start();
  const server = createEngineServer({ engine });
  await server.start();
  const ollama = createOllamaEngine({ baseUrl: server.url() });
  await ollama.start();
  try {
    const { models } = await ollama.probe(signal);
    const results = [];
    for (let run = 0; run < runs; run += 1) {
      results.push(await measureModel(models[0], { engine: ollama, nonce }, signal));
    }
    return { slots, results };
  } finally {
    await ollama.stop();
    await server.stop();
    await engine.stop();
  }
}

/** Largest distance from the median, as a share of it. */
function spreadOf(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  return Math.max(...sorted.map((value) => Math.abs(value - median))) / median;
}

const rows = [];
for (const slots of [1, 2, 4]) rows.push(await measureSlots(slots));

console.log(machineText());
console.log('slots  found    decode t/s  spread  in all by streams at once');
for (const { slots, results } of rows) {
  const found = results.map(({ ladder }) => slotsOfLadder(ladder)).join(',');
  const decode = results.map(({ decodeTokensPerSecond }) => decodeTokensPerSecond);
  const steps = results[0].ladder.map(
    (step) => `${step.atOnce}: ${step.tokensPerSecond.toFixed(0)}`,
  );
  const cells = [
    String(slots).padEnd(5),
    found.padEnd(7),
    decode[0].toFixed(0).padStart(10),
    `${(spreadOf(decode) * 100).toFixed(0)} %`.padStart(6),
    steps.join('  '),
  ];
  console.log(cells.join('  '));
}
if (values.out) {
  const report = { date: new Date().toISOString(), machine: machineText(), runs, rows };
  writeFileSync(values.out, `${JSON.stringify(report, null, 2)}\n`);
}
