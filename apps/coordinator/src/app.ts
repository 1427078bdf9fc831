/** The coordinator: where its parts are made and joined. */
import { join } from 'node:path';
import type { Bus } from '@aitbc/bus';
import { webhookKeyText } from '@aitbc/market';
import { type Clock, type KeyPair, randomBytes, systemClock } from '@aitbc/primitives';
import {
  AppError,
  coordinatorEndpoints,
  facilitatorEndpoints,
  limits,
  type Network,
  providerSocketPath,
} from '@aitbc/protocol';
import {
  createHttp,
  type Http,
  type Log,
  mountDocs,
  mountEndpoints,
  mountSocket,
  openApiOf,
} from '@aitbc/service';
import { type AuditParts, createAuditParts } from './audits/audit-parts.ts';
import { mountCanaries } from './audits/canaries/mount-canaries.ts';
import { type ChainLink, createChainLink } from './chain/chain-link.ts';
import { type ChainReader, createChainReader } from './chain/chain-reader.ts';
import { type BlockFollower, createBlockFollower } from './chain/follow-blocks.ts';
import { type CoordinatorConfig, configTable, databaseUrlOf } from './config.ts';
import { type ConsoleParts, createConsoleParts } from './console/console-parts.ts';
import { createEventLog, type EventLog } from './events/event-log.ts';
import { takeAnswer } from './jobs/answer-frames.ts';
import { createJobParts, type JobParts, readWebhookKey } from './jobs/job-parts.ts';
import type { LineStore } from './market/decisions/decision-log.ts';
import { openLineStore } from './market/decisions/line-store.ts';
import { createMarketParts } from './market/market-parts.ts';
import { createReportDesk } from './market/take-report.ts';
import { createMessageParts, type MessageParts } from './messages/message-parts.ts';
import { createPriceParts, type PriceParts } from './prices/price-parts.ts';
import { type Connections, createConnections } from './providers/connection.ts';
import { createHttpLogins } from './providers/http-logins.ts';
import { createSessions, type Sessions } from './providers/sessions.ts';
import { limitPosts } from './rate-limit.ts';
import { mountRelay } from './relay/mount-relay.ts';
import { createRelayDesk, type RelayDesk } from './relay/relay-desk.ts';
import { createFacilitatorHandlers, createHandlers, type RouteDeps } from './routes.ts';
import { openStore, type Store } from './store/store.ts';
import {
  createSurveillanceParts,
  type SurveillanceParts,
} from './surveillance/surveillance-parts.ts';
import { type CoordinationParts, createCoordinationParts } from './tasks/coordination-parts.ts';
import { createUpkeep, type Upkeep } from './upkeep.ts';
import { createFacilitatorDesk } from './x402/facilitator-desk.ts';

/** What a coordinator is made with; everything but the log has a default. */
export interface CoordinatorDeps {
  readonly log: Log;
  readonly chain?: ChainReader;
  readonly clock?: Clock;
  /** Fresh bytes for challenges. */
  randomBytes?(sizeBytes: number): Uint8Array;
  /** Opens a bus in place of the one of the settings. */
  openBus?(network: Network): Promise<Bus>;
  /** A number in [0, 1) for the exploration of routes. */
  draw?(): number;
  /** The store or the chain failed for good: the process must end. */
  onFatal(error: unknown): void;
}

/** A coordinator. */
export interface Coordinator {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Base URL after `start`. */
  readonly url: string | undefined;
  /** One round of upkeep now; the timer does the same twice a second. */
  round(): Promise<void>;
  /** Takes over the settings that are live. */
  reload(changed: Pick<CoordinatorConfig, 'postsPerMinute'>): void;
}

interface Parts extends Sides {
  readonly http: Http;
  readonly chain: ChainLink;
  readonly store: Store;
  readonly lines: LineStore;
  readonly upkeep: Upkeep;
  readonly connections: Connections;
  readonly routes: RouteDeps;
  readonly jobs: JobParts;
  readonly audits: AuditParts;
  readonly relay: RelayDesk;
  load(): Promise<void>;
}

