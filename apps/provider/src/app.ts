/** The provider daemon: parts are made and joined here, started in order, stopped in reverse. */
import { join } from 'node:path';
import { AppError, addressOf, amountOf } from '@aitbc/protocol';
import {
  createLocalSigner,
  createNodeClient,
  createTxSender,
  type OpenSocket,
  type TxSender,
} from '@aitbc/sdk';
import { createHttp, type Log } from '@aitbc/service';
import { loadKey, loadToken } from './account/key-file.ts';
import { registerProvider } from './account/register-provider.ts';
import { openAudits } from './audits/open-audits.ts';
import { createCell } from './cell.ts';
import type { ChainClient } from './chain/chain-client.ts';
import { createChannelMirror } from './chain/channel-mirror.ts';
import { createClaimer } from './chain/claim-vouchers.ts';
import { createMandateMirror } from './chain/mandate-mirror.ts';
import { networkOf } from './chain/network-of.ts';
import { type ChosenEngine, chooseEngine, residentModelsOf, slotsOf } from './choose-engine.ts';
import type { ProviderConfig } from './config.ts';
import { createNoLink } from './coordinator/coordinator-link.ts';
import { makeLink } from './coordinator/make-link.ts';
import { createDrain } from './drain.ts';
import { createEngineWatch } from './engine-watch.ts';
import { mountDiscovery } from './front/discovery.ts';
import { hideMetrics } from './front/hide-metrics.ts';
import { mountPaidRoutes } from './front/sell.ts';
import type { RunTool } from './inventory/run-tool.ts';
import { createChannelBooks } from './jobs/channel-books.ts';
import type { CounterFault } from './jobs/job-meter.ts';
import { createJobQueue, type JobQueue } from './jobs/job-queue.ts';
import { recoverJobs } from './jobs/recover-jobs.ts';
import { createRegisteredKeys } from './jobs/registered-keys.ts';
import { createJobDesk } from './jobs/take-job.ts';
import { createTimeSamples } from './jobs/time-samples.ts';
import { createOfferBook } from './offers/offer-book.ts';
import { offerTemplate } from './offers/offer-template.ts';
import { createOneShotChain } from './oneshot/one-shot-chain.ts';
import { openOneShotStore } from './oneshot/one-shot-store.ts';
import { createOneShots } from './oneshot/one-shots.ts';
import { claimableOf } from './oneshot/own-channel.ts';
import { createOwnerSide, type OwnerSide } from './owner-side.ts';
import { proveAdmission } from './prove-admission.ts';
import { endpointOf } from './relay/relay-endpoint.ts';
import { createRelayMark } from './relay/relay-mark.ts';
import { mountFreeRoutes } from './routes.ts';
import { openProviderStore } from './store.ts';

const miscountMetric = {
  name: 'aitbc_provider_engine_miscounts_total',
  help: 'Answers whose engine counted other tokens than it streamed.',
};
/** How often refunds are looked at besides after each job. */
const refundIntervalMs = 30_000;
/** A payment by one transfer whose job did not start in this time goes back; a 402 says so as its longest time. */
const oneShotStartMs = 300_000;
const receiptsKeptMs = 30 * 24 * 3_600_000;

/** What a provider is given from outside; everything but the log has a real default. */
export interface ProviderDeps {
  readonly log: Log;
  /** Aborts the start. */
  readonly signal?: AbortSignal;
  readonly chain?: ChainClient & { close?(): Promise<void> };
  readonly sender?: TxSender;
  /** A started engine; the provider stops it. */
  readonly engine?: ChosenEngine;
  readonly openSocket?: OpenSocket;
  readonly nowMs?: () => number;
  readonly openStore?: typeof openProviderStore;
  readonly runTool?: RunTool;
}

/** The daemon. `url` and `address` are known after `start`. */
export interface Provider {
  start(): Promise<void>;
  stop(): Promise<void>;
  readonly url: string | undefined;
  readonly address: string | undefined;
}

