/**
 * What a transaction would do, from the bytes that are signed. One kind does not say it by itself: an approval only
 * names the hash of a proposal. So the wallet asks the node for the proposal, hashes what it got, and reads that only
 * if the hash is the one that would be signed. A node cannot make it approve anything but what it has shown; it can
 * only keep it from approving. See docs/spec/wallet.md, "Approvals".
 */
import { describeTx } from '@aitbc/chain';
import {
  AppError,
  addressOf,
  type Hex,
  type MultisigOperation,
  type MultisigProposalJson,
  type MultisigWish,
  multisigProposalIdOf,
  multisigWishOf,
  type Network,
  type UnsignedTx,
} from '@aitbc/protocol';
import type { WalletChain } from './chain.ts';

/** A transaction and all that it can make happen. */
export interface ReadTx {
  readonly tx: UnsignedTx;
  readonly description: string;
  /** Operations inside, by the sender or by `shared`. */
  readonly inside: readonly MultisigOperation[];
  /** Shared account that the operations would move. */
  readonly shared: Hex | undefined;
}

/** Reads a transaction. Throws WALLET_PROPOSAL_UNREAD, and what the node refuses. */
export async function readTransaction(
  chain: Pick<WalletChain, 'proposalsOf'>,
  network: Network,
  tx: UnsignedTx,
): Promise<ReadTx> {
  const description = describeTx(tx);
  if (tx.kind === 'batch') {
    return { tx, description, inside: tx.body.operations, shared: undefined };
  }
  if (tx.kind === 'multisig_propose') {
    const { operations, multisig } = tx.body;
    return { tx, description, inside: operations, shared: multisig };
  }
  if (tx.kind !== 'multisig_approve') return { tx, description, inside: [], shared: undefined };
  const { operations } = await proposalOf(chain, network, tx);
  const told = describeTx(tx, operations);
  return { tx, description: told, inside: operations, shared: tx.body.multisig };
}

/** A proposal of its JSON form, if it is what its id says. Throws WALLET_PROPOSAL_UNREAD. */
export function checkedWish(network: Network, json: MultisigProposalJson): MultisigWish {
  const unread = (reason: string) => {
    const facts = { account: json.multisig, proposalId: json.proposalId, reason };
    return new AppError('WALLET_PROPOSAL_UNREAD', facts);
  };
  let wish: MultisigWish;
  try {
    wish = multisigWishOf(json);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw unread(error.message);
  }
  if (multisigProposalIdOf(network, wish) === json.proposalId) return wish;
  throw unread('what it shows has another hash');
}

async function proposalOf(
  chain: Pick<WalletChain, 'proposalsOf'>,
  network: Network,
  { body }: Extract<UnsignedTx, { kind: 'multisig_approve' }>,
): Promise<MultisigWish> {
  const { proposalId } = body;
  const account = addressOf(body.multisig);
  const shown = (await chain.proposalsOf(account)).find((row) => row.proposalId === proposalId);
  if (!shown) {
    const reason = 'it stands in no slot';
    throw new AppError('WALLET_PROPOSAL_UNREAD', { account, proposalId, reason });
  }
  if (shown.state !== 'open') {
    const reason = `it is ${shown.state}`;
    throw new AppError('WALLET_PROPOSAL_UNREAD', { account, proposalId, reason });
  }
  return checkedWish(network, shown);
}
