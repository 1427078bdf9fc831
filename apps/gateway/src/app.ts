/** The gateway, put together. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '@aitbc/primitives';
import {
  type CoordinatorClient,
  createCoordinatorClient,
  createNodeClient,
  createWalletClient,
  type NodeClient,
  type TxSender,
} from '@aitbc/sdk';
import { createHttp, type Daemon, type Log } from '@aitbc/service';
import { createHostCheck } from './check-host.ts';
import type { GatewayConfig } from './config.ts';
import { createBuyerLink } from './connect-buyer.ts';
import { openHotKey } from './hot-key.ts';
import { mountRoutes } from './routes.ts';
import { createServeChat } from './serve-chat.ts';
import { openStore } from './store.ts';
import { createSubmitJob } from './submit-job.ts';

/** Parts that tests replace. */
export interface GatewayDeps {
  readonly log: Log;
  readonly clock?: Clock | undefined;
  readonly node?: NodeClient | undefined;
  readonly coordinator?: GatewayCoordinator | undefined;
  /** Sends the funding transactions in place of the wallet daemon. */
  readonly sender?: TxSender | undefined;
}

/** The calls of a coordinator that a gateway makes. */
export type GatewayCoordinator = Pick<
  CoordinatorClient,
  'route' | 'report' | 'models' | 'submitJob' | 'getJob'
>;

const loopbackHosts = ['127.0.0.1', '::1', 'localhost'];

/** A gateway that is not listening yet. */
export async function createGateway(config: GatewayConfig, deps: GatewayDeps): Promise<Daemon> {
  const { log, clock, sender } = deps;
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  const hotKey = openHotKey(join(config.dataDir, 'hot.key'));
  const store = await openStore(join(config.dataDir, 'gateway.db'));
  const node = deps.node ?? createNodeClient({ url: config.nodeUrl });
  const coordinator =
    deps.coordinator ?? createCoordinatorClient({ baseUrl: config.coordinatorUrl });
  const wallet = createWalletClient({ baseUrl: config.walletUrl, token: config.walletToken });
  const parts = { node, coordinator, wallet, hotKey, store, log, clock, sender };
  const link = createBuyerLink(config, parts);
  const ownNames = [config.host, ...config.allowedHosts];
  const ready = () => link.isReady();
  const http = createHttp({ name: 'gateway', log, ready, origins: { ownNames } });
  const checkHost = createHostCheck(config.host, config.allowedHosts);
  http.app.addHook('onRequest', async ({ headers }) => checkHost(headers.host));
  const serveChat = createServeChat(link.get, clock);
  const { dayMax } = config;
  const submitJob = createSubmitJob(link.get);
  const routeDeps = { buyer: link.get, coordinator, serveChat, submitJob, store, dayMax, log };
  await mountRoutes(http.app, routeDeps);
  let url: string | undefined;
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await http.close();
    await link.stop();
    await store.close();
  };
  return {
    async start() {
      if (!loopbackHosts.includes(config.host)) {
        log.warn(
          { host: config.host },
          'the gateway spends for whoever reaches it beyond loopback',
        );
      }
      link.start();
      url = await http.listen({ host: config.host, port: config.port });
    },
    stop() {
      stopping ??= stop();
      return stopping;
    },
    get url() {
      return url;
    },
  };
}
