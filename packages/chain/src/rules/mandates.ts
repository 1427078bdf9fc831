/**
 * Mandates: an owner lets another key spend from its vault, within limits that the chain itself checks.
 *
 *   none ─grant→ LIVE ─grant→ LIVE (new limits, old sums)     LIVE ─revoke→ REVOKED ─grant→ LIVE
 *                LIVE ─height above expiresAtHeight→ EXPIRED ─grant→ LIVE
 *
 * A sub-key reaches the owner's vault and nothing else: not the balance, not channels that the owner funded
 * by itself under other keys. It fills channels whose vouchers it signs (`allows` bit 0), or pays from the
 * vault directly (bit 1), each within `channelMaxNait`, to the receivers on the list where there is one. It may
 * not top up a channel that is closing, because that would end the owner's withdrawal.
 *
 * What a stolen sub-key can cost from the theft to the block of the revocation, T ms later, is at most
 *   min(totalMaxNait − spent before, windowMaxNait × (⌊T / windowMs⌋ + 2)) and what its vault holds,
 * besides what lies in channels of the owner that name this key as payerAuthorizer, and the sub-key's own
 * balance. A window begins with its first spending and lasts `windowMs`, so an interval of length T meets
 * ⌊T / windowMs⌋ + 1 beginnings at most, and the window that was running.
 *
 * `jobMaxNait` and `models` are kept here and enforced by providers, who alone see jobs and models: an honest
 * one refuses what goes beyond them (`packages/market/src/mandate`). So they bound what a thief can buy, not
 * what it can give away to a provider of its own. Rejected: enforcing them here, because a voucher never comes to
 * the chain alone and a claim covers many jobs.
 *
 * A new grant changes the limits but never the sums: `totalMaxNait` counts all that the key has ever spent for
 * this owner. Rejected: sums that begin anew with each grant, because then repeating a grant to be sure that
 * it arrived would double the limit; and sliding windows, which must remember every spending.
 * See docs/spec/chain.md, "Mandates".
 */
import {
  accept,
  addressOf,
  channelConfigOf,
  channelIdOf,
  type Hex,
  mandateAllows,
  mandateIdOf,
  refuse,
  type TxBody,
  type TxKind,
  type Verdict,
} from '@aitbc/protocol';
import { channelOf } from '../state.ts';
import type { MandateState } from '../work-entries.ts';
import { checkAllocation, checkKey, fundChannel } from './channel.ts';
import { applied, checkNotZero, credit, type Rule, type Step, takeFromVault } from './rule.ts';

const allBits = mandateAllows.channels | mandateAllows.transfers;

const nothingSpent = { spentNait: 0n, windowStartMs: 0, windowSpentNait: 0n } as const;

type Grant = TxBody<'mandate_grant'>;

function invalid(reason: string): Verdict<never> {
  return refuse('MANDATE_INVALID', { reason });
}

export const mandateGrant: Rule<'mandate_grant'> = {
  form(from, { subKey, windowMs, models, allows }: Grant) {
    if (subKey === from) return invalid('the sub-key is the owner itself');
    if (windowMs === 0) return invalid('windowMs is 0');
    if (models.some(({ model }) => model === '')) return invalid('a model has no name');
    if (allows === 0 || (allows & ~allBits) !== 0) return invalid(`allows is ${allows}`);
    return checkKey(subKey, 'subKey');
  },
  apply({ overlay, context, from, body }) {
    const id = mandateIdOf(context.network, from, body.subKey);
    const { spentNait, windowStartMs, windowSpentNait } =
      overlay.entry('mandate', id) ?? nothingSpent;
    const sums = { spentNait, windowStartMs, windowSpentNait };
    overlay.put('mandate', id, { owner: from, ...body, revoked: false, ...sums });
    return applied;
  },
};

export const mandateRevoke: Rule<'mandate_revoke'> = {
  apply({ overlay, context, from, body: { subKey } }) {
    const id = mandateIdOf(context.network, from, subKey);
    const mandate = overlay.entry('mandate', id);
    const facts = { owner: addressOf(from), subKey: addressOf(subKey) };
    if (!mandate) return refuse('MANDATE_UNKNOWN', facts);
    if (mandate.revoked) return refuse('MANDATE_REVOKED', facts);
    overlay.put('mandate', id, { ...mandate, revoked: true });
    return applied;
  },
};