/** Parts beside the market: they use the store and the chain, and no part of the market uses them. */
interface Sides {
  readonly follower: BlockFollower;
  readonly coordination: CoordinationParts;
  readonly messages: MessageParts;
  readonly prices: PriceParts;
  readonly console: ConsoleParts;
  readonly surveillance: SurveillanceParts;
}

// A job travels on to its provider inside one WebSocket frame of at most `limits.bodyBytes`.
const bodyLimitBytes = limits.bodyBytes - 1_024;

const relayedCallsMetric = {
  name: 'aitbc_coordinator_relayed_calls',
  help: 'Calls that are on their way to providers behind NAT.',
};

const eventsDroppedMetric = {
  name: 'aitbc_coordinator_events_dropped',
  help: 'Events of the market that were not kept because the database was slow.',
};

/** A coordinator that does not run yet. */
export function createCoordinator(config: CoordinatorConfig, deps: CoordinatorDeps): Coordinator {
  let parts: Parts | undefined;
  let url: string | undefined;
  let { postsPerMinute } = config;
  return {
    get url() {
      return url;
    },
    async start() {
      const store = await openStore({
        url: databaseUrlOf(config),
        clock: deps.clock ?? systemClock,
        randomBytes: deps.randomBytes ?? randomBytes,
        onFailure: deps.onFatal,
        onTrouble: (error) => deps.log.warn({ err: error }, 'a database connection broke'),
      });
      const lines = await openLineStore(join(config.dataDir, 'decisions.sqlite'));
      const webhookKey = await readWebhookKey(store, deps.randomBytes ?? randomBytes);
      parts = createParts(config, deps, { store, lines, webhookKey });
      await parts.chain.start();
      await parts.load();
      await limitPosts(parts.http.app, () => postsPerMinute);
      await mount(config, deps.log, parts);
      url = await parts.http.listen({ host: config.host, port: config.port });
      parts.upkeep.start();
      parts.follower.start();
    },
    async stop() {
      await parts?.upkeep.stop();
      await parts?.follower.stop();
      await parts?.audits.stop();
      await parts?.routes.events.flush();
      parts?.jobs.closeStreams();
      parts?.coordination.closeStreams();
      await parts?.messages.stop();
      await parts?.console.stop();
      await parts?.surveillance.stop();
      await parts?.http.close();
      await parts?.jobs.stop();
      await parts?.chain.stop();
      parts?.routes.decisions.flush();
      await parts?.lines.close();
      await parts?.store.close();
    },
    async round() {
      await parts?.upkeep.round();
    },
    reload(changed) {
      postsPerMinute = changed.postsPerMinute;
    },
  };
}

