import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const script = new URL('../../deploy/aitbc-release', import.meta.url).pathname;
const work = mkdtempSync(join(tmpdir(), 'aitbc-release-'));
const root = join(work, 'root');

afterAll(() => rmSync(work, { recursive: true, force: true }));

function release(...words: string[]) {
  const env = { ...process.env, AITBC_ROOT: root };
  const { status, stdout, stderr } = spawnSync('sh', [script, ...words], { encoding: 'utf8', env });
  return { status, said: (stdout + stderr).trim() };
}

/** A release with nothing in it but what the script looks at. */
function tarball(version: string): string {
  const stage = join(work, `aitbc-${version}`);
  for (const folder of ['cli/dist', 'cli/bin', 'deploy/systemd']) {
    mkdirSync(join(stage, folder), { recursive: true });
  }
  writeFileSync(join(stage, 'VERSION'), `${version}\n`);
  writeFileSync(join(stage, 'cli/dist/main.js'), '');
  writeFileSync(join(stage, 'deploy/systemd/aitbc-node.service'), '[Unit]\n');
  const file = join(work, `aitbc-${version}.tar.gz`);
  spawnSync('tar', ['-czf', file, `aitbc-${version}`], { cwd: work });
  return file;
}

const current = () => readlinkSync(join(root, 'opt/aitbc/current'));

describe('aitbc-release', () => {
  it('installs, upgrades, goes back and forth, prunes and leaves nothing but settings', () => {
    expect(release('install', tarball('1.0.0'))).toMatchObject({ status: 0 });
    expect(current()).toBe('releases/1.0.0');
    expect(readlinkSync(join(root, 'usr/bin/aitbc'))).toBe('/opt/aitbc/current/cli/bin/aitbc.mjs');
    expect(release('install', tarball('1.1.0')).said).toContain('before it was 1.0.0');
    expect(current()).toBe('releases/1.1.0');
    expect(release('rollback').status).toBe(0);
    expect(current()).toBe('releases/1.0.0');
    expect(release('rollback').status).toBe(0);
    expect(release('list').said).toBe('1.0.0\n* 1.1.0');
    expect(release('prune', '1').said).toBe('deleted 1.0.0');
    writeFileSync(join(root, 'etc/aitbc/node.toml'), '# mine');
    expect(release('uninstall').status).toBe(0);
    for (const gone of ['opt/aitbc', 'usr/bin/aitbc', 'lib/systemd/system/aitbc-node.service']) {
      expect(existsSync(join(root, gone)), gone).toBe(false);
    }
    expect(existsSync(join(root, 'etc/aitbc/node.toml'))).toBe(true);
    expect(release('uninstall', '--purge').status).toBe(0);
    expect(existsSync(join(root, 'etc/aitbc'))).toBe(false);
  });

  it('refuses what is no release, is there already or is not, and changes nothing', () => {
    const file = tarball('2.0.0');
    expect(release('install', file).status).toBe(0);
    expect(release('install', file)).toMatchObject({ status: 6 });
    expect(release('install', join(work, 'none.tar.gz'))).toMatchObject({ status: 4 });
    const empty = join(work, 'empty.tar.gz');
    spawnSync('tar', ['-czf', empty, 'aitbc-2.0.0/cli'], { cwd: work });
    expect(release('install', empty).said).toContain('is no release of AITBC');
    expect(release('use', '9.9.9').said).toContain('Fix: aitbc-release list');
    expect(release('rollback')).toMatchObject({ status: 4 });
    expect(current()).toBe('releases/2.0.0');
  });
});
