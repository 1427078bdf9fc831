import {
  accountOf,
  agentOf,
  auditFunds,
  channelOf,
  effectToJson,
  providerOf,
  simulateTx,
  supplyOf,
} from '@aitbc/chain';
import {
  AppError,
  accountIdOf,
  addressOf,
  amountOf,
  channelToJson,
  decodeTx,
  decodeUnsignedTx,
  type Hex,
  limits,
  messageOf,
  type Network,
  type nodeRpc,
  refuse,
  txToJson,
  type UnsignedTx,
  unwrap,
  type Verdict,
  verifyTx,
} from '@aitbc/protocol';
import type { ChainView } from '../chain/chain-view.ts';
import type { Faucet } from '../chain/faucet.ts';
import type { Finality } from '../chain/finality.ts';
import type { LiveChain } from '../chain/live-chain.ts';
import type { OpenedChain } from '../chain/open-chain.ts';
import type { Store } from '../storage/store.ts';
import {
  accountToJson,
  agentToJson,
  blockToJson,
  finalStatus,
  providerToJson,
  type TxStatusJson,
  waitingStatus,
} from './json-forms.ts';
import type { RpcHandlers } from './json-rpc.ts';

/** Parts that the methods read from and hand over to. */
export interface MethodDeps {
  readonly opened: Pick<OpenedChain, 'network' | 'genesis'>;
  readonly live: LiveChain;
  readonly chain: ChainView;
  readonly store: Store;
  readonly finality: Finality;
  readonly faucet: Faucet | undefined;
}

/** What a call knows of its caller. */
export interface CallerContext {
  /** Aborts when the caller goes away or the node stops. */
  readonly signal: AbortSignal;
}

type Handlers = RpcHandlers<typeof nodeRpc, CallerContext>;

/** Handlers of all methods that both transports have. */
export function createMethods(deps: MethodDeps): Handlers {
  return {
    ...chainMethods(deps),
    ...txMethods(deps),
    ...stateMethods(deps),
    ...listMethods(deps),
    ...otherMethods(deps),
  };
}

/** Bytes of canonical base64. Throws BAD_REQUEST. */
function txBytesOf(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') === text) return bytes;
  throw new AppError('BAD_REQUEST', { reason: 'tx: expected canonical base64' });
}

function notFound(what: string): AppError {
  return new AppError('NOT_FOUND', { what });
}

function chainMethods(
  deps: MethodDeps,
): Pick<Handlers, 'chain_status' | 'chain_getBlock' | 'chain_listBlocks'> {
  const { opened, live, chain } = deps;
  const { network } = opened;
  return {
    chain_status: () => {
      const { header, hash } = live.head();
      const { params } = live.nextBlock();
      return {
        network: network.name,
        caip2: network.caip2,
        chain: network.chain,
        genesisHash: network.genesisHash,
        height: header.height,
        blockHash: hash,
        stateRoot: header.stateRoot,
        timeMs: header.timeMs,
        waitingTxs: live.replica.mempool().count,
        validators: live.validators().map(({ publicKey, stake }) => ({
          publicKey,
          stake: stake.toString(),
        })),
        params: { ...params, fees: { ...params.fees } },
      };
    },
    chain_getBlock: ({ height, hash }) => {
      if (height !== undefined && hash !== undefined) {
        throw new AppError('BAD_REQUEST', { reason: 'give height or hash, not both' });
      }
      const wanted = hash === undefined ? (height ?? chain.headHeight()) : chain.heightOf(hash);
      if (wanted === undefined) throw notFound(`block ${hash}`);
      return blockToJson(chain.blockAt(wanted));
    },
    chain_listBlocks: ({ from, limit }) => {
      const top = Math.min(from ?? chain.headHeight(), chain.headHeight());
      const bottom = Math.max(0, top - limit + 1);
      const heights = Array.from({ length: top - bottom + 1 }, (_, below) => top - below);
      const blocks = heights.map((height) => {
        const { hash, header, txs } = chain.blockAt(height);
        return { hash, header, txCount: txs.length };
      });
      return { blocks, next: bottom > 0 ? bottom - 1 : null };
    },
  };
}

function txMethods(
  deps: MethodDeps,
): Pick<Handlers, 'tx_send' | 'tx_sendAndWait' | 'tx_get' | 'tx_simulate'> {
  const { opened, live, chain, finality } = deps;
  const { admit } = live.admission;
  return {
    async tx_send({ tx }) {
      return { txId: unwrap(await admit(txBytesOf(tx))).txId };
    },
    async tx_sendAndWait({ tx, timeoutMs }, { signal }) {
      const bytes = txBytesOf(tx);
      const admitted = await admit(bytes);
      // Asking again for a transaction that is known already is how a caller survives a lost answer.
      if (!admitted.ok && admitted.code !== 'TX_DUPLICATE') return unwrap(admitted);
      const { txId } = admitted.ok ? admitted.value : unwrap(decodeTx(opened.network, bytes));
      if (!chain.placeOf(txId) && live.unstoredTx(txId))
        await finality.wait(txId, { timeoutMs, signal });
      return statusOf(deps, txId);
    },
    tx_get: ({ txId }) => statusOf(deps, txId),
    tx_simulate: ({ tx, signed }) => simulate(deps, txBytesOf(tx), signed),
  };
}

