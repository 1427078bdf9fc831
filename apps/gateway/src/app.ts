/** The gateway, put together. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, systemClock } from '@aitbc/primitives';
import { AppError, amountOf } from '@aitbc/protocol';
import {
  type Buyer,
  type CoordinatorClient,
  createCoordinatorClient,
  createNodeClient,
  createWalletClient,
  type NodeClient,
  type TxSender,
} from '@aitbc/sdk';
import { createHttp, type Daemon, type Http, type Log } from '@aitbc/service';
import { type Access, createAccess } from './access/access.ts';
import { type AccessStore, openAccessStore } from './access/access-store.ts';
import { sharedWith } from './access/console-origins.ts';
import { openOwnerToken } from './access/owner-token.ts';
import { type AuditShares, createAuditShares } from './audits/share-audits.ts';
import { createHostCheck } from './check-host.ts';
import { createCommitments } from './commitments.ts';
import type { GatewayConfig } from './config.ts';
import { type BuyerLink, createBuyerLink } from './connect-buyer.ts';
import { mountDiscovery } from './front/discovery.ts';
import { createListings } from './front/listings.ts';
import { createPurchases } from './front/purchases.ts';
import { createSecondListener } from './front/second-listener.ts';
import { mountDialects } from './front/serve-dialects.ts';
import { openHotKey } from './hot-key.ts';
import { mountMcp } from './mcp/mount-mcp.ts';
import { createAccountView } from './owner/account-view.ts';
import { createJobLog } from './owner/job-log.ts';
import { mountRoutes } from './routes.ts';
import { type GatewayStore, openStore } from './store.ts';
import { createSubmitJob } from './submit-job.ts';
import { gatewayVersion } from './version.ts';

/** Parts that tests replace. */
export interface GatewayDeps {
  readonly log: Log;
  readonly clock?: Clock | undefined;
  readonly node?: NodeClient | undefined;
  readonly coordinator?: GatewayCoordinator | undefined;
  /** Sends the funding transactions in place of the wallet daemon. */
  readonly sender?: TxSender | undefined;
  /** Buys in place of a buyer over the chain. */
  readonly buyer?: Buyer | undefined;
  readonly openStore?: typeof openStore | undefined;
}

/** The calls of a coordinator that a gateway makes. */
export type GatewayCoordinator = Pick<
  CoordinatorClient,
  'route' | 'report' | 'models' | 'submitJob' | 'getJob'
> &
  Partial<Pick<CoordinatorClient, 'giveAuditRecord'>>;

const loopbackHosts = ['127.0.0.1', '::1', 'localhost'];

/** A gateway that is not listening yet. */
export async function createGateway(config: GatewayConfig, deps: GatewayDeps): Promise<Daemon> {
  const { log } = deps;
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  const open = deps.openStore ?? openStore;
  const accessStore = await openAccessStore(join(config.dataDir, 'access.db'));
  // A request counts against its key's limits from before its first voucher.
  const store = await open(join(config.dataDir, 'gateway.db'), accessStore.flushKeyed);
  const node = deps.node ?? createNodeClient({ url: config.nodeUrl });
  const coordinator =
    deps.coordinator ?? createCoordinatorClient({ baseUrl: config.coordinatorUrl });
  const shares = sharesOf(config, deps, { store, node, coordinator });
  const link = linkOf(config, deps, { store, node, coordinator: heardBy(coordinator, shares) });
  const ownNames = [config.host, ...config.allowedHosts];
  const origins = { ownNames, shared: sharedWith(config.consoleOrigins) };
  const http = createHttp({ name: 'gateway', log, ready: link.isReady, origins });
  await mountAll(http, config, { ...deps, store, accessStore, node, coordinator, link, shares });
  const second = createSecondListener(http.app);
  let url: string | undefined;
  let stopping: Promise<void> | undefined;
  const end = async (): Promise<void> => {
    await Promise.all([http.close(), second.stop()]);
    await shares?.stop();
    await link.stop();
    await store.close();
    await accessStore.close();
  };
  const stop = (): Promise<void> => {
    stopping ??= end();
    return stopping;
  };
  return {
    async start() {
      const { host, port, ollamaPort } = config;
      if (!loopbackHosts.includes(host)) {
        log.warn({ host }, 'the gateway spends for whoever reaches it beyond loopback');
      }
      link.start();
      url = await http.listen({ host, port });
      if (ollamaPort === undefined) return;
      try {
        log.info({ url: await second.start({ host, port: ollamaPort }) }, 'second listener');
      } catch (error) {
        await stop();
        throw error;
      }
    },
    stop,
    get url() {
      return url;
    },
  };
}

