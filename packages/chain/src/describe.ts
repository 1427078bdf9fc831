/** One sentence for people about what a transaction does, as a wallet shows it before it signs. */
import { aitFromNait } from '@aitbc/primitives';
import { addressOf, type Hex, type TxBody, type TxKind, type UnsignedTx } from '@aitbc/protocol';

type Teller<K extends TxKind> = (body: TxBody<K>) => string;

const ait = (amountNait: bigint): string => `${aitFromNait(amountNait)} AIT`;
const shortId = (id: Hex): string => `${id.slice(0, 12)}…`;
const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/** Text that a stranger wrote, in quotes and without control or direction characters. */
const quoted = (text: string): string => JSON.stringify(text.replace(/[\p{C}\u2028\u2029]/gu, '�'));

const tellers: { readonly [K in TxKind]: Teller<K> } = {
  transfer: ({ to, amount, memo }) =>
    `Send ${ait(amount)} to ${addressOf(to)}${memo === '' ? '' : ` with the memo ${memo} (hex)`}.`,
  vault_deposit: ({ amount, allocations }) => {
    if (allocations.length === 0) return `Move ${ait(amount)} from the balance to the vault.`;
    const sum = allocations.reduce((total, row) => total + row.amount, 0n);
    const receivers = [...new Set(allocations.map(({ receiver }) => addressOf(receiver)))];
    const channels = plural(allocations.length, 'channel');
    return `Move ${ait(amount)} to the vault and put ${ait(sum)} into ${channels} for ${receivers.join(', ')}.`;
  },
  vault_withdraw: ({ amount }) => `Move ${ait(amount)} from the vault back to the balance.`,
  channel_fund: ({ amount, receiver, withdrawDelayMs }) =>
    `Put ${ait(amount)} from the vault into a channel for ${addressOf(receiver)}; ` +
    `what it does not earn can be taken back after ${withdrawDelayMs / 1000} s.`,
  channel_claim: ({ rows }) =>
    `Claim what vouchers promise on ${plural(rows.length, 'channel')} for their receivers.`,
  channel_refund: ({ amount, channelId }) =>
    `Give ${ait(amount)} of channel ${shortId(channelId)} back to the payer's vault.`,
  withdraw_init: ({ amount, channelId }) =>
    `Begin to take up to ${ait(amount)} back from channel ${shortId(channelId)}.`,
  withdraw_finalize: ({ channelId }) =>
    `Finish the withdrawal from channel ${shortId(channelId)} to the payer's vault.`,
  agent_register: ({ name, endpoint }) =>
    `Register this account as agent ${quoted(name)} at ${quoted(endpoint)}.`,
  provider_register: ({ bond, endpoint }) =>
    `Register this account as provider at ${quoted(endpoint)} and lock ${ait(bond)} as its bond.`,
  provider_unbond: () => 'Stop being a provider and begin to release the bond.',
  bond_withdraw: ({ provider }) =>
    `Pay the released bond of ${addressOf(provider)} to its balance.`,
};

/** What a transaction does, in one sentence, with its fee. */
export function describeTx(tx: UnsignedTx): string {
  const tell = tellers[tx.kind] as Teller<TxKind>;
  return `${tell(tx.body)} Fee: ${ait(tx.fee)}.`;
}
