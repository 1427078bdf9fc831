import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { boardFiles } from './boards.mjs';

const folder = new URL('../../deploy/monitoring/', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, folder), 'utf8');
const alerts = read('alerts.yml');
const names = [...alerts.matchAll(/- alert: (\w+)/g)].map(([, name]) => name ?? '');

/** Metrics that a text asks for. */
function metricsIn(text: string): string[] {
  const found = text.match(/\b(?:aitbc|process|http)_[a-z_]+/g) ?? [];
  return found.map((name) => name.replace(/_(bucket|count|sum)$/, ''));
}

describe('monitoring', () => {
  it('asks for metrics that daemons of ours have', () => {
    const sources = execFileSync(
      'git',
      ['grep', '-ohE', "'(aitbc|process|http)_[a-z_]+'", '--', 'apps', 'packages', ':!*/store/*'],
      {
        cwd: new URL('../../', import.meta.url),
        encoding: 'utf8',
      },
    );
    const known = new Set(sources.split('\n').map((line) => line.replaceAll("'", '')));
    for (const text of [alerts, ...Object.values(boardFiles() as Record<string, string>)]) {
      for (const metric of metricsIn(text)) expect(known, metric).toContain(metric);
    }
  });

  it('has the boards of the table', () => {
    const files = boardFiles() as Record<string, string>;
    expect(readdirSync(new URL('grafana/boards/', folder)).sort()).toEqual(
      Object.keys(files).sort(),
    );
    for (const [name, text] of Object.entries(files)) {
      expect(read(`grafana/boards/${name}`), name).toBe(text);
    }
  });

  it('has a test and a page in the runbook for each alert', () => {
    const tests = read('alerts.test.yml');
    const runbook = read('../../docs/runbook.md');
    for (const name of names) {
      expect(tests.match(new RegExp(`alertname: ${name}\\b`, 'g')), name).toHaveLength(2);
      expect(runbook).toContain(`## ${name}\n`);
    }
    expect(names.length).toBeGreaterThan(8);
  });

  it('fires on each fault and is silent on a healthy network', (context) => {
    const canJudge =
      process.env.CI === 'true' || spawnSync('promtool', ['--version']).error === undefined;
    context.skip(!canJudge, 'promtool is missing: apt-get install prometheus');
    const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', 'alerts.test.yml'], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect({ status, said: stdout + stderr }).toMatchObject({ status: 0 });
  });
});
