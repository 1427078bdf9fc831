/** Installs the paid peers when somebody first asks for them: the exact versions of package-lock.json, no scripts. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The first time takes about 20 s. */
export function installPaidPeers() {
  const cwd = fileURLToPath(new URL('peers', import.meta.url));
  if (existsSync(join(cwd, 'node_modules', '@x402', 'express'))) return;
  console.log('installing the peers into scripts/bench/gateway/peers …');
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--legacy-peer-deps'];
  execFileSync('npm', ['ci', ...flags], { cwd, stdio: 'inherit', timeout: 600_000 });
}