interface Base {
  readonly store: GatewayStore;
  readonly node: NodeClient;
  readonly coordinator: GatewayCoordinator;
}

function linkOf(config: GatewayConfig, deps: GatewayDeps, base: Base): BuyerLink {
  const { log, clock, sender, buyer } = deps;
  if (buyer) {
    const stop = async () => base.node.close();
    return { start() {}, stop, get: () => buyer, isReady: () => true };
  }
  const hotKey = openHotKey(join(config.dataDir, 'hot.key'));
  const wallet = createWalletClient({ baseUrl: config.walletUrl, token: config.walletToken });
  return createBuyerLink(config, { ...base, wallet, hotKey, log, clock, sender });
}

/** Shares of audits, where the owner wants them. */
function sharesOf(
  { shareAudits }: GatewayConfig,
  { log, clock = systemClock }: GatewayDeps,
  { store, node, coordinator }: Base,
): AuditShares | undefined {
  const { giveAuditRecord } = coordinator;
  if (!shareAudits || !giveAuditRecord) return undefined;
  return createAuditShares({ node, coordinator: { giveAuditRecord }, store, clock, log });
}

/** The coordinator, whose answers to reports say when a job is drawn. */
function heardBy(
  coordinator: GatewayCoordinator,
  shares: AuditShares | undefined,
): GatewayCoordinator {
  if (!shares) return coordinator;
  return {
    ...coordinator,
    async report(input, options) {
      const answer = await coordinator.report(input, options);
      shares.reported(input.receipt.payload.jobId, answer.audit);
      return answer;
    },
  };
}

interface Parts extends GatewayDeps, Base {
  readonly coordinator: GatewayCoordinator;
  readonly node: NodeClient;
  readonly accessStore: AccessStore;
  readonly link: BuyerLink;
  readonly shares: AuditShares | undefined;
}

async function mountAll(http: Http, config: GatewayConfig, parts: Parts): Promise<void> {
  const { app } = http;
  const { log, clock = systemClock, store, accessStore, node, coordinator, link, shares } = parts;
  const checkHost = createHostCheck(config.host, config.allowedHosts);
  app.addHook('onRequest', async ({ headers }) => checkHost(headers.host));
  const buyer = link.get;
  const access: Access = createAccess({
    store: accessStore,
    ownerToken: openOwnerToken(join(config.dataDir, 'admin.token')),
    clock,
    commitmentOf: createCommitments(store, link),
  });
  const purchases = createPurchases({ buyer, access, clock, log, shares });
  const listings = createListings(coordinator);
  const jobs = createJobLog(store, accessStore);
  const { jobMax, dayMax } = { jobMax: nait(config, 'jobMax'), dayMax: nait(config, 'dayMax') };
  const account = createAccountView({ buyer, coordinator, node, access, jobMax, dayMax });
  const submitJob = createSubmitJob(buyer, access);
  mountDialects(http, { purchases, access, checkHost, clock, log });
  const routeDeps = { buyer, access, listings, account, jobs, submitJob, store, log };
  await mountRoutes(app, { ...routeDeps, dayMax: config.dayMax });
  mountMcp(app, { purchases, access, listings, account, jobs, version: gatewayVersion, log });
  mountDiscovery(app, gatewayVersion);
}

function nait(config: GatewayConfig, name: 'jobMax' | 'dayMax'): bigint {
  try {
    return amountOf(config[name]);
  } catch (error) {
    const reason = `${name} must be a whole number of nait`;
    throw new AppError('CONFIG_INVALID', { reason }, { cause: error });
  }
}
