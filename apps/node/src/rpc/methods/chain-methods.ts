import { encodeReceipt, proveListItem } from '@aitbc/chain';
import { hex, sha256 } from '@aitbc/primitives';
import { bytes32, lightBundleToJson } from '@aitbc/protocol';
import type { FinalBlock } from '../../chain/chain-view.ts';
import { blockToJson } from '../json-forms.ts';
import { badRequest, type Handlers, type MethodDeps, notFound } from './deps.ts';
import type { Prover } from './prover.ts';

type ChainHandlers = Pick<
  Handlers,
  | 'chain_status'
  | 'chain_getBlock'
  | 'chain_listBlocks'
  | 'chain_getHeader'
  | 'chain_getCertificate'
  | 'chain_getLightBundle'
  | 'chain_getTxProof'
>;

/** Methods about blocks and what proves them. */
export function chainMethods(deps: MethodDeps, prover: Prover): ChainHandlers {
  const { chain } = deps;
  return {
    chain_status: () => statusOf(deps),
    chain_getBlock: (name) => blockToJson(blockNamed(deps, name)),
    chain_getHeader(name) {
      const { hash, header } = blockNamed(deps, name);
      return { hash, header };
    },
    chain_getCertificate(name) {
      const { certificate, header } = blockNamed(deps, name);
      if (!certificate) throw notFound(`certificate of block ${header.height}`);
      return certificate;
    },
    chain_getLightBundle: ({ height }) => lightBundleToJson(prover.bundleAt(height)),
    chain_getTxProof({ txId }) {
      const place = chain.placeOf(txId);
      if (!place) throw notFound(`final transaction ${txId}`);
      return txProofOf(chain.blockAt(place.height), place.index, prover);
    },
    chain_listBlocks: ({ from, limit }) => {
      const top = Math.min(from ?? chain.headHeight(), chain.headHeight());
      const first = chain.firstHeight();
      const bottom = Math.max(first, top - limit + 1);
      const heights = Array.from({ length: Math.max(0, top - bottom + 1) }, (_, at) => top - at);
      const blocks = heights.map((height) => {
        const { hash, header, txs } = chain.blockAt(height);
        return { hash, header, txCount: txs.length };
      });
      return { blocks, next: bottom > first ? bottom - 1 : null };
    },
  };
}

function statusOf({ opened, live, clock }: MethodDeps): ReturnType<ChainHandlers['chain_status']> {
  const { network } = opened;
  const { header, hash } = live.head();
  const { params } = live.nextBlock();
  const { epoch, view, isValidator, isSyncing } = live.replica.status();
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
    epoch,
    view,
    role: isValidator ? 'validator' : 'follower',
    syncing: isSyncing,
    headAgeMs: Math.max(0, Math.floor(clock.nowMs() - header.timeMs)),
  };
}

interface BlockName {
  readonly height?: number | undefined;
  readonly hash?: string | undefined;
}

function blockNamed({ chain }: MethodDeps, { height, hash }: BlockName): FinalBlock {
  if (height !== undefined && hash !== undefined) {
    throw badRequest('give height or hash, not both');
  }
  const wanted = hash === undefined ? (height ?? chain.headHeight()) : chain.heightOf(hash);
  if (wanted === undefined) throw notFound(`block ${hash}`);
  return chain.blockAt(wanted);
}

function txProofOf(
  { header, txs, receipts }: FinalBlock,
  index: number,
  prover: Prover,
): ReturnType<ChainHandlers['chain_getTxProof']> {
  const bytes = receipts.map(encodeReceipt);
  const ids = txs.map(({ txId }) => bytes32(txId));
  return {
    bundle: lightBundleToJson(prover.bundleAt(header.height)),
    txProof: listProof(ids, index),
    receipt: hex(bytes[index] as Uint8Array),
    receiptProof: listProof(bytes.map(sha256), index),
  };
}

function listProof(leaves: readonly Uint8Array[], at: number) {
  const { index, count, siblings } = proveListItem(leaves, at);
  return { index, count, siblings: [...siblings] };
}
