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
    const child = spawn(process.execPath, ['cli/dist/main.js', ...args], { cwd: root });
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

it('the story runs from funding to settlement and ends by itself', async () => {
  const home = mkdtempSync(join(tmpdir(), 'aitbc-story-'));
  try {
    const args = ['up', '--once', '--ports', 'free', '--engine', 'embedded', '--home', home];
    const told = await run(args);
    expect(told.stderr).toBe('');
    expect(told.code).toBe(0);
    for (const line of [
      /payment verified in \d+ µs/,
      /tile without a gap/,
      /claim final in block \d+/,
      /accounted for/,
    ]) {
      expect(told.stdout).toMatch(line);
    }
    expect(told.stdout, 'no escape codes without a terminal').not.toContain('\u001b');

    const again = await run([...args, '--json']);
    expect(again.code).toBe(0);
    const result = JSON.parse(again.stdout);
    expect(result).toMatchObject({ receiptVerified: true, outputTokens: 64 });
    expect(BigInt(result.charged)).toBeGreaterThan(0n);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});
