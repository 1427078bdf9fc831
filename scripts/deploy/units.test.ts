import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { unitFiles } from './units.mjs';

const folder = new URL('../../deploy/systemd/', import.meta.url);
const files = unitFiles() as Record<string, string>;
const services = Object.keys(files).filter((name) => name.endsWith('.service'));
const canJudge =
  process.env.CI === 'true' || spawnSync('systemd-analyze', ['--version']).error === undefined;
const noJudge = 'systemd-analyze is missing: apt-get install systemd';
/** Exposure by systemd's own scale, 0 to 10. */
const exposureMax = 2.5;

describe('the systemd units', () => {
  it('are what the table says', () => {
    expect(readdirSync(folder).sort()).toEqual(Object.keys(files).sort());
    for (const [name, text] of Object.entries(files)) {
      expect(readFileSync(new URL(name, folder), 'utf8'), name).toBe(text);
    }
  });

  it('pass systemd-analyze verify without a word', (context) => {
    context.skip(!canJudge, noJudge);
    const paths = Object.keys(files).map((name) => new URL(name, folder).pathname);
    const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', ...paths], {
      encoding: 'utf8',
    });
    expect({ status, said: stdout + stderr }).toEqual({ status: 0, said: '' });
  });

  it.for(services)('%s is kept in its place: exposure at most 2.5', (name, context) => {
    context.skip(!canJudge, noJudge);
    const path = new URL(name, folder).pathname;
    const said = execFileSync('systemd-analyze', ['security', '--offline=true', path], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const exposure = Number(/exposure level for \S+: ([\d.]+)/.exec(said)?.[1]);
    expect(exposure).toBeGreaterThan(0);
    expect(exposure).toBeLessThanOrEqual(exposureMax);
  });
});
