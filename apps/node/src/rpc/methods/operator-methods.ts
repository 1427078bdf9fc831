import { lastHeightOf, protocolVersion, upgradeAt, validatorSetOf, versionAt } from '@aitbc/chain';
import {
  AppError,
  accountIdOf,
  amountOf,
  type nodeRpc,
  type OutputOf,
  unwrap,
} from '@aitbc/protocol';
import type { MeshPeer, MeshTarget } from '../../mesh/types.ts';
import { openRpcOf } from '../open-rpc.ts';
import type { Handlers, MethodDeps } from './deps.ts';

type OperatorHandlers = Pick<
  Handlers,
  | 'mempool_status'
  | 'net_peers'
  | 'consensus_state'
  | 'dev_faucet'
  | 'rpc.discover'
  | 'admin_snapshot'
  | 'admin_stop'
>;
type Peer = OutputOf<typeof nodeRpc.net_peers>['peers'][number];
type Target = OutputOf<typeof nodeRpc.net_peers>['targets'][number];

/** Methods about the node itself. */
export function operatorMethods(deps: MethodDeps): OperatorHandlers {
  const { live, mesh, faucet } = deps;
  return {
    mempool_status: () => live.replica.mempool(),
    net_peers: () => ({
      port: mesh()?.port ?? null,
      peers: (mesh()?.peers() ?? []).map((peer) => peerToJson(deps, peer)),
      targets: (mesh()?.targets() ?? []).map(targetToJson),
    }),
    consensus_state: () => consensusOf(deps),
    async dev_faucet({ address, amount }) {
      if (!faucet) throw new AppError('FAUCET_DISABLED');
      const to = unwrap(accountIdOf(address));
      const given = unwrap(
        await faucet.give(to, amount === undefined ? undefined : amountOf(amount)),
      );
      return { txId: given.txId, amount: given.amount.toString() };
    },
    'rpc.discover': () => openRpcOf(),
    admin_snapshot(_input, { assertAdmin }) {
      assertAdmin();
      const { requestSnapshot } = deps.admin ?? {};
      if (!requestSnapshot) throw unavailable('it takes no snapshots');
      requestSnapshot();
      return { height: live.head().header.height };
    },
    admin_stop(_input, { assertAdmin }) {
      assertAdmin();
      const { stop } = deps.admin ?? {};
      if (!stop) throw unavailable('whoever runs it has not allowed that');
      stop();
      return {};
    },
  };
}

function unavailable(reason: string): AppError {
  return new AppError('UNAVAILABLE', { what: 'This part of the node', reason });
}

function peerToJson({ live }: MethodDeps, peer: MeshPeer): Peer {
  const { publicKey, direction, remote, sinceMs, bytesIn, bytesOut, queuedBytes } = peer;
  const said = live.replica.peers().get(publicKey);
  return {
    publicKey,
    isValidator: live.validators().some((seat) => seat.publicKey === publicKey),
    ...{ direction, remote, sinceMs, bytesIn, bytesOut, queuedBytes },
    listens: peer.listens ?? null,
    rttMs: peer.rttMs ?? null,
    height: said?.height ?? null,
    view: said?.view ?? null,
  };
}

function targetToJson({ address, publicKey, isConnected, failedTries, fault }: MeshTarget): Target {
  return {
    address,
    publicKey: publicKey ?? null,
    isConnected,
    failedTries,
    fault: fault?.code ?? null,
  };
}

function consensusOf({
  opened,
  live,
  store,
  self,
}: MethodDeps): OutputOf<typeof nodeRpc.consensus_state> {
  const status = live.replica.status();
  const { leaderOf, validators } = validatorSetOf(opened.network, store);
  const { height } = live.head().header;
  return {
    self,
    role: status.isValidator ? 'validator' : 'follower',
    mayVote: status.mayVote,
    height,
    epoch: status.epoch,
    lastHeight: lastHeightOf(opened.genesis.params, status.epoch),
    view: status.view,
    leader: validators[leaderOf(status.view)]?.publicKey ?? '',
    pendingBlocks: status.pendingBlocks,
    peerHeight: status.peerHeight,
    syncing: status.isSyncing,
    halted: status.isHalted,
    rules: {
      version: versionAt(store, height + 1),
      known: protocolVersion,
      upgrade: upgradeAt(store) ?? null,
    },
  };
}