export const mandateFund: Rule<'mandate_fund'> = {
  form(from, body) {
    if (body.payerAuthorizer !== from) {
      const reason = 'vouchers of its channels are signed by the sub-key alone';
      return refuse('MANDATE_FORBIDDEN', { reason });
    }
    return checkAllocation(body);
  },
  apply({ overlay, context, from, body: { owner, ...allocation } }) {
    const { receiver, amount } = allocation;
    const use = { owner, bit: mandateAllows.channels, receiver, amount };
    const spent = spend({ overlay, context, from }, use);
    if (!spent.ok) return spent;
    const channelId = channelIdOf(context.network, channelConfigOf(owner, allocation));
    if ((channelOf(overlay, channelId)?.withdrawAmount ?? 0n) > 0n) {
      return refuse('CHANNEL_WITHDRAW_PENDING', { channelId });
    }
    return fundChannel({ overlay, context, from: owner, body: allocation });
  },
};

export const mandateTransfer: Rule<'mandate_transfer'> = {
  form: (_from, { owner, to, amount }) => (owner === to ? refuse('TX_SELF') : checkNotZero(amount)),
  apply({ overlay, context, from, body: { owner, to, amount } }) {
    const use = { owner, bit: mandateAllows.transfers, receiver: to, amount };
    const spent = spend({ overlay, context, from }, use);
    if (!spent.ok) return spent;
    const taken = takeFromVault(overlay, owner, amount);
    if (!taken.ok) return taken;
    const paid = credit(overlay, to, { balance: amount });
    return paid.ok ? applied : paid;
  },
};

/** What a sub-key wants to spend. */
interface Use {
  readonly owner: Hex;
  /** Bit of `allows` that it needs. */
  readonly bit: number;
  readonly receiver: Hex;
  readonly amount: bigint;
}

/** Counts a spending of the sender against its mandate. Refusals: MANDATE_*. */
function spend(
  { overlay, context, from }: Pick<Step<TxKind>, 'overlay' | 'context' | 'from'>,
  use: Use,
): Verdict<true> {
  const id = mandateIdOf(context.network, use.owner, from);
  const mandate = overlay.entry('mandate', id);
  const facts = { owner: addressOf(use.owner), subKey: addressOf(from) };
  if (!mandate) return refuse('MANDATE_UNKNOWN', facts);
  const { expiresAtHeight, revoked } = mandate;
  const { height, timeMs } = context;
  if (revoked) return refuse('MANDATE_REVOKED', facts);
  if (height > expiresAtHeight) return refuse('MANDATE_EXPIRED', { expiresAtHeight, height });
  const allowed = checkAllowed(mandate, use);
  if (!allowed.ok) return allowed;
  const now = windowAt(mandate, timeMs);
  const fits = checkLimits(now, use.amount);
  if (!fits.ok) return fits;
  const spentNait = now.spentNait + use.amount;
  const windowSpentNait = now.windowSpentNait + use.amount;
  overlay.put('mandate', id, { ...now, spentNait, windowSpentNait });
  return accept(true);
}

/** The mandate with the window of this time: the running one, or a new one that begins now. */
function windowAt(mandate: MandateState, timeMs: number): MandateState {
  const { windowStartMs, windowMs } = mandate;
  if (timeMs - windowStartMs < windowMs) return mandate;
  return { ...mandate, windowStartMs: timeMs, windowSpentNait: 0n };
}

function checkAllowed({ allows, receivers }: MandateState, use: Use): Verdict<true> {
  const { bit, receiver } = use;
  if ((allows & bit) === 0) {
    const what = bit === mandateAllows.channels ? 'fund channels' : 'make transfers';
    return refuse('MANDATE_FORBIDDEN', { reason: `it may not ${what}` });
  }
  if (receivers.length === 0 || receivers.some((row) => row.receiver === receiver)) {
    return accept(true);
  }
  const reason = `${addressOf(receiver)} is not one of its receivers`;
  return refuse('MANDATE_FORBIDDEN', { reason });
}

function checkLimits(mandate: MandateState, needed: bigint): Verdict<true> {
  const left: readonly (readonly [scope: string, available: bigint])[] = [
    ['single', mandate.channelMaxNait],
    ['window', mandate.windowMaxNait - mandate.windowSpentNait],
    ['total', mandate.totalMaxNait - mandate.spentNait],
  ];
  const short = left.find(([, available]) => available < needed);
  if (!short) return accept(true);
  const [scope, available] = short;
  return refuse('MANDATE_EXCEEDED', { scope, available: available < 0n ? 0n : available, needed });
}
