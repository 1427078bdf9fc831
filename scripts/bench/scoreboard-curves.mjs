/**
 * Transfers per second and their cost against the number of validators, all of them on this machine: they share
 * its cores, so the total falls as they grow; CPU per transfer and node shows what agreement itself adds.
 *
 *   node scripts/bench/scoreboard-curves.mjs [--validators 1,4,7,16] [--seconds 20] [--rounds 3] [--rate 200]
 *     [--out docs/bench]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { showCurve } from './lib/curve.mjs';
import { machineText } from './lib/machine.mjs';
import { withCleanup } from './lib/processes.mjs';
import { prepareOurs, roundOfOurs } from './scoreboard/ours.mjs';

const rateMax = 5_000;
const accounts = 96;
const defaults = { validators: '1,4,7,16', seconds: '20', rounds: '3', rate: '200', out: '' };
const options = Object.entries(defaults).map(([name, value]) => [
  name,
  { type: 'string', default: value },
]);
const { values } = parseArgs({ options: Object.fromEntries(options) });
const seconds = Number(values.seconds);
const rate = Number(values.rate);
const rounds = Number(values.rounds);
const warmUpSeconds = Math.max(3, seconds / 3);
const shape = { batch: 25, window: 48 };
const plan = {
  ...{
    accounts,
    connections: 16,
    idleCount: 10,
    idlePauseMs: 60,
    batchSeconds: 0,
    syncTransfers: 0,
  },
  warmUp: { ...shape, seconds: warmUpSeconds },
  full: { ...shape, seconds },
  paced: { ...shape, rate, seconds: Math.max(3, seconds / 3) },
  each: Math.ceil((rateMax * (seconds + warmUpSeconds) + rate * seconds) / accounts) + 30,
  nodeArgs: [],
};

await withCleanup(async (undo) => {
  const folder = mkdtempSync(join(tmpdir(), 'aitbc-curve-'));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  console.log(machineText());
  const counts = values.validators.split(',').map(Number);
  const sets = counts.map((validators) => ({ x: validators, rounds: [] }));
  const prepared = counts.map((validators) =>
    prepareOurs({ folder: join(folder, `of-${validators}`), plan: { ...plan, validators } }),
  );
  for (let round = 1; round <= rounds; round += 1) {
    for (const [at, set] of sets.entries()) {
      const place = join(folder, `run-${set.x}-${round}`);
      const figures = await roundOfOurs({
        prepared: prepared[at],
        folder: place,
        plan,
        isLast: false,
      });
      rmSync(place, { recursive: true, force: true });
      set.rounds.push(figures);
      console.log(`${set.x} validators: ${Math.round(figures.full.perSecond)} transfers/s`);
    }
  }
  showCurve({
    name: 'validators',
    title: 'Brother Chain: validators on one machine',
    xLabel: 'validators',
    points: sets,
    out: values.out,
    note: machineText(),
  });
});
