/** The node: its parts are made and joined here, started in order and stopped in reverse. */
import { join } from 'node:path';
import { createMempool } from '@aitbc/chain';
import { createCore, createEd25519Scheme } from '@aitbc/consensus';
import { type Clock, systemClock } from '@aitbc/primitives';
import { AppError, type Genesis, type Hex, networkFromGenesis } from '@aitbc/protocol';
import { createHttp, type Log } from '@aitbc/service';
import { createAdmission } from './chain/admission.ts';
import { createChainView } from './chain/chain-view.ts';
import { createFaucet, type Faucet, type FaucetDeps } from './chain/faucet.ts';
import { createFinality } from './chain/finality.ts';
import { type Ledger, openLedger } from './chain/ledger.ts';
import { nextBlockOf } from './chain/next-block.ts';
import { createValidator, type Validator, type ValidatorDeps } from './chain/validator.ts';
import type { NodeConfig } from './config.ts';
import { createMethods, type MethodDeps } from './rpc/chain-methods.ts';
import { mountRpc } from './rpc/mount-rpc.ts';
import { createSubscriptions, type Subscriptions } from './rpc/subscriptions.ts';
import { createTopicSource } from './rpc/topic-source.ts';
import { readGenesisFile } from './setup/genesis-file.ts';
import { type Identity, readKeyFile } from './setup/key-file.ts';
import { lockFolder } from './storage/folder-lock.ts';
import { openStore, type Store } from './storage/store.ts';
import { openVoteLog, type VoteLog } from './storage/vote-log.ts';

/** What a node uses from outside. */
export interface NodeDeps {
  readonly log: Log;
  readonly clock?: Clock;
  /** Checks every answer against its schema. For tests. */
  readonly checkOutputs?: boolean;
}

/** A node; `url` is known after `start`. */
export interface ChainNode {
  start(): Promise<void>;
  stop(): Promise<void>;
  readonly url: string | undefined;
}

/** Settings that a node needs. */
export type NodeOptions = Pick<NodeConfig, 'dataDir' | 'host' | 'port' | 'minBlockIntervalMs'> &
  Partial<Pick<NodeConfig, 'genesisFile' | 'keyFile' | 'faucetKeyFile'>>;

