/**
 * What each daemon holds at rest: `node scripts/bench/daemons/memory.mjs [--rest 30] [--out FILE]`
 *
 * A whole devnet (one validator, one provider with the built-in engine, wallet, coordinator, gateway) that nobody has asked
 * for anything, half a minute after it is up (after some ten seconds V8 gives back what the start has filled): resident
 * memory as the kernel counts it, without the engine's own process. Beside them what other people's servers of this kind
 * hold at rest.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bringUp } from '@aitbc/cli/devnet';
import { nginxVersion, startNginx } from '../hops/nginx.mjs';
import { portkeyVersion, startPortkey } from '../hops/portkey.mjs';
import { machineText, residentMb } from '../lib/machine.mjs';
import { after, withCleanup } from '../lib/processes.mjs';
import { numberText, tableText } from '../lib/statistics.mjs';
import { writeJson } from '../lib/write-json.mjs';

const { values } = parseArgs({
  options: { rest: { type: 'string', default: '30' }, out: { type: 'string', default: '' } },
});
await withCleanup(async (undo) => {
  const folder = mkdtempSync(join(tmpdir(), 'aitbc-memory-'));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  const { signal } = new AbortController();
  const about = { engine: 'embedded', validators: 1, providers: 1 };
  const home = join(folder, 'devnet');
  const devnet = await bringUp({ home, freePorts: true, ...about, signal, tell() {} });
  undo.push(() => devnet.stop());
  const peers = await startPeers({ folder, undo });
  await after(Number(values.rest) * 1_000);
  const ours = devnet.names.map((name) => ({ name, mb: residentMb(devnet.daemon(name).pid) }));
  const others = peers.map(({ name, version, pids }) => ({
    ...{ name, version },
    mb: Object.values(pids).reduce((sum, pid) => sum + residentMb(pid), 0),
  }));
  const rows = [...ours, ...others].map(({ name, mb }) => [name, numberText(mb)]);
  console.log(tableText([['at rest', 'resident MB'], ...rows]));
  writeJson(values.out, { machine: machineText(), ours, others });
});

async function startPeers({ folder, undo }) {
  const portkey = await startPortkey({ folder, undo });
  const peers = [{ name: 'Portkey', version: portkeyVersion(), ...portkey }];
  const version = nginxVersion();
  if (version === undefined) return peers;
  const nginx = await startNginx({ folder, engineUrls: ['http://127.0.0.1:9'], undo });
  return [...peers, { name: 'nginx', version, ...nginx }];
}
