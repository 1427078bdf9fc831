/** The node: its parts are made and joined here, started in order and stopped in reverse. */
import { join } from 'node:path';
import { validatorsOfState } from '@aitbc/chain';
import { type Clock, systemClock } from '@aitbc/primitives';
import { AppError, type Genesis, networkFromGenesis } from '@aitbc/protocol';
import { createHttp, type Log } from '@aitbc/service';
import { createChainView } from './chain/chain-view.ts';
import { createEvidenceSender } from './chain/evidence-sender.ts';
import { createFaucet, type Faucet } from './chain/faucet.ts';
import { createFinality } from './chain/finality.ts';
import { createLiveChain, type LiveChain } from './chain/live-chain.ts';
import { type OpenedChain, openChain } from './chain/open-chain.ts';
import { type NodeConfig, snapshotBlocksDefault } from './config.ts';
import type { Mesh } from './mesh/types.ts';
import { addNodeMetrics, createNodeMeter, type NodeMeter } from './metrics.ts';
import { openAdminToken } from './rpc/admin-access.ts';
import type { MethodDeps } from './rpc/methods/deps.ts';
import { createProver } from './rpc/methods/prover.ts';
import { createMethods } from './rpc/methods.ts';
import { mountRpc } from './rpc/mount-rpc.ts';
import { createSubscriptions, type Subscriptions } from './rpc/subscriptions.ts';
import { createTopicSource } from './rpc/topic-source.ts';
import { createTurns } from './rpc/turns.ts';
import { createFrameAnswerer } from './rpc/tx-batches.ts';
import { readGenesisFile } from './setup/genesis-file.ts';
import { type Identity, readKeyFile } from './setup/key-file.ts';
import { openOwnJournal } from './setup/own-journal.ts';
import { peersFromText } from './setup/peer-list.ts';
import { lockFolder } from './storage/folder-lock.ts';
import type { Journal } from './storage/journal/journal.ts';
import { openStore, type Store } from './storage/store.ts';
import { hearPeers, joinBySnapshot } from './sync/join.ts';
import { createNodeNet, type NodeNet, standOf } from './sync/net.ts';
import { createSnapshotServer, type SnapshotServer } from './sync/snapshot-server.ts';
import type { TrustedBlock } from './sync/trust.ts';
import { trustedBlockFromText } from './sync/trusted-block.ts';
import { createVerifier, type Verifier } from './verify/verifier.ts';

/** What a node uses from outside. */
export interface NodeDeps {
  readonly log: Log;
  readonly clock?: Clock;
  /** Checks every answer against its schema. For tests. */
  readonly checkOutputs?: boolean;
  /** Begins to stop the program, for `admin_stop`; without it nobody may. */
  readonly stop?: () => void;
  /** Cuts a start short. */
  readonly signal?: AbortSignal;
  /** Program of the thread that writes snapshots, where it is not beside its source. For tests. */
  readonly snapshotEntry?: URL;
}

/** A node; `url` and `meshPort` are known after `start`. */
export interface ChainNode {
  start(): Promise<void>;
  stop(): Promise<void>;
  readonly url: string | undefined;
  readonly meshPort: number | undefined;
}

/** Settings that a node needs. */
export type NodeOptions = Pick<NodeConfig, 'dataDir' | 'host' | 'port' | 'minBlockIntervalMs'> &
  Partial<Omit<NodeConfig, 'dataDir' | 'host' | 'port' | 'minBlockIntervalMs'>>;

/** A node that stands still until `start`. Throws AppError CONFIG_INVALID for files that do not fit. */
export function createNode(options: NodeOptions, deps: NodeDeps): ChainNode {
  const setting: Setting = {
    ...{ options, deps, ...readFiles(options) },
    peers: peersFromText(options.peers),
    trustedBlock: trustedBlockFromText(options.trustedBlock),
  };
  let parts: Parts | undefined;
  return {
    async start() {
      parts = await openParts(setting);
    },
    async stop() {
      const running = parts;
      parts = undefined;
      await running?.close();
    },
    get url() {
      return parts?.url;
    },
    get meshPort() {
      return parts?.mesh?.port;
    },
  };
}

interface Files {
  readonly genesis: Genesis;
  readonly identity: Identity;
  readonly faucetIdentity: Identity | undefined;
}

