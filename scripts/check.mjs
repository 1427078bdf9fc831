/**
 * `npm run check`: everything that can be judged without running the product. Independent steps run
 * side by side; the output of a step is shown only when it fails.
 */
import { secondsSince } from './progress.mjs';
import { lastLines, runQuietly, tool } from './run-command.mjs';
import { setupOrExplain } from './setup.mjs';

/** Lines shown of a failed step: whole reports of a bad day, but not a flood. */
const SHOWN_LINES = 200;

const STEPS = [
  {
    name: 'rings',
    command: process.execPath,
    args: ['scripts/check-rings.mjs'],
    fix: 'each line above names its own fix; the rules are in CONTRIBUTING.md',
  },
  {
    name: 'lint and format',
    command: tool('biome'),
    args: ['check', '--error-on-warnings', '--max-diagnostics=50', '.'],
    fix: '`npm run fix` repairs format and the safe part of the lint',
  },
  { name: 'types', command: tool('tsc'), args: ['-b'], fix: 'repair the lines above' },
  {
    name: 'types of tests',
    command: tool('tsc'),
    args: ['-p', 'tsconfig.test.json'],
    fix: 'repair the lines above',
  },
];

process.exitCode = await check();

async function check() {
  if (!(await setupOrExplain({ build: false }))) return 1;
  const startedMs = performance.now();
  const failed = (await Promise.all(STEPS.map(runStep))).filter((name) => name !== undefined);
  const time = secondsSince(startedMs);
  if (failed.length === 0) console.log(`check passed: ${STEPS.length} steps, ${time}`);
  else console.log(`check failed: ${failed.join(', ')} (${time})`);
  return failed.length === 0 ? 0 : 1;
}

/** Runs a step, prints its line, answers its name when it failed. */
async function runStep({ name, command, args, fix }) {
  const startedMs = performance.now();
  const { code, output } = await runQuietly(command, args);
  if (code === 0) {
    console.log(`ok     ${name}  ${secondsSince(startedMs)}`);
    return undefined;
  }
  console.log(
    `${lastLines(output, SHOWN_LINES)}\nfailed ${name}  ${secondsSince(startedMs)}  fix: ${fix}`,
  );
  return name;
}