/** A node that stands still until `start`. Throws AppError CONFIG_INVALID for files that do not fit. */
export function createNode(options: NodeOptions, deps: NodeDeps): ChainNode {
  const files = readFiles(options);
  let parts: Parts | undefined;
  return {
    async start() {
      parts = await openParts({ options, deps, ...files });
    },
    async stop() {
      const running = parts;
      parts = undefined;
      await running?.close();
    },
    get url() {
      return parts?.url;
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
  if (!genesis.validators.some(({ publicKey }) => publicKey === identity.publicKey)) {
    const reason = `the key ${identity.publicKey} is no validator of this genesis document`;
    throw new AppError('CONFIG_INVALID', { reason });
  }
  if (genesis.validators.length > 1) {
    const reason = 'this version runs a network of one validator; the genesis document has more';
    throw new AppError('CONFIG_INVALID', { reason });
  }
  const hasFaucet = faucetKeyFile !== undefined && BigInt(genesis.params.faucetMax) > 0n;
  return { genesis, identity, faucetIdentity: hasFaucet ? readKeyFile(faucetKeyFile) : undefined };
}

interface Setting extends Files {
  readonly options: NodeOptions;
  readonly deps: NodeDeps;
}

interface Parts {
  readonly url: string;
  close(): Promise<void>;
}

/** Undo steps, run in reverse. */
type Closers = (() => Promise<void> | void)[];

async function openParts(setting: Setting): Promise<Parts> {
  const closers: Closers = [];
  const close = async (): Promise<void> => {
    for (const step of closers.splice(0).reverse()) await step();
  };
  try {
    return { url: await startParts(setting, closers), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function startParts(setting: Setting, closers: Closers): Promise<string> {
  const { options, deps } = setting;
  const stored = await openStored(setting, closers);
  const http = createHttp({ name: 'node', log: deps.log, ready: () => true });
  const live = createLive(setting, stored);
  const stopping = new AbortController();
  await mountRpc({
    http,
    log: deps.log,
    methods: createMethods(live.methodDeps),
    subscriptions: live.subscriptions,
    signal: stopping.signal,
    about: () => aboutOf(stored.ledger),
    checkOutputs: deps.checkOutputs ?? false,
  });
  live.validator.start();
  closers.push(() => live.validator.stop());
  closers.push(() => http.close());
  const url = await http.listen({ host: options.host, port: options.port });
  closers.push(() => stopping.abort());
  return url;
}

interface Stored {
  readonly store: Store;
  readonly voteLog: VoteLog;
  readonly ledger: Ledger;
}

async function openStored({ options, genesis }: Setting, closers: Closers): Promise<Stored> {
  const { dataDir } = options;
  const unlock = await lockFolder(dataDir);
  closers.push(unlock);
  const store = await openStore(dataDir, networkFromGenesis(genesis).genesisHash);
  closers.push(() => store.close());
  const ledger = openLedger(genesis, store);
  const voteLog = await openVoteLog({ folder: dataDir });
  closers.push(() => voteLog.close());
  return { store, voteLog, ledger };
}

interface Live {
  readonly validator: Validator;
  readonly subscriptions: Subscriptions;
  readonly methodDeps: MethodDeps;
}

function createLive(setting: Setting, stored: Stored): Live {
  const { deps, identity, genesis } = setting;
  const { store, ledger } = stored;
  const { network } = ledger;
  const clock = deps.clock ?? systemClock;
  const proposer = identity.publicKey;
  const mempool = createMempool({ network, params: genesis.params });
  const finality = createFinality();
  const chain = createChainView(ledger, store);
  const subscriptions = createSubscriptions(createTopicSource(chain, store), deps.log);
  const validator = createValidator({
    ...validatorParts(setting, stored),
    mempool,
    clock,
    recheck: (accounts) => mempool.recheck(accounts, store),
    onFinal({ header, hash, txs, receipts, writes }, certificate) {
      const touched = new Map([...writes.keys()].map((key, index) => [key, index]));
      chain.remember({ header, hash, txs, receipts, certificate, touched });
      finality.isFinal(txs.map(({ txId }) => txId));
      subscriptions.announce();
    },
    onDropped: ({ tx, code, facts }) => finality.isDropped(tx.txId, { code, facts }),
  });
  const { params } = genesis;
  const onAdmitted = (txId: Hex): void => {
    finality.isAdmitted(txId);
    validator.wake();
  };
  const nextBlock = () => nextBlockOf(ledger, { nowMs: clock.nowMs(), proposer });
  const admit = createAdmission({
    ...{ network, params, mempool, reader: store },
    ...{ chain, nextBlock, onAdmitted },
  });
  const faucet = faucetOf(setting, { network, genesis, mempool, reader: store, admit, clock });
  const methodDeps = { ledger, chain, store, mempool, admit, finality, faucet, nextBlock };
  return { validator, subscriptions, methodDeps };
}

function validatorParts(
  { options, deps, identity }: Setting,
  { ledger, voteLog }: Stored,
): Pick<ValidatorDeps, 'ledger' | 'voteLog' | 'core' | 'log' | 'proposer' | 'minBlockIntervalMs'> {
  const { network, validators } = ledger;
  const { header, hash } = ledger.head();
  const validator = validators.findIndex(({ publicKey }) => publicKey === identity.publicKey);
  const { secretKey } = identity.keys;
  const scheme = createEd25519Scheme({ network, validators, signer: { validator, secretKey } });
  const core = createCore({
    validators,
    scheme,
    self: identity.publicKey,
    final: { hash, height: header.height, view: header.view },
    votedView: voteLog.votedView,
  });
  const { minBlockIntervalMs } = options;
  const proposer: Hex = identity.publicKey;
  return { ledger, voteLog, core, log: deps.log, proposer, minBlockIntervalMs };
}

function faucetOf(
  { faucetIdentity }: Setting,
  deps: Omit<FaucetDeps, 'identity'>,
): Faucet | undefined {
  return faucetIdentity && createFaucet({ identity: faucetIdentity, ...deps });
}

function aboutOf({ network, head }: Ledger): Record<string, unknown> {
  return {
    name: 'aitbc-node',
    network: network.name,
    genesisHash: network.genesisHash,
    height: head().header.height,
    rpc: 'JSON-RPC 2.0: POST / or WebSocket /',
  };
}
