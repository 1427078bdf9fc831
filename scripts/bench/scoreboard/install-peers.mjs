/** Installs the peers when somebody first asks for them: the exact versions of package-lock.json, no scripts. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Folder of the peers. */
export const peersFolder = fileURLToPath(new URL('../peers', import.meta.url));

/** Makes sure that the peers are there; the first time takes about 20 s and 330 MB of disk. */
export function installPeers() {
  const wanted = JSON.parse(readFileSync(`${peersFolder}/package.json`, 'utf8')).dependencies;
  const isThere = Object.entries(wanted).every(([name, version]) => installed(name) === version);
  if (isThere) return;
  console.log('installing the peers into scripts/bench/peers …');
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund'];
  execFileSync('npm', ['ci', ...flags], { cwd: peersFolder, stdio: 'inherit', timeout: 600_000 });
}

function installed(name) {
  const path = `${peersFolder}/node_modules/${name}/package.json`;
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).version : undefined;
}