/** A provider daemon, not started. */
export function createProvider(config: ProviderConfig, deps: ProviderDeps): Provider {
  const closers: Closer[] = [];
  let opened: Opened | undefined;
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  return {
    async start() {
      try {
        opened = await open(config, deps, closers);
      } catch (error) {
        await stop();
        throw error;
      }
    },
    stop,
    get url() {
      return opened?.url;
    },
    get address() {
      return opened?.address;
    },
  };
}

type Closer = () => Promise<void> | void;

interface Opened {
  readonly url: string;
  readonly address: string;
}

type Base = Awaited<ReturnType<typeof connect>>;
type Chosen = ChosenEngine & { readonly owner: OwnerSide };
type Parts = ReturnType<typeof assemble>;

async function open(
  config: ProviderConfig,
  deps: ProviderDeps,
  closers: Closer[],
): Promise<Opened> {
  const ending = new AbortController();
  closers.push(() => ending.abort(new AppError('CANCELLED')));
  const signal = deps.signal ? AbortSignal.any([deps.signal, ending.signal]) : ending.signal;
  const base = await connect(config, deps, { closers, signal });
  proveAdmission(base.network);
  const chosen = deps.engine ?? (await chooseEngine(config, signal));
  closers.push(() => chosen.engine.stop());
  const owner = createOwnerSide(config, { ...base, ...chosen, runTool: deps.runTool });
  await owner.prepare(signal);
  const parts = assemble(config, deps, { ...base, ...chosen, owner });
  const lost = recoverJobs({ ...base, ...parts, record: parts.books.get });
  if (lost > 0) deps.log.warn({ jobs: lost }, 'jobs of the last life were ended');
  base.store.prune(base.nowMs() - receiptsKeptMs);
  const http = createHttp({
    name: 'provider',
    log: deps.log,
    anyContentIsJson: true,
    ready: () => parts.offers.list().length > 0,
  });
  hideMetrics(http.app, parts.mark.callerOf);
  http.metrics.counter(miscountMetric, parts.miscounts.get);
  mountPaidRoutes(http, { ...base, ...parts });
  mountDiscovery(http.app, { ...base, ...parts });
  parts.oneShots.mount(http.app);
  const { audits, close: closeAudits } = await openAudits(config, {
    ...{ ...base, engine: chosen.engine, isRegistered: parts.isRegistered.get },
    digests: () => parts.offers.list().map(({ payload }) => payload.digest),
  });
  closers.push(closeAudits);
  mountFreeRoutes(http, {
    ...base,
    ...parts,
    owner,
    audits,
    queue: parts.queue.gauges,
    probe: parts.watch.probe,
    linkState: () => parts.link.get().state(),
    tellOffers: () => parts.link.get().tellOffers(),
  });
  closers.push(parts.mandates.stop, parts.mirror.stop);
  await parts.mandates.start(signal);
  await parts.mirror.start(signal);
  const url = await http.listen({ host: config.host, port: config.port });
  closers.push(() => http.close(), parts.desk.stop);
  parts.endpoint.set(endpointOf(config, { url, address: base.address }));
  attachOwner(owner, parts);
  closers.push(owner.stop);
  parts.claimer.start();
  closers.push(parts.claimer.stop);
  parts.oneShots.start();
  closers.push(parts.oneShots.stop);
  parts.watch.start();
  closers.push(parts.watch.stop, parts.drain.stop);
  audits.start();
  const { openSocket } = deps;
  parts.link.set(makeLink(config, { ...base, ...parts, openSocket, frontUrl: url }));
  closers.push(() => parts.link.get().stop());
  // A coordinator lets in who is registered; to knock earlier would only be refused.
  if (config.register) register(config, { ...base, ...parts, log: deps.log, signal });
  else parts.link.get().start();
  return { url, address: base.address };
}

interface Opening {
  readonly closers: Closer[];
  readonly signal: AbortSignal;
}

