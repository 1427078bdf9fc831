/** The wallet daemon, put together. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, systemClock } from '@aitbc/primitives';
import { walletEndpoints } from '@aitbc/protocol';
import { createHttp, type Daemon, type Log, mountDocs, openApiOf } from '@aitbc/service';
import { createHostCheck } from './access/check-host.ts';
import { ensureAdminToken } from './access/tokens.ts';
import { createAccounts } from './accounts.ts';
import { createNodeChain, type WalletChain } from './chain.ts';
import type { WalletConfig } from './config.ts';
import { createPasswordGate } from './keys/password-gate.ts';
import { createUnlockedKeys, systemTimer, type Timer } from './keys/unlocked-keys.ts';
import { mountRoutes } from './routes.ts';
import { openStore } from './store.ts';

/** Parts that tests replace. */
export interface WalletDeps {
  readonly log: Log;
  readonly clock?: Clock;
  readonly timer?: Timer;
  readonly chain?: WalletChain;
}

const loopbackHosts = ['127.0.0.1', '::1', 'localhost'];

/** A wallet that is not listening yet; its data folder and admin token exist when this returns. */
export async function createWallet(config: WalletConfig, deps: WalletDeps): Promise<Daemon> {
  const { log, clock = systemClock, timer = systemTimer } = deps;
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  const store = await openStore(join(config.dataDir, 'wallet.db'));
  try {
    ensureAdminToken(join(config.dataDir, 'admin.token'), store, clock);
  } catch (error) {
    await store.close();
    throw error;
  }
  const chain =
    deps.chain ?? createNodeChain({ url: config.nodeUrl, timeoutMs: config.nodeTimeoutMs });
  const keys = createUnlockedKeys({ clock, timer });
  const kdfCost = { memoryKib: config.kdfMemoryKib, passes: config.kdfPasses };
  const gate = createPasswordGate({ clock });
  const accounts = createAccounts({ clock, gate, keys, store, kdfCost });
  const http = createHttp({ name: 'wallet', log, origins: false });
  addHostCheck(http.app, config);
  mountRoutes(http.app, { accounts, chain, clock, keys, log, store, nodeUrl: config.nodeUrl });
  if (config.docs) await mountDocs(http.app, apiDocument());
  let url: string | undefined;
  return {
    async start() {
      if (!loopbackHosts.includes(config.host)) {
        log.warn({ host: config.host }, 'the wallet listens beyond loopback');
      }
      url = await http.listen({ host: config.host, port: config.port });
    },
    async stop() {
      await http.close();
      keys.lockAll();
      await chain.close();
      await store.close();
    },
    get url() {
      return url;
    },
  };
}

function addHostCheck(
  app: ReturnType<typeof createHttp>['app'],
  { host: bindHost, allowedHosts }: WalletConfig,
): void {
  const check = createHostCheck({ bindHost, allowedHosts });
  app.addHook('onRequest', async ({ headers: { host, origin }, socket }) => {
    check({ host, origin, port: socket.localPort });
  });
}

function apiDocument(): Record<string, unknown> {
  return openApiOf({ title: 'AITBC wallet', version: '1', tables: { wallet: walletEndpoints } });
}