function createParts(
  config: CoordinatorConfig,
  deps: CoordinatorDeps,
  { store, lines, webhookKey }: { store: Store; lines: LineStore; webhookKey: KeyPair },
): Parts {
  const { log, clock = systemClock, draw = Math.random } = deps;
  const freshBytes = deps.randomBytes ?? randomBytes;
  const reader = deps.chain ?? createChainReader(config.nodeUrl);
  const { bindChain, offers, reports, audits: auditRows } = store;
  const chain = createChainLink({ reader, clock, log, bindChain, onFailure: deps.onFatal });
  const { index, measurements, scores, standings, decisions } = createMarketParts({
    ...{ offers, reports, audits: auditRows, lines },
    epoch: store.owner,
  });
  const jobs = createJobParts({
    ...{ store, chain, index, clock, log, webhookKey },
    allowPrivate: config.webhooksToPrivate,
    sessions: () => sessions,
  });
  const { book, dispatcher } = jobs;
  const events = createEventLog({ rows: store.events, clock, log });
  const sessions: Sessions = createSessions({
    clock,
    index,
    onBegin({ provider, endpoint }) {
      events.add(provider, { kind: 'provider_in', endpoint });
      setImmediate(() => dispatcher.offerWork(provider));
    },
    onEnd(session) {
      const heldMs = clock.nowMs() - session.begunAtMs;
      events.add(session.provider, { kind: 'provider_out', heldMs });
      session.relay?.close();
      dispatcher.takeBack(session);
    },
  });
  const relay = createRelayDesk({ sessions, clock });
  const connections = createConnections({
    ...{ chain, clock, log, sessions, index, offers, events },
    randomBytes: freshBytes,
    onAnswer: (session, frame) => takeAnswer({ chain, book, dispatcher, log }, session, frame),
  });
  const audits = createAuditParts(config, {
    ...{ chain, store, index, measurements, standings, clock, log, events },
    ...{ auditChain: reader.audits, randomBytes: freshBytes, sessions: () => sessions },
  });
  const desk = createReportDesk({
    ...{ chain, sessions, offers, reports, measurements, scores, index, clock, events },
    audits: audits.desk,
  });
  const sides = createSides(config, deps, { store, chain, reader, events, clock });
  const routes: RouteDeps = {
    name: config.name,
    chain,
    market: { index, sessions, measurements, decisions, clock, draw },
    ...{ scores, decisions, desk, audits, events, ...sides },
    logins: createHttpLogins({ chain, clock, randomBytes: freshBytes }),
    jobs: jobs.routes(sessions),
    webhookKey: webhookKeyText(webhookKey.publicKey),
    facilitator: createFacilitatorDesk({ network: chain.network, chain: reader.x402 }),
  };
  return {
    http: createHttp({
      ...{ name: 'coordinator', log, bodyLimitBytes, ready: () => assertReady(chain) },
      origins: { ownNames: [config.host, ...config.allowedHosts] },
    }),
    ...{ chain, store, lines, connections, routes, jobs, relay, audits, ...sides },
    upkeep: createUpkeep({
      ...{ chain, clock, log, sessions, store, jobs, audits, connections },
      ...{ decisions, relay, events, ...sides },
    }),
    async load() {
      await jobs.load();
      await desk.load();
      await standings.load();
      await sides.surveillance.load();
    },
  };
}

interface SideDeps {
  readonly store: Store;
  readonly chain: ChainLink;
  readonly reader: ChainReader;
  readonly events: EventLog;
  readonly clock: Clock;
}

function createSides(
  config: CoordinatorConfig,
  { log, openBus }: CoordinatorDeps,
  { store, chain, reader, events, clock }: SideDeps,
): Sides {
  const { letters, isAlone } = store;
  const { network } = chain;
  const { blocks: source, work: agentChain } = reader;
  const { cursors } = store;
  const follower = createBlockFollower({ source, cursors, log, isUp: chain.isUp });
  return {
    follower,
    prices: createPriceParts({ rows: store.events, clock }),
    coordination: createCoordinationParts({
      ...{ chain, agentChain, follower, store, clock, log },
    }),
    surveillance: createSurveillanceParts(config, { store, chain, follower, clock, log }),
    console: createConsoleParts(config, { events, clock, log }),
    messages: createMessageParts(config, {
      ...{ letters, isAlone, clock, log, openBus, network },
      holding: (address) => reader.holding(address),
    }),
  };
}

function assertReady(chain: ChainLink): boolean {
  if (chain.isUp()) return true;
  const reason = 'it does not answer; asked again every few seconds';
  throw new AppError('UNAVAILABLE', { what: 'the chain node', reason });
}

async function mount(config: CoordinatorConfig, log: Log, parts: Parts): Promise<void> {
  const { app } = parts.http;
  const { summary, version } = configTable;
  const tables = { coordinator: coordinatorEndpoints, x402: facilitatorEndpoints };
  const title = 'AITBC coordinator';
  await mountDocs(app, openApiOf({ title, version, description: summary, tables }));
  await mountSocket(app, providerSocketPath, { log, onOpen: parts.connections.open });
  await mountRelay(app, parts.relay);
  parts.http.metrics.gauge(relayedCallsMetric, () => parts.relay.size);
  parts.http.metrics.gauge(eventsDroppedMetric, () => parts.routes.events.dropped);
  mountEndpoints(app, coordinatorEndpoints, { handlers: createHandlers(parts.routes), log });
  if (config.canaryGateway !== '') await mountCanaries(app, parts.routes, log);
  const handlers = createFacilitatorHandlers(parts.routes);
  mountEndpoints(app, facilitatorEndpoints, { handlers, log });
  await parts.console.mount(app);
}
