/** A chain for tests that runs the real rules of the ledger: every transaction is a block, told at once. */
import {
  accountOf,
  applyTx,
  type BlockContext,
  channelOf,
  createOverlay,
  genesisWrites,
  mandateOf,
  partsOfKey,
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
  type ErrorCode,
  type Genesis,
  type Hex,
  type MandateEntry,
  mandateIdOf,
  mandateToJson,
  type Network,
  networkFromGenesis,
  type TxBody,
  type TxKind,
  type UnsignedTx,
  unwrap,
} from '@aitbc/protocol';
import type { NotificationHandler } from '@aitbc/sdk';
import type { ChainClient } from '../chain-client.ts';

/** Someone with a key. */
export interface Actor extends KeyPair {
  readonly id: Hex;
}

/** Actor number `seed`. */
export function actorOf(seed: number): Actor {
  const pair = keyPairFromSeed(new Uint8Array(32).fill(seed));
  return { ...pair, id: hex(pair.publicKey) };
}

/** The chain. */
export interface LedgerChain {
  readonly network: Network;
  /** What a provider's mirrors ask and hear. */
  readonly client: Pick<ChainClient, 'subscribe'> & {
    readonly rpc: Pick<ChainClient['rpc'], 'state_getMandate'>;
  };
  /** Runs a transaction as the next block; the code of its refusal, and then there is no block. */
  send<K extends TxKind>(kind: K, from: Actor, body: TxBody<K>): ErrorCode | undefined;
  height(): number;
  advance(byMs: number): void;
  timeMs(): number;
  channel(channelId: Hex): ChannelState | undefined;
  mandate(owner: Hex, subKey: Hex): MandateEntry | undefined;
  vaultOf(account: Hex): bigint;
}

const feeNait = 100_000n; // more than any kind costs

/** A chain whose actors begin with `balance` nait each. */
export function createLedgerChain(actors: readonly Actor[], balance: bigint): LedgerChain {
  const genesis = genesisOf(actors, balance);
  const network = networkFromGenesis(genesis);
  const state = new Map<StateKey, Uint8Array>(genesisWrites(genesis));
  const reader = { get: (key: StateKey) => state.get(key) };
  const handlers = new Map<string, Set<NotificationHandler>>();
  let { timeMs } = genesis;
  let height = 0;

  const tell = (topic: string, data: unknown): void => {
    for (const handler of handlers.get(topic) ?? []) {
      handler({ topic, cursor: `${height}.0`, data });
    }
  };
  const tellOf = (key: StateKey): void => {
    const { kind, id } = partsOfKey(key);
    const channel = kind === 'channel' ? channelOf(reader, id) : undefined;
    if (channel) tell(`receiver:${addressOf(channel.receiver)}`, channelToJson(channel));
    const mandate = kind === 'mandate' ? mandateOf(reader, id) : undefined;
    if (mandate) tell('mandates', mandateToJson(mandate));
  };
  const chain: LedgerChain = {
    network,
    client: { rpc: rpcOf((owner, subKey) => chain.mandate(owner, subKey)), subscribe },
    send(kind, from, body) {
      const { nonce } = accountOf(reader, from.id);
      const envelope = { chain: network.chain, nonce, validUntil: 0, from: from.id, fee: feeNait };
      const overlay = createOverlay(reader);
      const context = contextAt(network, { height: height + 1, timeMs: timeMs + 1 });
      const verdict = applyTx(overlay, context, { ...envelope, kind, body } as UnsignedTx);
      if (!verdict.ok) return verdict.code;
      const writes = overlay.writes();
      for (const [key, value] of writes) state.set(key, value);
      height += 1;
      timeMs += 1;
      for (const key of writes.keys()) tellOf(key);
      tell('finalBlocks', { header: { height } });
      return undefined;
    },
    height: () => height,
    advance: (byMs) => {
      timeMs += byMs;
    },
    timeMs: () => timeMs,
    channel: (channelId) => channelOf(reader, channelId),
    mandate: (owner, subKey) => mandateOf(reader, mandateIdOf(network, owner, subKey)),
    vaultOf: (account) => accountOf(reader, account).vault,
  };
  function subscribe(...[topic, handler, options = {}]: Parameters<ChainClient['subscribe']>) {
    const all = handlers.get(topic) ?? new Set();
    handlers.set(topic, all.add(handler));
    queueMicrotask(() => options.onLive?.());
    return { cursor: () => undefined, close: () => void all.delete(handler) };
  }
  return chain;
}

function contextAt(network: Network, at: Pick<BlockContext, 'height' | 'timeMs'>): BlockContext {
  return { ...at, network, params: devnetParams, proposer: actorOf(200).id };
}

function rpcOf(
  find: (owner: Hex, subKey: Hex) => MandateEntry | undefined,
): LedgerChain['client']['rpc'] {
  return {
    async state_getMandate({ owner, subKey }) {
      const mandate = find(unwrap(accountIdOf(owner)), unwrap(accountIdOf(subKey)));
      if (!mandate) throw new AppError('MANDATE_UNKNOWN', { owner, subKey });
      return mandateToJson(mandate);
    },
  };
}

function genesisOf(actors: readonly Actor[], balance: bigint): Genesis {
  return {
    network: 'ledger-test',
    timeMs: 1_800_000_000_000,
    accounts: actors.map(({ id }) => ({ address: addressOf(id), balance: balance.toString() })),
    validators: [{ publicKey: actorOf(200).id, stake: devnetParams.validatorStakeMin }],
    params: devnetParams,
  };
}
