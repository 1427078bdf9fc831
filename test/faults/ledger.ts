/**
 * A chain in this process for tests of a whole market: the real rules of the ledger, each transaction a block of
 * its own that is final at once. It gives gateways and providers what they ask of a node, and senders for accounts.
 */
import {
  accountOf,
  agentOf,
  applyTx,
  auditFunds,
  channelOf,
  createOverlay,
  genesisWrites,
  partsOfKey,
  providerOf,
  receiptToJson,
  type StateKey,
} from '@aitbc/chain';
import { hex, type KeyPair, keyPairFromSeed } from '@aitbc/primitives';
import {
  AppError,
  accountIdOf,
  addressOf,
  type ChannelState,
  channelToJson,
  devnetParams,
  type Genesis,
  type Hex,
  type Network,
  networkFromGenesis,
  type TxBody,
  type TxKind,
  type UnsignedTx,
  unwrap,
} from '@aitbc/protocol';
import {
  createLocalSigner,
  type NodeClient,
  type NotificationHandler,
  type TxSender,
} from '@aitbc/sdk';

const feeNait = 100_000n; // more than any kind costs here
/** What each account begins with, nait. */
export const startBalance = 1_000_000_000_000n;

/** Key pair number `seed`. */
export function keysOf(seed: number): KeyPair {
  return keyPairFromSeed(new Uint8Array(32).fill(seed));
}

/** The chain. */
export interface Ledger {
  readonly network: Network;
  /** A node as its clients see it; throws UNAVAILABLE from the moment on that `isCut` says so. */
  node(isCut?: () => boolean): NodeClient;
  sender(keys: KeyPair, isCut?: () => boolean): TxSender;
  channels(): readonly ChannelState[];
  /** Kinds of all transactions, in order. */
  readonly sent: TxKind[];
  /** What is wrong with the coins; empty when every one is accounted for. */
  coinProblems(): readonly string[];
}

