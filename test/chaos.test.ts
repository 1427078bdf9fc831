/**
 * The chaos network in short: one seed holds, the same command with a planted bug does not, and every bug
 * that can be planted still finds its place. `npm run chaos` is the long form.
 */
import { execFile } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { plants } from '@aitbc/cli/net';
import { outputs } from '@aitbc/cli/output';
import { afterAll, beforeAll, expect, it } from 'vitest';

interface Run {
  readonly exitCode: number | null;
  readonly report: Report;
}

interface Report {
  readonly rows: readonly { name: string; checked: number; broken: string[] }[];
  readonly counts: { readonly jobsCompleted: number };
  readonly isWell: boolean;
  readonly home: string | null;
}

const timeout = 240_000;
const root = new URL('../', import.meta.url);
const program = fileURLToPath(new URL('cli/bin/aitbc.mjs', root));
let whole: Run;
let bugged: Run;

beforeAll(async () => {
  [whole, bugged] = await Promise.all([
    net(['--providers', '10', '--agents', '6', '--for', '20s']),
    net(['--providers', '2', '--agents', '3', '--for', '8s', '--plant', 'claim-adds']),
  ]);
}, timeout);
afterAll(() => {
  if (bugged?.report.home) rmSync(bugged.report.home, { recursive: true, force: true });
});

function net(words: readonly string[]): Promise<Run> {
  const args = [program, 'net', '--chaos', 'seed=7', ...words, '--json'];
  return new Promise((resolve, reject) => {
    const child = execFile(process.execPath, args, (_error, stdout, stderr) => {
      try {
        resolve({ exitCode: child.exitCode, report: JSON.parse(stdout) as Report });
      } catch (error) {
        reject(new Error(`${stdout}\n${stderr}`, { cause: error }));
      }
    });
  });
}

it('holds in every row that occurs, and says so', () => {
  const { exitCode, report } = whole;
  // How many jobs end in a third of twenty seconds is a matter of the machine; all else is not.
  const broken = report.rows.filter((row) => row.broken.length > 0 && row.name !== 'jobs go on');
  expect(broken).toEqual([]);
  expect(exitCode).toBe(report.isWell ? 0 : 1);
  expect(report.rows.filter(({ checked }) => checked > 0).length).toBeGreaterThan(20);
  expect(report.counts.jobsCompleted).toBeGreaterThan(0);
  expect(outputs.net?.safeParse(report).error).toBe(undefined);
});

it('finds a chain whose claims pay twice', () => {
  const { exitCode, report } = bugged;
  const broken = report.rows.filter((row) => row.broken.length > 0).map(({ name }) => name);
  expect(broken).toContain('supply');
  expect([report.isWell, exitCode]).toEqual([false, 1]);
});

it('every bug that can be planted has its text once in the built module', () => {
  expect(plants.length).toBeGreaterThanOrEqual(10);
  for (const { name, module, find } of plants) {
    const [, folder = '', path = ''] = /^\/([a-z]+)\/(.+)$/.exec(module) ?? [];
    const home = ['node', 'provider', 'gateway'].includes(folder) ? 'apps' : 'packages';
    const text = readFileSync(new URL(`${home}/${folder}/${path}`, root), 'utf8');
    expect(text.split(find).length - 1, name).toBe(1);
  }
});
