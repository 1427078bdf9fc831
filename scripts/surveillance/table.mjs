/**
 * How good the detectors are: writes docs/surveillance.md.
 *
 *   node scripts/surveillance/table.mjs [--runs 120] [--seed 20000000] [--out docs/surveillance.md]
 *
 * After a build. For each detector `runs` made-up market days with its abuse and as many honest ones; all detectors watch all
 * of them. Thresholds were chosen with other seeds (below 1 000 000). One to two minutes on one core.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { detectors, recheck } from '@aitbc/market';
import { measureDetectors } from '@aitbc/market/generators';
import { machineText } from '../bench/lib/machine.mjs';
import { pageOf } from './page.mjs';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '120' },
    seed: { type: 'string', default: '20000000' },
    out: { type: 'string', default: 'docs/surveillance.md' },
  },
});
const totals = { runs: 0, events: 0, alerts: 0, held: 0, sellerHours: 0 };
const wrongBy = new Map();
const hoursOfRun = 8;

/** Events that an alert names. */
function evidenceOf({ evidence }, events) {
  const [txs, seqs] = [new Set(evidence.txs), new Set(evidence.events)];
  return events.filter((event) => ('txId' in event ? txs.has(event.txId) : seqs.has(event.seq)));
}

function onRun(run, alerts) {
  totals.runs += 1;
  totals.events += run.events.length;
  totals.sellerHours += run.sellers * hoursOfRun;
  for (const alert of alerts) {
    totals.alerts += 1;
    const detector = detectors.find(({ name }) => name === alert.pattern);
    const events = evidenceOf(alert, run.events);
    if (recheck({ alert, events, detector }).ok) totals.held += 1;
    if (alert.subjects.some(({ address }) => run.guilty.has(address))) continue;
    const rows = wrongBy.get(alert.pattern) ?? new Map();
    wrongBy.set(alert.pattern, rows);
    for (const name of run.innocents) rows.set(name, (rows.get(name) ?? 0) + 1);
  }
}

const began = performance.now();
const rows = measureDetectors({
  ...{ detectors, runs: Number(values.runs), seed: Number(values.seed), onRun },
});
const page = pageOf({
  ...{ rows, totals, wrongBy, detectors, runs: values.runs, seed: values.seed },
  ...{ date: new Date().toISOString().slice(0, 10), machine: machineText() },
});
writeFileSync(values.out, page);
console.log(page);
console.log(`${totals.runs} runs in ${((performance.now() - began) / 1_000).toFixed(0)} s`);
