/** A chain for tests: channels in a map, notifications at once, and a sender whose claims really pay. */
import {
  AppError,
  addressOf,
  type ChannelState,
  type ClaimRow,
  channelToJson,
  devnetParams,
  type Hex,
  type MandateJson,
  type Network,
  networkFromHash,
  type TxBody,
  verifyVoucher,
} from '@aitbc/protocol';
import type { NotificationHandler, TxSender } from '@aitbc/sdk';
import type { ChainClient } from '../chain/chain-client.ts';

export interface FakeChain {
  readonly network: Network;
  readonly client: ChainClient;
  readonly sender: TxSender;
  /** Bodies of all claims that were sent. */
  readonly claims: TxBody<'channel_claim'>[];
  readonly lookups: Hex[];
  readonly state: { height: number; balance: string; isDown: boolean; failClaims: number };
  readonly registered: { agent: boolean; provider: { authorizer: Hex } | undefined };
  /** Keys that other providers have registered, by address. */
  readonly otherProviders: Map<string, Hex>;
  /** Addresses of providers that were asked for. */
  readonly providerLookups: string[];
  channel(channelId: Hex): ChannelState | undefined;
  /** Gives, changes or takes back a mandate with the next block; tells subscribers unless `quietly`. */
  putMandate(mandate: MandateJson, quietly?: boolean): void;
  /** Puts a channel on chain; tells subscribers unless `quietly`. */
  put(channel: ChannelState, quietly?: boolean): void;
  nextBlock(): void;
}

export function createFakeChain(name = 'test-net', seed = 0xaa): FakeChain {
  const network = networkFromHash(name, seed.toString(16).padStart(2, '0').repeat(32));
  const channels = new Map<Hex, ChannelState>();
  const mandates = new Map<string, MandateJson>();
  const handlers = new Map<string, Set<NotificationHandler>>();
  const claims: TxBody<'channel_claim'>[] = [];
  const lookups: Hex[] = [];
  const state = { height: 5, balance: '0', isDown: false, failClaims: 0 };
  const providerLookups: string[] = [];
  const registered: FakeChain['registered'] = { agent: false, provider: undefined };
  const otherProviders = new Map<string, Hex>();

  const notify = (topic: string, data: unknown): void => {
    for (const handler of handlers.get(topic) ?? []) {
      handler({ topic, cursor: `${state.height}.0`, data });
    }
  };
  const reach = (): void => {
    if (state.isDown) throw new AppError('UNAVAILABLE', { what: 'node', reason: 'test' });
  };
  const put: FakeChain['put'] = (channel, quietly = false) => {
    channels.set(channel.channelId, channel);
    state.height += quietly ? 0 : 1;
    if (quietly) return;
    notify(`receiver:${addressOf(channel.receiver)}`, channelToJson(channel));
    notify('finalBlocks', { header: { height: state.height } });
  };
  const client = fakeClient({
    channels,
    mandates,
    handlers,
    state,
    network,
    lookups,
    registered,
    otherProviders,
    providerLookups,
    reach,
  });
  const pay = (row: ClaimRow) => payRow(row, { channels, network, put });
  const sender = fakeSender({ claims, state, registered, reach, pay });
  return {
    ...{
      network,
      client,
      sender,
      claims,
      lookups,
      state,
      registered,
      otherProviders,
      providerLookups,
      put,
    },
    channel: (channelId) => channels.get(channelId),
    putMandate(mandate, quietly = false) {
      mandates.set(mandate.owner + mandate.subKey, mandate);
      state.height += quietly ? 0 : 1;
      if (quietly) return;
      notify('mandates', mandate);
      notify('finalBlocks', { header: { height: state.height } });
    },
    nextBlock() {
      state.height += 1;
      notify('finalBlocks', { header: { height: state.height } });
    },
  };
}

interface World {
  readonly channels: Map<Hex, ChannelState>;
  readonly mandates: Map<string, MandateJson>;
  readonly handlers: Map<string, Set<NotificationHandler>>;
  readonly state: FakeChain['state'];
  readonly network: Network;
  readonly lookups: Hex[];
  readonly registered: FakeChain['registered'];
  readonly otherProviders: Map<string, Hex>;
  readonly providerLookups: string[];
  reach(): void;
}

