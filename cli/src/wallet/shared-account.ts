/** What the commands of shared accounts have in common: which account, which member, which proposal. */
import {
  AppError,
  accountIdOf,
  limits,
  type OutputOf,
  type TxBody,
  type TxKind,
  unwrap,
  type walletEndpoints,
} from '@aitbc/protocol';
import type { Clients, WalletClient } from '../context/clients.ts';
import type { Context } from '../context/context.ts';
import { chooseAccount, type WalletAccount } from './choose-account.ts';
import { type SentTx, sendTx } from './send-tx.ts';

/** A shared account with its proposals in words. */
export type SharedView = OutputOf<typeof walletEndpoints.proposals>;

/** One of its proposals. */
export type SharedProposal = SharedView['proposals'][number];

/** The argument that names a shared account, for argument tables. */
export const sharedArgument = {
  name: 'shared',
  help: 'address or label of the shared account (aitbc wallet multisig list)',
} as const;

/** The argument that names a proposal, for argument tables. */
export const proposalArgument = {
  name: 'proposal',
  help: 'id of the proposal, or its first digits (aitbc wallet multisig show)',
} as const;

/** Options of the commands that a member signs. */
export const memberOptions = {
  account: {
    flags: '-a, --account <account>',
    help: 'member who signs; default: the first one in this wallet that can',
  },
  yes: { flags: '-y, --yes', help: 'do not ask' },
} as const;

/** The shared account with this address or label, its members and proposals. */
export async function openShared(
  context: Context,
  wallet: WalletClient,
  named: string,
): Promise<SharedView & { readonly label: string }> {
  const { address, label, kind } = await chooseAccount(context, wallet, named);
  if (kind !== 'shared') {
    const reason = `${label} is no shared account. Those of this wallet: aitbc wallet multisig list`;
    throw new AppError('CLI_USAGE', { reason });
  }
  const view = await wallet.proposals({ address }, { signal: context.signal });
  return { ...view, label };
}

/** The proposal whose id begins with what was typed. Throws CLI_USAGE, MULTISIG_PROPOSAL_UNKNOWN. */
export function proposalNamed({ address, proposals }: SharedView, text: string): SharedProposal {
  const found = proposals.filter(({ proposalId }) => proposalId.startsWith(text));
  const [one, second] = found;
  if (one && !second && text.length > 0) return one;
  if (!one) throw new AppError('MULTISIG_PROPOSAL_UNKNOWN', { account: address, proposalId: text });
  const reason = `"${text}" fits ${found.length} proposals. Give more digits.`;
  throw new AppError('CLI_USAGE', { reason });
}

/** The first place of a member where a proposal may stand, and how many stood there. Throws CLI_USAGE. */
export function freeSlotOf(
  { proposals }: SharedView,
  proposer: string,
): { readonly slot: number; readonly number: number } {
  for (let slot = 0; slot < limits.multisigSlots; slot += 1) {
    const there = proposals.find((row) => row.proposer === proposer && row.slot === slot);
    if (!there) return { slot, number: 0 };
    if (there.over !== null) return { slot, number: there.number + 1 };
  }
  const reason = `${proposer} has ${limits.multisigSlots} open proposals. Cancel one of them first: aitbc wallet multisig cancel`;
  throw new AppError('CLI_USAGE', { reason });
}

/** The member who signs: the named one, or the first of these. Throws CLI_USAGE. */
export async function memberFor(
  { context, wallet }: { readonly context: Context; readonly wallet: WalletClient },
  named: string | undefined,
  candidates: readonly string[],
): Promise<string> {
  if (named !== undefined) return (await chooseAccount(context, wallet, named)).address;
  const [first] = candidates;
  if (first !== undefined) return first;
  throw new AppError('CLI_USAGE', { reason: 'No member in this wallet can do that now.' });
}

/** Members whose keys are in this wallet. */
export function heldMembers({ members }: SharedView): string[] {
  return members.flatMap(({ address, label }) => (label === null ? [] : [address]));
}

/** Signs, sends and waits. What a command prints with `--json`, and the line for people. */
export async function sendAsMember<K extends TxKind>(
  context: Context,
  clients: Clients,
  wish: { from: string; kind: K; body: TxBody<K>; isConfirmed: boolean },
) {
  const { status, description, effects } = await sendTx(context, clients, wish);
  const { receipt, blockHash, tx }: SentTx['status'] = status;
  const height = receipt?.height ?? null;
  const txId = receipt?.txId ?? null;
  return {
    sent: { txId, height, blockHash, fee: tx.fee, description, effects },
    line: `Final in block ${height}. Transaction ${txId}`,
  };
}

/** Account ids of addresses and labels with commas between them, in the order of a shared account. */
export async function membersOf(
  context: Context,
  wallet: WalletClient,
  text: string,
): Promise<{ member: string }[]> {
  const words = text.split(',').map((word) => word.trim());
  const { accounts } = await wallet.listAccounts({}, { signal: context.signal });
  const ids = words.map((word) => unwrap(accountIdOf(addressIn(accounts, word))));
  return ids.sort().map((member) => ({ member }));
}

function addressIn(accounts: readonly WalletAccount[], word: string): string {
  const labelled = accounts.filter(({ label }) => label === word);
  if (labelled.length > 1) {
    throw new AppError('CLI_USAGE', { reason: `Two accounts are labelled "${word}".` });
  }
  return labelled[0]?.address ?? word;
}
