/** What detectors learn from a transaction: coins that moved between accounts, and channels that were funded. */
import {
  type Allocation,
  accountIdOf,
  addressOf,
  type ChainFact,
  channelConfigOf,
  channelIdOf,
  type Hex,
  type Network,
  type Operation,
  type TxKind,
  txBodyFromJson,
  unwrap,
} from '@aitbc/protocol';

/** A transaction as a node shows it. */
export interface ShownTx {
  readonly kind: TxKind;
  /** Address. */
  readonly from: string;
  readonly body: Readonly<Record<string, unknown>>;
}

type Step = Operation | { readonly kind: 'other' };

/** Facts of an applied transaction, in the order of its operations. Throws BAD_REQUEST for a body that does not fit its kind. */
export function chainFactsOf(network: Network, tx: ShownTx): ChainFact[] {
  const from = unwrap(accountIdOf(tx.from));
  return stepsOf(tx).flatMap((step) => factsOfStep(network, from, step));
}

function stepsOf({ kind, body }: ShownTx): readonly Step[] {
  switch (kind) {
    case 'batch':
      return unwrap(txBodyFromJson('batch', body)).operations;
    case 'transfer':
    case 'vault_deposit':
    case 'channel_fund':
    case 'mandate_fund':
    case 'mandate_transfer':
      return [{ kind, body: unwrap(txBodyFromJson(kind, body)) } as Step];
    default:
      return [];
  }
}

function factsOfStep(network: Network, from: Hex, step: Step): ChainFact[] {
  switch (step.kind) {
    case 'transfer':
      return [transferOf(from, step.body)];
    case 'mandate_transfer':
      return [transferOf(step.body.owner, step.body)];
    case 'vault_deposit':
      return step.body.allocations.map((one) => channelOf(network, from, one));
    case 'channel_fund':
      return [channelOf(network, from, step.body)];
    case 'mandate_fund':
      return [channelOf(network, step.body.owner, step.body)];
    default:
      return [];
  }
}

function transferOf(from: Hex, { to, amount }: { to: Hex; amount: bigint }): ChainFact {
  const parties = { from: addressOf(from), to: addressOf(to) };
  return { kind: 'transfer', ...parties, amount: amount.toString() };
}

function channelOf(network: Network, payer: Hex, allocation: Allocation): ChainFact {
  const channelId = channelIdOf(network, channelConfigOf(payer, allocation));
  const parties = { payer: addressOf(payer), receiver: addressOf(allocation.receiver) };
  return { kind: 'channel', channelId, ...parties, amount: allocation.amount.toString() };
}