/** Keys, chain and database: what everything else stands on. */
async function connect(config: ProviderConfig, deps: ProviderDeps, { closers, signal }: Opening) {
  const { log, nowMs = Date.now, openStore = openProviderStore } = deps;
  const account = loadKey(join(config.dataDir, 'account.key'));
  const signer = loadKey(join(config.dataDir, 'authorizer.key'));
  const adminToken = loadToken(join(config.dataDir, 'admin.token'));
  const provider = account.publicKey;
  const address = addressOf(provider);
  const { chain, sender } = await connectChain(config, deps, { closers, signal, account });
  const { network, params } = await chain.network();
  const store = await openStore(join(config.dataDir, 'provider.db'), network.genesisHash);
  closers.push(() => store.close());
  const payments = await openOneShotStore(join(config.dataDir, 'one-shot.db'));
  closers.push(() => payments.close());
  const base = { log, nowMs, signer, adminToken, provider, address, chain, sender };
  return { ...base, network, params, store, payments };
}

async function connectChain(
  config: ProviderConfig,
  deps: ProviderDeps,
  { closers, signal, account }: Opening & { account: ReturnType<typeof loadKey> },
): Promise<{ chain: ChainClient; sender: TxSender }> {
  if (deps.chain && deps.sender) {
    await networkOf(deps.chain, deps.log, signal);
    return { chain: deps.chain, sender: deps.sender };
  }
  const node = createNodeClient({ url: config.nodeUrl });
  closers.push(() => node.close());
  const { network } = await networkOf(node, deps.log, signal);
  const local = createLocalSigner(network, account.secretKey);
  return { chain: node, sender: createTxSender({ node, signer: local }) };
}

/** Makes all parts; nothing runs yet. */
function assemble(config: ProviderConfig, { log }: ProviderDeps, base: Base & Chosen) {
  const { network, params, signer, store, nowMs, engine, chain, provider, address, owner } = base;
  const endpoint = createCell('');
  const link = createCell(createNoLink());
  const miscounts = createCell(0);
  const isRegistered = createCell(!config.register);
  const template = () => offerTemplate(config, address, endpoint.get());
  const offers = createOfferBook(template, { network, signer, store, nowMs });
  const slots = slotsOf(config.slots, engine, owner.slots());
  const residentModels = residentModelsOf(config.residentModels, engine);
  const isTold = config.slots > 0 || engine.gauges().slots !== undefined;
  const slotsOfModel = (model: string) => (isTold ? slots : (owner.slots(model) ?? slots));
  const queue = createJobQueue({ ...config, slots, slotsOf: slotsOfModel, residentModels }, nowMs);
  const door: Pick<JobQueue, 'refusal' | 'enter'> = {
    refusal: (wish) => drain.refusal() ?? watch.refusal(wish.model) ?? queue.refusal(wish),
    enter: queue.enter,
  };
  const money = makeBooks(config, base);
  const { books, mirror, mandates, claimer } = money;
  const admissionTimes = createTimeSamples();
  const desk = createJobDesk({
    ...{ network, signer, nowMs, engine, books, offers, mirror, mandates, store },
    queue: door,
    admissionTimes,
    needVoucherWaitMs: config.needVoucherWaitMs,
    keys: createRegisteredKeys({ chain, nowMs }),
    model: (name) => watch.probe().models.find((model) => model.name === name),
    onMiscount(fault) {
      miscounts.set(miscounts.get() + 1);
      warnOfMiscount(log, fault);
    },
    onTrouble: (error, jobId) => log.warn({ err: error, jobId }, 'a job failed'),
    onEngineFailed: (...failure) => watch.failed(...failure),
    onEnded() {
      claimer.look();
      oneShots.look();
    },
    onBroken: die,
  });
  const oneShots = createOneShots(
    { intervalMs: refundIntervalMs, startWithinMs: oneShotStartMs },
    {
      ...{ network, params, provider, signer, offers, books, nowMs, log },
      queue: door,
      store: base.payments,
      chain: createOneShotChain(chain.rpc, mirror.height),
      offerOf: store.offer,
      job: store.job,
      account: base.sender.signer,
      onTrouble: troubleOf(log),
    },
  );
  const onChange = () => link.get().tellOffers();
  const watch = createEngineWatch(base.probe, {
    ...{ engine, offers, onChange, log, nowMs },
    wanted: config.models,
  });
  const drain = createDrain({ desk, watch, queue, nowMs });
  const cells = { endpoint, link, miscounts, isRegistered, mark: createRelayMark() };
  const parts = { offers, queue, admissionTimes, desk, oneShots, watch, drain };
  return { ...money, ...cells, ...parts };
}

