/**
 * Transfers and the vault. A vault is a second purse of an account, for money that is meant for channels:
 * it fills from the balance, channels fill from it, and refunds and withdrawals come back to it.
 * See docs/spec/chain.md, "transfer", "vault_deposit", "vault_withdraw".
 */
import { accept, refuse } from '@aitbc/protocol';
import { checkAllocation, fundChannel } from './channel.ts';
import { applied, checkNotZero, credit, type Rule, takeFromVault } from './rule.ts';

export const transfer: Rule<'transfer'> = {
  form(from, { to, amount }) {
    if (to === from) return refuse('TX_SELF');
    return checkNotZero(amount);
  },
  spend: ({ amount }) => amount,
  apply({ overlay, body }) {
    const paid = credit(overlay, body.to, { balance: body.amount });
    return paid.ok ? applied : paid;
  },
};

export const vaultDeposit: Rule<'vault_deposit'> = {
  form(_from, { amount, allocations }) {
    if (allocations.length === 0) return checkNotZero(amount);
    for (const allocation of allocations) {
      const checked = checkAllocation(allocation);
      if (!checked.ok) return checked;
    }
    return accept(true);
  },
  spend: ({ amount }) => amount,
  apply({ overlay, context, from, body }) {
    const filled = credit(overlay, from, { vault: body.amount });
    if (!filled.ok) return filled;
    for (const allocation of body.allocations) {
      const funded = fundChannel({ overlay, context, from, body: allocation });
      if (!funded.ok) return funded;
    }
    return applied;
  },
};

export const vaultWithdraw: Rule<'vault_withdraw'> = {
  form: (_from, { amount }) => checkNotZero(amount),
  apply({ overlay, from, body }) {
    const taken = takeFromVault(overlay, from, body.amount);
    if (!taken.ok) return taken;
    const paid = credit(overlay, from, { balance: body.amount });
    return paid.ok ? applied : paid;
  },
};