function fakeClient(world: World): ChainClient {
  const { channels, mandates, handlers, state, network, lookups, registered, reach } = world;
  const { otherProviders, providerLookups } = world;
  const rpc = {
    audits_open: async () => ({ audits: [], next: null }),
    chain_status: async () => {
      reach();
      return { height: state.height };
    },
    state_getAccount: async () => ({ balance: state.balance }),
    state_getAgent: async () => {
      if (!registered.agent) throw new AppError('AGENT_UNKNOWN', { account: 'test' });
      return {};
    },
    state_getProvider: async ({ address }: { address: string }) => {
      reach();
      providerLookups.push(address);
      const other = otherProviders.get(address);
      if (other) return { authorizer: other };
      if (registered.provider) return registered.provider;
      throw new AppError('PROVIDER_UNKNOWN', { account: 'test' });
    },
    state_getChannel: async ({ channelId }: { channelId: Hex }) => {
      reach();
      lookups.push(channelId);
      const channel = channels.get(channelId);
      if (!channel) throw new AppError('CHANNEL_UNKNOWN', { channelId });
      return channelToJson(channel);
    },
    state_getMandate: async ({ owner, subKey }: { owner: string; subKey: string }) => {
      reach();
      const mandate = mandates.get(owner + subKey);
      if (!mandate) throw new AppError('MANDATE_UNKNOWN', { owner, subKey });
      return mandate;
    },
    state_listChannels: async ({ receiver }: { receiver?: string }) => {
      reach();
      const rows = [...channels.values()].map(channelToJson);
      return { channels: rows.filter((row) => row.receiver === receiver), next: null };
    },
  };
  return {
    rpc: rpc as unknown as ChainClient['rpc'],
    network: async () => {
      reach();
      return { network, params: devnetParams };
    },
    subscribe(topic, handler, options = {}) {
      const all = handlers.get(topic) ?? new Set();
      handlers.set(topic, all.add(handler));
      queueMicrotask(() => options.onLive?.());
      const close = () => void all.delete(handler);
      options.signal?.addEventListener('abort', close, { once: true });
      return { cursor: () => undefined, close };
    },
  };
}

interface Claims {
  readonly claims: TxBody<'channel_claim'>[];
  readonly state: FakeChain['state'];
  readonly registered: FakeChain['registered'];
  reach(): void;
  pay(row: ClaimRow): { channelId: Hex; paid: string; code: string | null };
}

function fakeSender({ claims, state, registered, reach, pay }: Claims): TxSender {
  const send = async (kind: string, body: unknown) => {
    reach();
    if (kind === 'agent_register') registered.agent = true;
    if (kind === 'provider_register') {
      registered.provider = { authorizer: (body as TxBody<'provider_register'>).authorizer };
    }
    const txId = `${claims.length}`.padStart(64, 'c');
    if (kind !== 'channel_claim') return { status: 'final', receipt: { txId } };
    const claim = body as TxBody<'channel_claim'>;
    claims.push(claim);
    if (state.failClaims > 0) {
      state.failClaims -= 1;
      throw new AppError('TIMEOUT', { what: 'node', timeoutMs: 1 });
    }
    return { status: 'final', receipt: { txId, rows: claim.rows.map(pay) } };
  };
  const signer = { accountId: 'aa'.repeat(32), address: 'ait1test' };
  return { signer, send } as unknown as TxSender;
}

/** Pays a row as the chain does: the rise, in full, for a voucher that covers it. */
function payRow(
  row: ClaimRow,
  { channels, network, put }: Pick<World, 'channels' | 'network'> & Pick<FakeChain, 'put'>,
) {
  const { channelId, totalClaimed, maxClaimable, context, voucherSignature: signature } = row;
  const channel = channels.get(channelId);
  const voucher = { channelId, maxClaimable, context, signature };
  const isGood =
    channel &&
    totalClaimed <= maxClaimable &&
    totalClaimed <= channel.balance &&
    totalClaimed > channel.totalClaimed &&
    verifyVoucher(network, voucher, channel.payerAuthorizer);
  if (!isGood) return { channelId, paid: '0', code: 'CLAIM_NOT_RAISED' };
  put({ ...channel, totalClaimed });
  return { channelId, paid: `${totalClaimed - channel.totalClaimed}`, code: null };
}