function readFiles(options: NodeOptions): Files {
  const { dataDir, faucetKeyFile } = options;
  const genesis = readGenesisFile(options.genesisFile ?? join(dataDir, 'genesis.json'));
  const identity = readKeyFile(options.keyFile ?? join(dataDir, 'validator.key'));
  const hasFaucet = faucetKeyFile !== undefined && BigInt(genesis.params.faucetMax) > 0n;
  return { genesis, identity, faucetIdentity: hasFaucet ? readKeyFile(faucetKeyFile) : undefined };
}

interface Setting extends Files {
  readonly options: NodeOptions;
  readonly deps: NodeDeps;
  readonly peers: ReturnType<typeof peersFromText>;
  readonly trustedBlock: TrustedBlock | undefined;
}

interface Parts {
  readonly url: string;
  readonly mesh: Mesh | undefined;
  close(): Promise<void>;
}

/** Transactions of users that may wait for their turn: as many as may wait for their signature. */
const turnsWaitingMax = 16_384;

/** Undo steps, run in reverse. */
type Closers = (() => Promise<void> | void)[];

async function openParts(setting: Setting): Promise<Parts> {
  const closers: Closers = [];
  const close = async (): Promise<void> => {
    for (const step of closers.splice(0).reverse()) await step();
  };
  try {
    return { ...(await startParts(setting, closers)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function startParts(setting: Setting, closers: Closers): Promise<Omit<Parts, 'close'>> {
  const { options, deps } = setting;
  const stored = await openStored(setting, closers);
  const http = createHttp({
    ...{ name: 'node', log: deps.log, ready: () => true },
    origins: {
      ownNames: [options.host],
      shared: { path: '/', origins: options.allowedOrigins ?? [] },
    },
  });
  const meter = createNodeMeter(http.metrics);
  const running = createRunning(setting, { ...stored, meter });
  addNodeMetrics(http.metrics, { ...stored, live: running.live, mesh: stored.net?.mesh });
  const stopping = new AbortController();
  await mountRpc({
    http,
    log: deps.log,
    methods: createMethods(running.methodDeps),
    answerFrame: createFrameAnswerer(running.methodDeps.admit, deps.log),
    adminToken: running.methodDeps.admin?.token,
    subscriptions: running.subscriptions,
    signal: stopping.signal,
    about: () => aboutOf(stored.opened, running.live),
    checkOutputs: deps.checkOutputs ?? false,
  });
  running.live.start();
  closers.push(() => running.live.stop());
  stored.net?.front.handOver(running);
  closers.push(() => stored.net?.stop());
  closers.push(() => http.close());
  const url = await http.listen({ host: options.host, port: options.port });
  closers.push(() => {
    stopping.abort(new AppError('UNAVAILABLE', { what: 'The node', reason: 'it is stopping' }));
  });
  return { url, mesh: stored.net?.mesh };
}

interface Stored {
  readonly verifier: Verifier;
  readonly store: Store;
  readonly journal: Journal;
  readonly opened: OpenedChain;
  readonly net: NodeNet | undefined;
}

async function openStored(setting: Setting, closers: Closers): Promise<Stored> {
  const { dataDir } = setting.options;
  const unlock = await lockFolder(dataDir);
  closers.push(unlock);
  const { store, opened, net } = await openJoined(setting, closers);
  const journal = await openOwnJournal({
    folder: dataDir,
    head: opened.start.header,
    isAlone: isAlone(setting),
    log: setting.deps.log,
  });
  closers.push(() => journal.close());
  const { verifyWorkers: workers = 0 } = setting.options;
  const verifier = createVerifier({ network: opened.network, workers }, setting.deps);
  closers.push(() => verifier.stop());
  return { store, journal, opened, verifier, net };
}

/** The stored chain, after others were asked for a snapshot of a newer one. */
async function openJoined(
  setting: Setting,
  closers: Closers,
): Promise<Pick<Stored, 'store' | 'opened' | 'net'>> {
  const { options, deps, identity, genesis, peers, trustedBlock } = setting;
  const store = await openStore(options.dataDir, networkFromGenesis(genesis));
  let isOpen = true;
  const release = async (): Promise<void> => {
    if (isOpen) await store.close();
    isOpen = false;
  };
  closers.push(release);
  const opened = openChain(genesis, store);
  if (isAlone(setting)) return { store, opened, net: undefined };
  const { meshHost: host = '127.0.0.1', meshPort: port = 0 } = options;
  const meshOptions = { identity, genesisHash: opened.network.genesisHash, host, port, peers };
  const stand = standOf(opened, validatorsOfState(store));
  const net = createNodeNet(meshOptions, { log: deps.log, stand });
  closers.push(() => net.stop());
  await net.mesh.start();
  const signal = deps.signal ?? new AbortController().signal;
  signal.addEventListener('abort', net.questions.stop, { once: true });
  await hearPeers(net, peers.length, signal);
  const address = net.keyInUseAt();
  if (address !== undefined && !options.allowKeyTakeover) {
    throw new AppError('KEY_IN_USE', { address });
  }
  await joinBySnapshot(
    {
      ...{ genesis, network: opened.network, trustedBlock, folder: options.dataDir },
      head: opened.start.header,
      snapshotBlocks: options.snapshotBlocks ?? snapshotBlocksDefault,
    },
    { ...net, penalize: net.mesh.penalize, log: deps.log, clock: clockOf(deps), release },
    signal,
  );
  if (isOpen) return { store, opened, net };
  const joined = await openStore(options.dataDir, opened.network);
  closers.push(() => joined.close());
  return { store: joined, opened: openChain(genesis, joined), net };
}

const clockOf = ({ clock = systemClock }: NodeDeps): Clock => clock;

/** Nobody else votes and nobody is asked: the only case in which a lost journal contradicts no one. */
function isAlone({ genesis, identity, peers }: Setting): boolean {
  const [only, ...others] = genesis.validators;
  return only?.publicKey === identity.publicKey && others.length === 0 && peers.length === 0;
}

interface Running {
  readonly live: LiveChain;
  readonly server: SnapshotServer;
  readonly subscriptions: Subscriptions;
  readonly methodDeps: MethodDeps;
}

function createRunning(setting: Setting, stored: Stored & { readonly meter: NodeMeter }): Running {
  const { deps, identity, options } = setting;
  const { store, journal, opened, net, meter } = stored;
  const clock = clockOf(deps);
  const finality = createFinality();
  const chain = createChainView({ ...opened, head: () => live.head() }, store);
  const subscriptions = createSubscriptions(createTopicSource(chain, store), deps.log);
  const evidence = createEvidenceSender({ opened, identity, log: deps.log });
  const live: LiveChain = createLiveChain({
    ...{ opened, store, journal, identity, clock, chain, finality, meter },
    log: deps.log,
    minBlockIntervalMs: options.minBlockIntervalMs,
    verifier: stored.verifier,
    mesh: () => net?.mesh,
    snapshots: {
      dataDir: options.dataDir,
      everyBlocks: options.snapshotBlocks ?? snapshotBlocksDefault,
      ...(deps.snapshotEntry ? { entry: deps.snapshotEntry } : {}),
    },
    snapshotHeight: () => server.newestHeight(),
    onStored: () => subscriptions.announce(),
    onEvidence: (found) => evidence.send(found, live),
  });
  const server = createSnapshotServer({
    ...{ dataDir: options.dataDir, log: deps.log },
    bundleAt: (height) => prover.bundleAt(height),
    send: (peer, message) => void net?.mesh.send(peer, message),
    waitingBytes: (peer) => net?.waitingBytes(peer) ?? 0,
  });
  const prover = createProver({ opened, live, chain, store });
  const faucet = faucetOf(setting, live, clock);
  const admin = {
    token: openAdminToken(options.dataDir),
    stop: deps.stop,
    requestSnapshot: live.requestSnapshot,
  };
  const turns = createTurns({ waitingMax: turnsWaitingMax });
  const methodDeps: MethodDeps = {
    ...{ opened, live, chain, store, finality, faucet, clock, admin },
    log: deps.log,
    self: identity.publicKey,
    mesh: () => net?.mesh,
    admit: (bytes) => turns.run(() => live.admission.admit(bytes)),
  };
  net?.stand.follow(live);
  return { live, server, subscriptions, methodDeps };
}

function faucetOf(
  { faucetIdentity, genesis }: Setting,
  live: LiveChain,
  clock: Clock,
): Faucet | undefined {
  return (
    faucetIdentity &&
    createFaucet({
      identity: faucetIdentity,
      network: networkFromGenesis(genesis),
      genesis,
      transferFee: () => BigInt(live.nextBlock().params.fees.transfer),
      pendingNonce: (account) => live.replica.pendingNonce(account),
      admit: live.admission.admit,
      clock,
    })
  );
}

function aboutOf({ network }: OpenedChain, live: LiveChain): Record<string, unknown> {
  return {
    name: 'aitbc-node',
    network: network.name,
    genesisHash: network.genesisHash,
    height: live.head().header.height,
    rpc: 'JSON-RPC 2.0: POST / or WebSocket /',
  };
}
