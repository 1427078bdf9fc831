/**
 * Searches small worlds of validators with the real core of agreement, by every liar, and prints what was seen:
 *
 *   node scripts/model/explore.mjs --states 200000      breadth first, for each scope
 *   node scripts/model/explore.mjs --walks 200000       at random and deep, the same scopes
 *
 * Needs a build (`npx tsc -b packages/consensus`). Ends with code 1 when an invariant is broken.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { ROOT } from '../run-command.mjs';

const DEFAULT_STATES = 100_000;
const WALK_DEPTH = 100;
const folder = join(ROOT, 'packages/consensus/dist/testing');

/** What is searched: who lies, how many views, whether nodes restart, where the epoch ends. */
const SCOPES = [0, 1].map((liar) => ({ liar, views: 1, lastHeight: 9, crashes: 2 }));
for (const liar of [0, 1, 2]) SCOPES.push({ liar, views: 2, lastHeight: 9, crashes: 0 });
for (const liar of [0, 1, 2, 3]) {
  SCOPES.push({ liar, views: 3, lastHeight: 9, crashes: 0 });
  SCOPES.push({ liar, views: 3, lastHeight: 9, crashes: 2 });
}
SCOPES.push({ liar: 2, views: 3, lastHeight: 1, crashes: 0 });
SCOPES.push({ liar: 3, views: 4, lastHeight: 2, crashes: 1 });

const { values } = parseArgs({
  options: {
    states: { type: 'string' },
    walks: { type: 'string' },
    seed: { type: 'string', default: '1' },
    progress: { type: 'string', default: '50' },
  },
});

if (!existsSync(folder)) {
  console.error('There is no build. Run first: npx tsc -b packages/consensus');
  process.exit(1);
}
const load = (name) => import(pathToFileURL(join(folder, name)).href);
const { explore, wander } = await load('explorer.js');
const { createDraw } = await load('cluster.js');
process.exitCode = searchAll() ? 0 : 1;

function searchAll() {
  const progressEvery = Number(values.progress);
  const total = { states: 0, transitions: 0, progressChecks: 0 };
  for (const scope of SCOPES) {
    const started = performance.now();
    const report = values.walks
      ? wander(
          { ...scope, progressEvery, states: Number(values.walks), depth: WALK_DEPTH },
          createDraw(Number(values.seed)),
        )
      : explore({ ...scope, progressEvery, states: Number(values.states ?? DEFAULT_STATES) });
    for (const key of Object.keys(total)) total[key] += report[key];
    printOne(scope, report, (performance.now() - started) / 1000);
    if (report.violation) return false;
  }
  console.log(
    `in all ${total.states} worlds, ${total.transitions} moves, ${total.progressChecks} checks that nothing is stuck: nothing broken`,
  );
  return true;
}

function printOne({ liar, views, lastHeight, crashes }, report, seconds) {
  const extent = report.exhausted ? 'all of it' : `to depth ${report.depth}`;
  console.log(
    `liar ${liar}, ${views} views, ${crashes} restarts, epoch of ${lastHeight}: ${report.states} worlds (${report.finalStates} with a final block), ${report.transitions} moves, ${extent}, ${seconds.toFixed(1)} s`,
  );
  if (!report.violation) return;
  console.log(`BROKEN: ${report.violation.what}`);
  for (const label of report.violation.path) console.log(`  ${label}`);
}