/** A chain whose accounts are the seeds'. */
export function createLedger(seeds: readonly number[]): Ledger {
  const genesis = genesisOf(seeds);
  const network = networkFromGenesis(genesis);
  const state = new Map<StateKey, Uint8Array>(genesisWrites(genesis));
  const reader = { get: (key: StateKey) => state.get(key) };
  const handlers = new Map<string, Set<NotificationHandler>>();
  const known = new Set<Hex>();
  const sent: TxKind[] = [];
  let height = 0;

  const tell = (topic: string, data: unknown): void => {
    for (const handler of handlers.get(topic) ?? []) {
      handler({ topic, cursor: `${height}.0`, data });
    }
  };
  const apply = (kind: TxKind, from: Hex, body: unknown) => {
    const { nonce } = accountOf(reader, from);
    const envelope = { chain: network.chain, nonce, validUntil: 0, from, fee: feeNait };
    const overlay = createOverlay(reader);
    const at = { height: height + 1, timeMs: genesis.timeMs + height + 1 };
    const context = { ...at, network, params: devnetParams, proposer: idOf(200) };
    const verdict = applyTx(overlay, context, { ...envelope, kind, body } as UnsignedTx);
    const receipt = unwrap(verdict);
    const writes = overlay.writes();
    for (const [key, value] of writes) state.set(key, value);
    height += 1;
    sent.push(kind);
    for (const key of writes.keys()) {
      const { kind: entry, id } = partsOfKey(key);
      if (entry !== 'channel') continue;
      known.add(id);
      const channel = channelOf(reader, id);
      if (channel) tell(`receiver:${addressOf(channel.receiver)}`, channelToJson(channel));
    }
    tell('finalBlocks', { header: { height } });
    return receiptToJson(receipt);
  };
  const channels = () => [...known].flatMap((id) => channelOf(reader, id) ?? []);
  const rpc = {
    audits_open: async () => ({ audits: [], next: null }),
    chain_status: async () => ({ height }),
    state_getAccount: async ({ address }: { address: string }) => {
      const { balance, vault, nonce } = accountOf(reader, unwrap(accountIdOf(address)));
      const sums = { balance: `${balance}`, vault: `${vault}` };
      return { address, ...sums, nonce, pendingNonce: nonce };
    },
    state_getAgent: async ({ address }: { address: string }) => {
      const agent = agentOf(reader, unwrap(accountIdOf(address)));
      if (!agent) throw new AppError('AGENT_UNKNOWN', { account: address });
      return agent;
    },
    state_getProvider: async ({ address }: { address: string }) => {
      const provider = providerOf(reader, unwrap(accountIdOf(address)));
      if (!provider) throw new AppError('PROVIDER_UNKNOWN', { account: address });
      return { ...provider, address, bond: `${provider.bond}` };
    },
    state_getChannel: async ({ channelId }: { channelId: Hex }) => {
      const channel = channelOf(reader, channelId);
      if (!channel) throw new AppError('CHANNEL_UNKNOWN', { channelId });
      return channelToJson(channel);
    },
    state_getMandate: async ({ owner, subKey }: { owner: string; subKey: string }) => {
      throw new AppError('MANDATE_UNKNOWN', { owner, subKey });
    },
    state_listChannels: async ({ payer, receiver }: { payer?: string; receiver?: string }) => {
      const rows = channels().map(channelToJson);
      const isWanted = (row: (typeof rows)[number]) =>
        payer === undefined ? row.receiver === receiver : row.payer === payer;
      return { channels: rows.filter(isWanted), next: null };
    },
    tx_get: async ({ txId }: { txId: Hex }) => {
      throw new AppError('NOT_FOUND', { what: txId });
    },
  };
  const subscribe: NodeClient['subscribe'] = (topic, handler, options = {}) => {
    const all = handlers.get(topic) ?? new Set();
    handlers.set(topic, all.add(handler));
    queueMicrotask(() => options.onLive?.());
    const close = () => void all.delete(handler);
    options.signal?.addEventListener('abort', close, { once: true });
    return { cursor: () => undefined, close };
  };
  return {
    network,
    sent,
    channels,
    node: (isCut = () => false) => ({
      rpc: guarded(rpc, isCut) as unknown as NodeClient['rpc'],
      network: async () => ({ network, params: devnetParams }),
      sendBatch: async () => [],
      subscribe: (topic, handler, options) =>
        subscribe(topic, (note) => void (isCut() || handler(note)), options),
      close: async () => {},
    }),
    sender: ({ secretKey }, isCut = () => false) => {
      const signer = createLocalSigner(network, secretKey);
      const send = async <K extends TxKind>(kind: K, body: TxBody<K>) => {
        assertLinked(isCut);
        const receipt = apply(kind, signer.accountId, body);
        return { status: 'final', receipt, tx: {}, blockHash: null };
      };
      return { signer, send } as unknown as TxSender;
    },
    coinProblems: () => auditFunds(state).problems,
  };
}

function idOf(seed: number): Hex {
  return hex(keysOf(seed).publicKey);
}

function assertLinked(isCut: () => boolean): void {
  if (isCut()) throw new AppError('UNAVAILABLE', { what: 'node', reason: 'the process is dead' });
}

type Method = (input: never) => Promise<unknown>;

function guarded(rpc: Readonly<Record<string, Method>>, isCut: () => boolean) {
  return Object.fromEntries(
    Object.entries(rpc).map(([name, method]) => [
      name,
      async (input: never) => {
        assertLinked(isCut);
        return method(input);
      },
    ]),
  );
}

function genesisOf(seeds: readonly number[]): Genesis {
  return {
    network: 'faults-test',
    timeMs: 1_800_000_000_000,
    accounts: seeds.map((seed) => ({
      address: addressOf(idOf(seed)),
      balance: startBalance.toString(),
    })),
    validators: [{ publicKey: idOf(200), stake: devnetParams.validatorStakeMin }],
    params: devnetParams,
  };
}
