import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

function run(
  args: readonly string[],
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['cli/bin/aitbc.mjs', ...args], { cwd: root });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (bytes) => {
      stdout += bytes;
    });
    child.stderr.on('data', (bytes) => {
      stderr += bytes;
    });
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

it('an install puts aitbc on the path of npx, also before anything is compiled', async () => {
  const child = spawn(`${root}node_modules/.bin/aitbc`, ['--version'], { cwd: root });
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect(code).toBe(0);
});

it('the story runs from funding to settlement and ends by itself', async () => {
  const home = mkdtempSync(join(tmpdir(), 'aitbc-story-'));
  try {
    const args = ['up', '--once', '--ports', 'free', '--engine', 'embedded', '--home', home];
    const told = await run(args);
    expect(told.stderr).toBe('');
    expect(told.code).toBe(0);
    const lines = [
      /agent +got 1000 AIT, final in block \d+ after/,
      /provider +bond of 100 AIT registered/,
      /1\. \S+: \S+ AIT in, \S+ AIT out per million tokens/,
      /payment verified in \S+ (µs|ms), before the engine ran/,
      /kill -9 \d+: provider(-2)? is gone, in the middle of the answer/,
      /the same stream went on at another provider after \S+ (m?s|µs)/,
      /first token after .*, 128 tokens in all, none lost, none twice/,
      /provider(-2)? is back and has signed for its last tokens/,
      /\d receipts signed by 2 providers/,
      /no gap and no overlap: 0–/,
      /tokens 0 to \d+; [\d,]+ nait for these alone, no prompt/,
      /tokens \d+ to 128; [\d,]+ nait for these and the prompt/,
      /kill -9 \d+: node-4, one of 4 validators, is gone/,
      /2 claims are final in block \d+, \S+ m?s later/,
      /signed by node, node-2, node-3; node-4 was not needed/,
      /node-4 is back after \S+ m?s, with the blocks it missed/,
      /state root \S+ are the same at all 4 nodes/,
      /1,004,000,000 AIT of the genesis are accounted for/,
      /hold, without any server/,
      /with one nait more in it, the same receipt is refused/,
    ];
    const places = lines.map((line) => told.stdout.search(line));
    expect(lines.filter((_, at) => (places[at] ?? -1) < 0)).toEqual([]);
    expect(places).toEqual([...places].sort((left, right) => left - right));
    for (const line of told.stdout.split('\n')) {
      if (!line.includes(home)) expect(line.length).toBeLessThanOrEqual(80);
    }
    expect(told.stdout, 'no escape codes without a terminal').not.toContain('\u001b');

    const again = await run([...args, '--json']);
    expect(again.code).toBe(0);
    const result = JSON.parse(again.stdout);
    expect(result).toMatchObject({ receiptVerified: true, outputTokens: 128 });
    expect(result.failover.tokensBefore).toBeGreaterThan(8);
    expect(result.outage).toMatchObject({ killed: 'node-4', validators: 4, signers: 3 });
    expect(BigInt(result.charged)).toBeGreaterThan(0n);
    const { receiptFile } = result;
    const verified = await run(['receipt', 'verify', receiptFile, '--offline', '--home', home]);
    expect([verified.code, verified.stderr]).toEqual([0, '']);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});
