/** One round of `scripts/deploy/rolling.mjs`: every daemon that has a twin is restarted while paid jobs run. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { hasPostgresServer } from '@aitbc/service/testing';
import { expect, it } from 'vitest';

const script = fileURLToPath(new URL('../scripts/deploy/rolling.mjs', import.meta.url));
const stopMaxMs = 10_000;

it.runIf(hasPostgresServer())(
  'no paid job fails while four validators and two coordinators are restarted one by one',
  { timeout: 180_000 },
  async () => {
    const child = spawn(process.execPath, [script, '--seconds', '0', '--json']);
    let said = '';
    let complaint = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint += text;
    });
    const [code] = await once(child, 'close');
    expect(code, complaint).toBe(0);
    const { streams, jobs, failed, longestGapMs, restarts, coordinatorChanges } = JSON.parse(said);
    console.info(`${streams} streams and ${jobs} jobs; longest gap of a stream ${longestGapMs} ms`);
    expect(failed, complaint).toBe(0);
    expect(restarts.map(({ name }: { name: string }) => name)).toEqual(
      ['node', 'node-2', 'node-3', 'node-4', 'coordinator', 'coordinator-2'], // as operators do it
    );
    for (const { name, stopMs } of restarts) expect(stopMs, name).toBeLessThan(stopMaxMs);
    expect(coordinatorChanges, 'the second coordinator took over').toBeGreaterThan(0);
    expect(Math.min(streams, jobs), 'there was load').toBeGreaterThan(5);
  },
);
