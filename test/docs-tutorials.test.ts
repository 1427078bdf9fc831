import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { freePort } from './harness.ts';
import { type RunStep, readTour, type Step } from './tour/read-tour.ts';
import { walkTour } from './tour/walk-tour.ts';

const names = ['gpu-owner', 'agent-developer', 'operator'];
const pages = names.map((name) => ({
  name,
  text: readFileSync(new URL(`../docs/tutorials/${name}.md`, import.meta.url), 'utf8'),
}));
const before = process.cwd();
const dirs: string[] = [];

afterEach(() => {
  process.chdir(before);
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
});

const isCall = (step: Step | undefined, command: string): boolean =>
  step?.kind === 'run' && step.words[0] === command;

/** Steps of all tutorials on one network: it is started by the first one and stopped by the last one. */
function stepsOnOneNetwork(): Step[] {
  return pages.flatMap(({ text }, at) =>
    readTour(text).filter(
      (step) => !(isCall(step, 'up') && at > 0) && !(isCall(step, 'down') && at < pages.length - 1),
    ),
  );
}

it('each tutorial stands on its own: it starts and stops a network, and uses what it has set', () => {
  const starts = pages.map(({ name, text }) => {
    const steps = readTour(text);
    expect([name, isCall(steps.at(-1), 'down')]).toEqual([name, true]);
    const known = new Set<string>();
    for (const step of steps) {
      if (step.kind === 'set') known.add(step.name);
      if (step.kind !== 'run') continue;
      const used = [...step.words.join(' ').matchAll(/\$(\w+)/g)].map(([, word = '']) => word);
      expect([name, step.line, used.filter((word) => !known.has(word))]).toEqual([
        name,
        step.line,
        [],
      ]);
      if (step.takes) known.add(step.takes.name);
    }
    return (steps[0] as RunStep).line;
  });
  expect(new Set(starts).size).toBe(1);
  expect(starts[0]).toMatch(/^aitbc up /);
});

it('the tutorials for GPU owner, agent developer and operator work line by line', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'aitbc-tutorials-'));
  dirs.push(dir);
  process.chdir(dir);
  const values = { PORT: String(await freePort()), MESH: String(await freePort()) };
  const { faults, slowest } = await walkTour(stepsOnOneNetwork(), { json: false, dir, values });
  if (process.env.AITBC_TOUR_TIMES) console.log(slowest.join('\n'));
  expect(faults.join('\n\n')).toBe('');
});
