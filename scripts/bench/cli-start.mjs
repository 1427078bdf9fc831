/**
 * What does `aitbc` cost before it does anything? CPU (user and system) and time of whole processes, against a Node that
 * runs an empty program: the version, help at three levels, a completion, and a command that only reads a file.
 *
 *   npm run build && node scripts/bench/cli-start.mjs [runs of each, default 20]
 *
 * The rows take turns, so that a busy moment of the machine hits all of them; medians are shown. CPU is what the kernel
 * counts for the child alone: others change it much less than the time on the clock.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const runs = Number(process.argv[2] ?? 20);
const program = fileURLToPath(new URL('../../cli/bin/aitbc.mjs', import.meta.url));
const home = mkdtempSync(join(tmpdir(), 'aitbc-start-'));
const times = join(home, 'times');
const rows = {
  'bare node': ['-e', ''],
  'aitbc --version': [program, '--version'],
  'aitbc __complete -- wal': [program, '__complete', '--', 'wal'],
  'aitbc config path': [program, 'config', 'path'],
  'aitbc --help': [program, '--help'],
  'aitbc wallet --help': [program, 'wallet', '--help'],
  'aitbc wallet send --help': [program, 'wallet', 'send', '--help'],
};
const found = Object.fromEntries(Object.keys(rows).map((name) => [name, []]));

try {
  for (let run = 0; run < runs; run += 1) {
    for (const [name, args] of Object.entries(rows)) found[name].push(measure(args));
  }
} finally {
  rmSync(home, { recursive: true, force: true });
}
const bare = medianOf(found['bare node'], 'cpuMs');
console.table(
  Object.entries(found).map(([name, all]) => ({
    what: name,
    'CPU ms': medianOf(all, 'cpuMs'),
    'above bare node': medianOf(all, 'cpuMs') - bare,
    'on the clock ms': medianOf(all, 'clockMs'),
  })),
);
process.exitCode = medianOf(found['aitbc --version'], 'cpuMs') - bare <= 30 ? 0 : 1;

/** One process; bash writes what the kernel counted for it. */
function measure(args) {
  const script = `TIMEFORMAT='%U %S %R'; { time "$0" "$@" > /dev/null 2>&1; } 2> "$TIMES"`;
  const env = { HOME: home, PATH: process.env.PATH, TIMES: times };
  const { status } = spawnSync('bash', ['-c', script, process.execPath, ...args], { env });
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}`);
  const [user, system, clock] = readFileSync(times, 'utf8').trim().split(' ').map(Number);
  return { cpuMs: Math.round((user + system) * 1000), clockMs: Math.round(clock * 1000) };
}

function medianOf(all, key) {
  const sorted = all.map((one) => one[key]).sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)];
}