/** The books of all channels, what keeps them in step with the chain, and what claims what is due. */
function makeBooks(config: ProviderConfig, base: Base) {
  const { network, params, signer, store, nowMs, chain, provider, address, log } = base;
  const trouble = troubleOf(log);
  const mandates = createMandateMirror({
    ...{ chain, provider, authorizer: signer.publicKey, onTrouble: trouble },
    height: () => mirror.height(),
    ageMs: () => mirror.ageMs(),
  });
  const books = createChannelBooks({
    seller: { network, provider, authorizer: signer.publicKey },
    store,
    mandates,
    nowMs,
    onLoss: (channelId, writtenOff) =>
      log.error({ channelId, writtenOff: `${writtenOff}` }, 'a withdrawal took what was due'),
  });
  const mirror = createChannelMirror(
    { address, withdrawDelayMsMin: config.withdrawDelayMsMin },
    {
      chain,
      nowMs,
      onTrouble: trouble,
      onChannel(channel) {
        books.observe(channel);
        mandates.track(channel);
        claimer.look();
      },
    },
  );
  const claimer = createClaimer(
    { intervalMs: config.claimIntervalMs, threshold: amountOf(config.claimThreshold) },
    {
      network,
      params,
      authorizer: signer,
      sender: base.sender,
      records: () => claimableOf(books.all()),
      written: store.written,
      refresh: mirror.refresh,
      onPaid: store.saveClaim,
      onTrouble: trouble,
    },
  );
  return { books, mirror, mandates, claimer };
}

function troubleOf(log: Log): (error: unknown, message: string) => void {
  return (error, message) => log.warn({ err: error }, message);
}

/** An engine whose counter and stream disagree has lost or invented tokens: its owner should know. */
function warnOfMiscount(log: Log, { jobId, claimed, streamed }: CounterFault): void {
  log.warn({ jobId, claimed, streamed }, 'the counter of the engine differs from its stream');
}

/** A failure of the books: the process must not go on handling money. */
function die(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

/** From here on the owner is told what really goes on. */
function attachOwner(owner: OwnerSide, parts: Parts): void {
  const { watch, queue, offers, link, isRegistered, drain } = parts;
  owner.attach({
    probe: watch.probe,
    load: queue.gauges,
    offers: () => offers.list().length,
    linkState: () => link.get().state(),
    isRegistered: isRegistered.get,
    isDrained: () => drain.refusal() !== undefined,
  });
  owner.start();
}

function register(
  config: ProviderConfig,
  parts: Base & Parts & { readonly log: Log; readonly signal: AbortSignal },
): void {
  const { chain, sender, log, signal, signer } = parts;
  const registration = {
    name: config.name,
    endpoint: parts.endpoint.get(),
    authorizer: signer.publicKey,
    bond: config.bond === '' ? undefined : amountOf(config.bond),
  };
  registerProvider(registration, { chain, sender, log }, signal).then(
    () => {
      parts.isRegistered.set(true);
      if (!signal.aborted) parts.link.get().start();
    },
    (error: unknown) => {
      if (!signal.aborted) log.error({ err: error }, 'registration failed');
    },
  );
}
