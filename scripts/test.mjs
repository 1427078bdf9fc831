/**
 * `npm test`: prepares everything and runs all tests. Arguments go on to Vitest, for example
 * `npm test -- packages/chain`.
 *
 * The last line is always `N passed, N failed, N skipped`: the reporter hands its counts over in a
 * file and this script prints them after Vitest has ended, so nothing can come behind. A run that
 * died before it could count is one failure. Temporary files of all tests lie in one folder, which
 * goes with the run.
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { COUNT_FILE_VARIABLE, summaryText } from './count-reporter.mjs';
import { runInForeground, tool } from './run-command.mjs';
import { setupOrExplain } from './setup.mjs';

const DIED = { passed: 0, failed: 1, skipped: 0, skips: [] };

process.exitCode = await test(process.argv.slice(2));

async function test(args) {
  if (!(await setupOrExplain())) {
    return finish(1, { ...DIED, reason: 'The set-up failed; no test was run.' });
  }
  const folder = mkdtempSync(join(tmpdir(), 'aitbc-test-'));
  chmodSync(folder, 0o711); // a PostgreSQL that root starts runs as another user
  try {
    const file = join(folder, 'counts.json');
    const env = { ...process.env, [COUNT_FILE_VARIABLE]: file, TMPDIR: folder };
    const code = await runInForeground(tool('vitest'), ['run', ...args], { env });
    return finish(code, readCounts(file, code));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function finish(code, counts) {
  if (counts.reason) console.log(`\n${counts.reason}`);
  const ran = counts.passed + counts.failed;
  if (ran === 0) console.log('\nNo test ran. Fix: look at the file names or filters given.');
  console.log(summaryText(counts));
  return code === 0 && (ran === 0 || counts.failed > 0) ? 1 : code;
}

function readCounts(file, code) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return { ...DIED, reason: `Vitest ended with code ${code} before it could count.` };
  }
}
