/** A chain in memory for tests of buyers: accounts, vaults, channels and registered providers, no blocks. */
import { hex, keyPairFromSeed } from '@aitbc/primitives';
import {
  type Allocation,
  AppError,
  addressOf,
  channelConfigOf,
  channelIdOf,
  devnetParams,
  type Hex,
  type Network,
  networkFromHash,
  type nodeRpc,
  type OutputOf,
  type SignedOffer,
  type TxBody,
  type TxKind,
} from '@aitbc/protocol';
import type { NodeClient } from '../../chain/node-client.ts';
import { createLocalSigner } from '../../chain/signer.ts';
import type { TxSender, TxStatus } from '../../chain/tx-sender.ts';

type ChainChannel = OutputOf<typeof nodeRpc.state_getChannel>;

/** A chain of one payer. */
export interface TestChain {
  readonly network: Network;
  readonly node: NodeClient;
  readonly sender: TxSender;
  readonly channels: Map<Hex, ChainChannel>;
  /** Kinds of all transactions, in order. */
  readonly sent: TxKind[];
  register(offer: SignedOffer): void;
  channelOf(channelId: Hex): { payer: Hex; payerAuthorizer: Hex } | undefined;
  /** Called before each transaction; throw to refuse it, wait to delay it. */
  onSend: (kind: TxKind) => Promise<void>;
}

/** A chain whose payer is the account of a seed. */
export function createTestChain(seed = 1): TestChain {
  const network = networkFromHash('ait-test', 'ee'.repeat(32));
  const { secretKey } = keyPairFromSeed(new Uint8Array(32).fill(seed));
  const signer = createLocalSigner(network, secretKey);
  const channels = new Map<Hex, ChainChannel>();
  const providers = new Map<string, Hex>();
  const sent: TxKind[] = [];
  const state = { vault: 0n };

  const allocate = (allocation: Allocation): void => {
    state.vault -= allocation.amount;
    const config = channelConfigOf(signer.accountId, allocation);
    const channelId = channelIdOf(network, config);
    const known = channels.get(channelId) ?? openChannel(channelId, config);
    const balance = (BigInt(known.balance) + allocation.amount).toString();
    channels.set(channelId, { ...known, balance });
  };

  const send = async <K extends TxKind>(kind: K, body: TxBody<K>): Promise<TxStatus> => {
    sent.push(kind);
    await chain.onSend(kind);
    if (kind === 'vault_deposit') {
      const deposit = body as TxBody<'vault_deposit'>;
      state.vault += deposit.amount;
      deposit.allocations.forEach(allocate);
    } else {
      allocate(body as Allocation);
    }
    return { status: 'final', tx: {} as TxStatus['tx'], receipt: null, blockHash: null };
  };

  const chain: TestChain = {
    network,
    node: createTestNode({ network, channels, providers, vault: () => state.vault }),
    sender: { signer, send },
    channels,
    sent,
    register: ({ payload }) => void providers.set(payload.provider, payload.authorizer),
    channelOf(channelId) {
      const channel = channels.get(channelId);
      return channel && { payer: signer.accountId, payerAuthorizer: channel.payerAuthorizer };
    },
    onSend: () => Promise.resolve(),
  };
  return chain;
}

function openChannel(channelId: Hex, config: ReturnType<typeof channelConfigOf>): ChainChannel {
  return {
    ...config,
    channelId,
    payer: addressOf(config.payer),
    receiver: addressOf(config.receiver),
    balance: '0',
    totalClaimed: '0',
    withdrawAmount: '0',
    withdrawDueMs: 0,
    refundNonce: 0,
    closed: false,
  };
}

interface TestNodeState {
  readonly network: Network;
  readonly channels: Map<Hex, ChainChannel>;
  readonly providers: Map<string, Hex>;
  vault(): bigint;
}

function createTestNode({ network, channels, providers, vault }: TestNodeState): NodeClient {
  const rpc = {
    state_getAccount: async ({ address }: { address: string }) => ({
      address,
      balance: '0',
      nonce: 0,
      pendingNonce: 0,
      vault: vault().toString(),
    }),
    state_getChannel: async ({ channelId }: { channelId: Hex }) => {
      const channel = channels.get(channelId);
      if (!channel) throw new AppError('CHANNEL_UNKNOWN', { channelId });
      return channel;
    },
    state_listChannels: async () => ({ channels: [...channels.values()], next: null }),
    state_getProvider: async ({ address }: { address: string }) => {
      const authorizer = providers.get(address);
      if (!authorizer) throw new AppError('PROVIDER_UNKNOWN', { account: address });
      return { address, authorizer, endpoint: '', bond: '0', unbondDueMs: 0 };
    },
  };
  return {
    rpc: rpc as unknown as NodeClient['rpc'],
    sendBatch: () => Promise.reject(new AppError('NOT_FOUND', { what: 'binary batch' })),
    network: async () => ({ network, params: devnetParams }),
    subscribe: () => ({ cursor: () => undefined, close() {} }),
    close: () => Promise.resolve(),
  };
}

/** Secret and public key of a test's hot key. */
export function testHotKey(seed = 50) {
  return keyPairFromSeed(new Uint8Array(32).fill(seed));
}

/** Address of the account of a seed. */
export function testAddress(seed: number): string {
  return addressOf(hex(keyPairFromSeed(new Uint8Array(32).fill(seed)).publicKey));
}