function statusOf({ chain, live, finality }: MethodDeps, txId: Hex): TxStatusJson {
  const place = chain.placeOf(txId);
  if (place) return finalStatus(chain.blockAt(place.height), place.index);
  const waiting = live.unstoredTx(txId);
  if (waiting) return waitingStatus(waiting);
  const refusal = finality.refusalOf(txId);
  if (refusal) throw new AppError(refusal.code, refusal.facts);
  throw notFound(`transaction ${txId}`);
}

function simulate(
  deps: MethodDeps,
  bytes: Uint8Array,
  signed: boolean,
): ReturnType<Handlers['tx_simulate']> {
  const { opened, live, store } = deps;
  const { network } = opened;
  const tx = unwrap<UnsignedTx>(
    signed ? signedTx(network, bytes) : decodeUnsignedTx(network, bytes),
  );
  const { verdict, effects } = simulateTx(store, live.nextBlock(), tx);
  return {
    ok: verdict.ok,
    code: verdict.ok ? null : verdict.code,
    message: verdict.ok ? null : messageOf(verdict.code, verdict.facts),
    tx: txToJson(tx),
    effects: effects.map(effectToJson),
  };
}

function signedTx(network: Network, bytes: Uint8Array): Verdict<UnsignedTx> {
  const decoded = decodeTx(network, bytes);
  if (!decoded.ok || verifyTx(network, decoded.value)) return decoded;
  return refuse('TX_SIGNATURE_INVALID', { from: addressOf(decoded.value.from) });
}

function stateMethods(
  deps: MethodDeps,
): Pick<
  Handlers,
  'state_getAccount' | 'state_getChannel' | 'state_getAgent' | 'state_getProvider'
> {
  const { store, live } = deps;
  return {
    state_getAccount: ({ address }) => {
      const id = unwrap(accountIdOf(address));
      const account = accountOf(store, id);
      return {
        ...accountToJson(id, account),
        pendingNonce: live.replica.pendingNonce(id),
      };
    },
    state_getChannel: ({ channelId }) => {
      const channel = channelOf(store, channelId);
      if (!channel) throw new AppError('CHANNEL_UNKNOWN', { channelId });
      return channelToJson(channel);
    },
    state_getAgent: ({ address }) => {
      const id = unwrap(accountIdOf(address));
      const agent = agentOf(store, id);
      if (!agent) throw new AppError('AGENT_UNKNOWN', { account: address });
      return agentToJson(id, agent);
    },
    state_getProvider: ({ address }) => {
      const id = unwrap(accountIdOf(address));
      const provider = providerOf(store, id);
      if (!provider) throw new AppError('PROVIDER_UNKNOWN', { account: address });
      return providerToJson(id, provider);
    },
  };
}

/** A page of ids and the id to go on after, null at the end. */
function pageOf(ids: readonly Hex[]): { page: readonly Hex[]; next: Hex | null } {
  const page = ids.slice(0, limits.pageSize);
  return { page, next: ids.length > page.length ? (page[page.length - 1] as Hex) : null };
}

function listMethods(
  deps: MethodDeps,
): Pick<Handlers, 'state_listChannels' | 'state_listProviders'> {
  const { store } = deps;
  const limit = limits.pageSize + 1;
  return {
    state_listChannels: ({ payer, receiver, after }) => {
      const address = payer ?? receiver;
      if (address === undefined || (payer !== undefined && receiver !== undefined)) {
        throw new AppError('BAD_REQUEST', { reason: 'give payer or receiver, one of them' });
      }
      const role = payer === undefined ? 'receiver' : 'payer';
      const party = unwrap(accountIdOf(address));
      const { page, next } = pageOf(store.channelsOf({ role, party, after, limit }));
      const channels = page.map((id) => channelOf(store, id)).filter((row) => row !== undefined);
      return { channels: channels.map(channelToJson), next };
    },
    state_listProviders: ({ after }) => {
      const afterId = after === undefined ? undefined : unwrap(accountIdOf(after));
      const { page, next } = pageOf(store.keysOf({ letter: 'p', after: afterId, limit }));
      const providers = page.flatMap((id) => {
        const provider = providerOf(store, id);
        return provider ? [providerToJson(id, provider)] : [];
      });
      return { providers, next: next && addressOf(next) };
    },
  };
}

function otherMethods(
  deps: MethodDeps,
): Pick<Handlers, 'state_audit' | 'mempool_status' | 'dev_faucet'> {
  const { opened, live, store, faucet } = deps;
  const genesisSupply = supplyOf(opened.genesis);
  return {
    state_audit: () => {
      const { header } = live.head();
      const audit = auditFunds(store.entries(), header.timeMs);
      const problems = [...audit.problems];
      if (audit.supply + audit.burned !== genesisSupply) {
        problems.push('the supply and what was burned are not the supply of genesis');
      }
      return {
        height: header.height,
        supply: audit.supply.toString(),
        genesisSupply: genesisSupply.toString(),
        balances: audit.balances.toString(),
        vaults: audit.vaults.toString(),
        channels: audit.channels.toString(),
        bonds: audit.bonds.toString(),
        stakes: audit.stakes.toString(),
        tasks: audit.tasks.toString(),
        burned: audit.burned.toString(),
        problems: problems.slice(0, limits.pageSize),
      };
    },
    mempool_status: () => live.replica.mempool(),
    async dev_faucet({ address, amount }) {
      if (!faucet) throw new AppError('FAUCET_DISABLED');
      const to = unwrap(accountIdOf(address));
      const given = unwrap(
        await faucet.give(to, amount === undefined ? undefined : amountOf(amount)),
      );
      return { txId: given.txId, amount: given.amount.toString() };
    },
  };
}
