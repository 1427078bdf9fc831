/**
 * Fuzzes every decoder that reads a stranger's bytes, and a live node, with mutations of real encodings. Needs a build.
 *
 *   node scripts/fuzz.mjs [--seconds 60] [--seed 1] [--only NAME] [--replay HEX]
 *
 * The seconds are shared between the targets. Exits 1 at the first broken property, with the seed and the bytes as
 * hex; `--only NAME --replay HEX` runs that one case again. The times of the table are those of this machine.
 */
import { parseArgs } from 'node:util';
import { withCleanup } from './bench/lib/processes.mjs';
import { byteTargets } from './fuzz/byte-targets.mjs';
import { loadCorpus } from './fuzz/corpus.mjs';
import { loadInternals } from './fuzz/internals.mjs';
import { journalTargets } from './fuzz/journal-targets.mjs';
import { jsonTargets } from './fuzz/json-targets.mjs';
import { liveTargets } from './fuzz/live-targets.mjs';
import { emptyCount, runCase, runTarget } from './fuzz/run.mjs';

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    replay: { type: 'string' },
  },
});
const seconds = Number(options.seconds);
if (!(seconds > 0)) throw new Error('--seconds is a number above 0');

process.exitCode = await withCleanup(main);

async function main(undo) {
  const corpus = loadCorpus();
  const internals = await loadInternals('dist');
  const targets = [
    ...byteTargets(corpus, internals),
    ...jsonTargets(corpus),
    ...journalTargets(corpus, internals),
    ...liveTargets(corpus, { internals, undo }),
  ].filter(({ name }) => options.only === undefined || name === options.only);
  if (targets.length === 0) throw new Error(`no target is named ${options.only}`);
  if (options.replay !== undefined) return replay(targets);
  say(['target', 'cases', 'accepted', 'refused', 'slowest ms', 'heap MB']);
  for (const target of targets) {
    await target.start?.();
    const endMs = performance.now() + (seconds * 1_000) / targets.length;
    const isOver = () => performance.now() > endMs;
    const count = await runTarget(target, { seed: options.seed, isOver });
    tell(count);
    if (count.fault) return complain(count);
  }
  return 0;
}

async function replay(targets) {
  const [target] = targets;
  if (targets.length > 1) throw new Error('--replay needs --only');
  await target.start?.();
  const count = emptyCount(target.name);
  count.fault = await runCase(target, new Uint8Array(Buffer.from(options.replay, 'hex')), {
    count,
  });
  return count.fault ? complain(count) : 0;
}

function tell({ name, cases, accepted, refused, slowestMs, peakMiB }) {
  say([name, cases, accepted, refused, slowestMs.toFixed(1), Math.ceil(peakMiB)]);
}

function say([name, ...figures]) {
  const columns = figures.map((figure) => String(figure).padStart(11));
  console.log(name.padEnd(22) + columns.join(''));
}

function complain({ name, fault: { bytes, at, error } }) {
  console.error(`\n${name}: ${error.stack}`);
  console.error(`seed ${options.seed}, case ${at}, ${bytes.length} bytes:`);
  console.error(`node scripts/fuzz.mjs --only '${name}' --replay ${bytes.toString('hex')}`);
  return 1;
}
