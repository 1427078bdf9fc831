/**
 * Checks the Quint model of agreement (docs/spec/simplex.qnt) by random simulation:
 *
 *   node scripts/model/quint.mjs [--prefix DIR] [--samples 1000]
 *   node scripts/model/quint.mjs [--prefix DIR] --traces 48
 *
 * The second form checks nothing: it writes the traces again that the core is tested with.
 *
 * Quint is no dependency of this repository. It is taken from node_modules here, or from DIR, where it was
 * installed with the command that this script prints when it finds none.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT, runInForeground } from '../run-command.mjs';
import { writeTraces } from './traces.mjs';

const VERSION = '0.33.1';
const MODEL = 'docs/spec/simplex.qnt';

/** `violated`: the search must find a way to break it, else it would prove nothing about the others. */
const CHECKS = [
  { main: 'oneLiar', invariant: 'safety', steps: 40 },
  { main: 'oneLiar', invariant: 'nothingFinalAfterNullify', steps: 40, violated: true },
  { main: 'twoLiars', invariant: 'accountability', steps: 25 },
  { main: 'twoLiars', invariant: 'agreement', steps: 25, violated: true },
];

const { values } = parseArgs({
  options: {
    prefix: { type: 'string', default: ROOT },
    samples: { type: 'string', default: '1000' },
    traces: { type: 'string' },
  },
});

const folder = join(resolve(values.prefix), 'node_modules');
const manifest = join(folder, '@informalsystems/quint/package.json');
process.exitCode = existsSync(manifest) ? await work() : explainInstall();

function work() {
  const { version } = JSON.parse(readFileSync(manifest, 'utf8'));
  if (version !== VERSION) console.log(`Quint ${version} is not the pinned ${VERSION}.`);
  if (values.traces === undefined) return checkAll();
  const count = Number(values.traces);
  if (!Number.isInteger(count) || count < 1) throw new Error('--traces needs a number above 0');
  return writeTraces({ quint: join(folder, '.bin/quint'), model: MODEL, version, count });
}

async function checkAll() {
  for (const check of CHECKS) {
    const wanted = check.violated ? 'must be violated' : 'must hold';
    console.log(`\n${check.main}: ${check.invariant} ${wanted}`);
    const code = await runQuint(check);
    if ((code !== 0) !== (check.violated ?? false)) {
      console.log(`FAILED: ${check.main}: ${check.invariant} ${wanted}`);
      return 1;
    }
  }
  console.log('\nThe model is as it should be.');
  return 0;
}

function runQuint({ main, invariant, steps }) {
  const options = [`--main=${main}`, `--invariant=${invariant}`, `--max-steps=${steps}`];
  return runInForeground(
    join(folder, '.bin/quint'),
    [
      'run',
      MODEL,
      ...options,
      `--max-samples=${values.samples}`,
      '--backend=typescript',
      '--verbosity=1',
    ],
    { cwd: ROOT },
  );
}

function explainInstall() {
  console.log(`Quint is not installed in ${folder}, so the model was not checked. To install it elsewhere:

  mkdir quint-tool && cd quint-tool
  echo '{"private":true,"overrides":{"antlr4ts":"0.5.0-alpha.4"}}' > package.json
  npm install @informalsystems/quint@${VERSION}
  cd .. && node scripts/model/quint.mjs --prefix quint-tool`);
  return 1;
}
