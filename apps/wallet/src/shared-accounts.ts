/** Shared accounts that the wallet knows: their members, and what they have proposed, in words. */
import { describeOperations } from '@aitbc/chain';
import type { OutputOf, walletEndpoints } from '@aitbc/protocol';
import type { WalletChain } from './chain.ts';
import { checkedWish } from './read-transaction.ts';
import type { WalletStore } from './store.ts';

/** What the API shows of a shared account. */
export type SharedView = OutputOf<typeof walletEndpoints.proposals>;

/** Members and proposals. Throws MULTISIG_UNKNOWN, WALLET_PROPOSAL_UNREAD, and what the node refuses. */
export async function proposalsInWords(
  { chain, store }: { readonly chain: WalletChain; readonly store: WalletStore },
  address: string,
): Promise<SharedView> {
  const network = await chain.network();
  const { threshold, members } = await chain.sharedAccount(address);
  const labels = new Map(store.accounts.list().map((row) => [row.address, row.label]));
  const proposals = (await chain.proposalsOf(address)).map(({ operations, ...json }) => {
    const isOpen = json.state === 'open';
    const wish = isOpen ? checkedWish(network, { ...json, operations }) : undefined;
    const heldMembers = members.filter(
      (member) => labels.has(member) && !json.approvals.includes(member),
    );
    return { ...json, description: wish ? describeOperations(wish.operations) : '', heldMembers };
  });
  return {
    ...{ address, threshold, proposals },
    members: members.map((member) => ({ address: member, label: labels.get(member) ?? null })),
  };
}
