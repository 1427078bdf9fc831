import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commandPaths } from '@aitbc/cli/run';
import { afterEach, expect, it } from 'vitest';
import { freePort } from './harness.ts';
import { readTour } from './tour/read-tour.ts';
import { walkTour } from './tour/walk-tour.ts';

const page = readFileSync(new URL('../docs/tour.md', import.meta.url), 'utf8');
const before = process.cwd();
const dirs: string[] = [];

afterEach(() => {
  process.chdir(before);
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
});

/** One tour in a home of its own. */
async function take(json: boolean) {
  const dir = mkdtempSync(join(tmpdir(), 'aitbc-tour-'));
  dirs.push(dir);
  process.chdir(dir);
  const values = { PORT: String(await freePort()), MESH: String(await freePort()) };
  const walk = await walkTour(readTour(page), { json, dir, values });
  if (process.env.AITBC_TOUR_TIMES) console.log(walk.slowest.join('\n'));
  return walk;
}

it('a line of the tour that is not understood is an error, and none is passed over', () => {
  expect(() => readTour('```sh\nls | wc\n```\n')).toThrow('is not understood: ls | wc');
  const steps = readTour('```sh\nA=1\naitbc up "$A b" # exit 6\n# Ctrl-C\n```\n');
  expect(steps).toMatchObject([{ kind: 'set' }, { exitCode: 6 }, { kind: 'stop' }]);
  expect(readTour(page).length).toBeGreaterThan(150);
});

it('the tour of docs/tour.md works line by line, and leaves no command out', async () => {
  const { faults, commands } = await take(false);
  expect(faults.join('\n\n')).toBe('');
  const shown = [...commands].map((name) => name.replace(/ --json$/, ''));
  expect(commandPaths().filter((name) => !shown.includes(name))).toEqual([]);
});

it('the same tour with --json prints what the schemas say', async () => {
  const { faults, commands } = await take(true);
  expect(faults.join('\n\n')).toBe('');
  expect(commandPaths().filter((name) => !commands.has(`${name} --json`))).toEqual([]);
});
