/**
 * What the detectors cost: \`node scripts/surveillance/bench.mjs [--out docs/bench/surveillance.json]\` after a build.
 * Made-up market days with every abuse, read by all detectors at once and by each alone; the median of the passes.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createPatrol, detectors } from '@aitbc/market';
import { playRun } from '@aitbc/market/generators';
import { machineText } from '../bench/lib/machine.mjs';

const { values } = parseArgs({ options: { out: { type: 'string', default: '' } } });
const seed = 30_000_000;
const days = 24;
const passes = 7;

/** Days one after the other, as one stream. */
function streamOf() {
  const events = [];
  for (let at = 0; at < days; at += 1) {
    const run = playRun(seed + at, detectors[at % detectors.length]?.name);
    const first = events.length;
    for (const event of run.events) {
      events.push({ ...event, seq: first + event.seq, atMs: event.atMs + at * 24 * 3_600_000 });
    }
  }
  return events;
}

function microsOf(members, events) {
  const times = Array.from({ length: passes }, () => {
    const patrol = createPatrol(members.map((detector) => ({ detector })));
    const began = performance.now();
    for (const event of events) patrol.take(event);
    return ((performance.now() - began) * 1_000) / events.length;
  });
  return times.sort((a, b) => a - b)[passes >> 1] ?? 0;
}

const events = streamOf();
const rows = [
  { name: 'all', microsPerEvent: microsOf(detectors, events) },
  ...detectors.map((one) => ({ name: one.name, microsPerEvent: microsOf([one], events) })),
];
const patrol = createPatrol(detectors.map((detector) => ({ detector })));
for (const event of events) patrol.take(event);
const began = performance.now();
const sizes = detectors.map(({ name }) => JSON.stringify(patrol.save(name)).length);
const saved = { bytes: sizes.reduce((sum, size) => sum + size, 0), ms: performance.now() - began };
console.table(
  rows.map(({ name, microsPerEvent }) => ({ name, micros: microsPerEvent.toFixed(2) })),
);
console.log(
  `${events.length} events; all memories: ${(saved.bytes / 1e6).toFixed(1)} MB in ${saved.ms.toFixed(0)} ms`,
);
if (values.out) {
  const report = { date: new Date().toISOString(), machine: machineText(), events: events.length };
  writeFileSync(values.out, `${JSON.stringify({ ...report, rows, saved }, null, 2)}\n`);
}
