/** What the chain looks like over RPC: the rows of `nodeRpc` from blocks and entries. */
import {
  type AccountState,
  type AgentState,
  type ProviderState,
  receiptToJson,
} from '@aitbc/chain';
import {
  addressOf,
  type Hex,
  type nodeRpc,
  type OutputOf,
  type SignedTx,
  txToJson,
} from '@aitbc/protocol';
import type { FinalBlock } from '../chain/chain-view.ts';

type Rpc = typeof nodeRpc;
/** A transaction with what became of it. */
export type TxStatusJson = OutputOf<Rpc['tx_get']>;

/** A block with its transactions. */
export function blockToJson(block: FinalBlock): OutputOf<Rpc['chain_getBlock']> {
  const { hash, header, txs, receipts, certificate } = block;
  return {
    hash,
    header,
    txs: txs.map(txToJson),
    receipts: receipts.map(receiptToJson),
    certificate,
  };
}

/** Status of a final transaction. */
export function finalStatus(block: FinalBlock, index: number): TxStatusJson {
  const [tx, receipt] = [block.txs[index], block.receipts[index]];
  if (!tx || !receipt) throw new RangeError(`block has no transaction ${index}`);
  return {
    status: 'final',
    tx: txToJson(tx),
    receipt: receiptToJson(receipt),
    blockHash: block.hash,
  };
}

/** Status of a waiting transaction. */
export function waitingStatus(tx: SignedTx): TxStatusJson {
  return { status: 'accepted', tx: txToJson(tx), receipt: null, blockHash: null };
}

/** Balances of an account. */
export function accountToJson(id: Hex, { balance, nonce, vault }: AccountState) {
  return {
    address: addressOf(id),
    balance: balance.toString(),
    nonce,
    vault: vault.toString(),
  };
}

/** Identity card of an agent. */
export function agentToJson(id: Hex, agent: AgentState): OutputOf<Rpc['state_getAgent']> {
  return { address: addressOf(id), ...agent };
}

/** Registration of a provider. */
export function providerToJson(
  id: Hex,
  provider: ProviderState,
): OutputOf<Rpc['state_getProvider']> {
  return { address: addressOf(id), ...provider, bond: provider.bond.toString() };
}
