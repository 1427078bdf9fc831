/**
 * How long from `npm start` to the first paid token: `node scripts/bench/daemons/start.mjs [--rounds 2] [--fresh]
 * [--out FILE]`
 *
 * Installed: this checkout as it stands, a new home folder, free ports; four validators and two providers come up and the story
 * buys. Fresh: a clone of the last commit, so packages are installed and all is compiled first; packages come from
 * npm's cache or its registry, whichever this machine has. The moment counts at which the story tells that the provider
 * has verified the payment: it tells that with the first piece of the answer. The story must end well.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { machineText } from '../lib/machine.mjs';
import { spreadOf, spreadText } from '../lib/statistics.mjs';
import { writeJson } from '../lib/write-json.mjs';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const paidMark = 'payment verified in';
const timeoutMs = 400_000;
const keptChars = 4_000;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '2' },
    fresh: { type: 'boolean', default: false },
    out: { type: 'string', default: '' },
  },
});
const installed = [];
for (let round = 0; round < Number(values.rounds); round += 1) {
  installed.push(await startOnce({ cwd: root }));
  console.log(`installed: ${installed.at(-1).toFixed(1)} s to the first paid token`);
}
const fresh = values.fresh ? [await startFresh()] : [];
console.log(
  `installed ${spreadText(spreadOf(installed))} s, fresh ${spreadText(spreadOf(fresh))} s`,
);
writeJson(values.out, { machine: machineText(), installed, fresh });

async function startFresh() {
  const folder = mkdtempSync(join(tmpdir(), 'aitbc-clone-'));
  try {
    const clone = join(folder, 'aitbc');
    execFileSync('git', ['clone', '--quiet', '--no-hardlinks', root, clone]);
    return await startOnce({ cwd: clone });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Seconds from the start of npm to the first paid token. */
async function startOnce({ cwd }) {
  const home = mkdtempSync(join(tmpdir(), 'aitbc-start-'));
  const args = ['start', '--silent', '--', '--once', '--ports', 'free', '--home', home];
  const begunMs = performance.now();
  const child = spawn('npm', args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], timeout: timeoutMs });
  let paidMs;
  let text = '';
  const hear = (chunk) => {
    text = (text + chunk).slice(-keptChars);
    if (paidMs === undefined && text.includes(paidMark)) paidMs = performance.now();
  };
  child.stdout.setEncoding('utf8').on('data', hear);
  child.stderr.setEncoding('utf8').on('data', hear);
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  rmSync(home, { recursive: true, force: true });
  if (code !== 0 || paidMs === undefined) throw new Error(`npm start ended with ${code}:\n${text}`);
  return (paidMs - begunMs) / 1_000;
}
