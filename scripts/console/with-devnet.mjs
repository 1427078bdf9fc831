/** A devnet for a script: the one that is named, or one of its own that ends with the script. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Calls `work` with the addresses of coordinator and gateway.
 * @param {{ coordinator?: string, gateway?: string }} named
 * @param {(urls: { coordinator: string, gateway: string }) => Promise<void>} work
 */
export async function withDevnet({ coordinator, gateway }, work) {
  if (coordinator && gateway) {
    await work({ coordinator, gateway });
    return;
  }
  const { bringUp } = await import('@aitbc/cli/devnet');
  const home = mkdtempSync(join(tmpdir(), 'aitbc-console-'));
  const ending = new AbortController();
  process.once('SIGINT', () => ending.abort());
  const devnet = await bringUp({
    ...{ home, freePorts: true, engine: 'embedded', validators: 4, providers: 2 },
    ...{ signal: ending.signal, tell: () => {} },
  });
  try {
    await work({
      coordinator: devnet.daemon('coordinator').url,
      gateway: devnet.daemon('gateway').url,
    });
  } finally {
    await devnet.stop();
    rmSync(home, { recursive: true, force: true });
  }
}
