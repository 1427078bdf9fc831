/**
 * Channels: funding, refund and withdrawal.
 *
 *   none ─fund→ OPEN ─fund→ OPEN ─withdraw_init→ CLOSING ─(claims go on)→ withdraw_finalize → CLOSED or OPEN
 *               OPEN, CLOSING ─refund of all that is left→ CLOSED          CLOSING ─fund→ OPEN
 *
 * `balance` is all that was ever put in less what went back to the payer, `totalClaimed` what the receiver
 * got; the difference is the free part, and it is never negative. A channel closes when money goes back
 * and nothing is left. CLOSED is for ever: the entry stays as a tombstone.
 *
 * The payer may always leave: withdraw_init, wait `withdrawDelayMs` of chain time, and then anyone may send
 * withdraw_finalize. The delay is the receiver's time to claim what it was promised, and a halt of the chain is no
 * part of it (dates.ts). A withdrawal pays what is free when it ends, not what was free when it began, so claims in between go first.
 * See docs/spec/chain.md, "Channels".
 */
import { amountMax, isSafePublicKey, verify } from '@aitbc/primitives';
import {
  type Allocation,
  accept,
  bytes32,
  type ChannelState,
  channelConfigOf,
  channelIdOf,
  type Hex,
  limits,
  refundBytes,
  refuse,
  signatureBytesOf,
  type TxBody,
  type Verdict,
} from '@aitbc/protocol';
import { channelOf, freePartOf, type Overlay } from '../state.ts';
import { dateInForce } from './dates.ts';
import {
  applied,
  checkNotZero,
  credit,
  lacking,
  type Outcome,
  type Rule,
  type Step,
  takeFromVault,
} from './rule.ts';

/** Accepts a key that can sign. Refusal: KEY_INVALID. */
export function checkKey(key: Hex, what: string): Verdict<true> {
  return isSafePublicKey(bytes32(key)) ? accept(true) : refuse('KEY_INVALID', { key, what });
}

/** Checks an allocation alone. Refusals: TX_AMOUNT_ZERO, CHANNEL_CONFIG_MISMATCH, KEY_INVALID. */
export function checkAllocation(allocation: Allocation): Verdict<true> {
  const { amount, withdrawDelayMs, payerAuthorizer, receiverAuthorizer } = allocation;
  const { withdrawDelayMsMin: min, withdrawDelayMsMax: max } = limits;
  if (amount === 0n) return refuse('TX_AMOUNT_ZERO');
  if (withdrawDelayMs < min || withdrawDelayMs > max) {
    const reason = `withdrawDelayMs is ${withdrawDelayMs}, not between ${min} and ${max}`;
    return refuse('CHANNEL_CONFIG_MISMATCH', { reason });
  }
  const payerKey = checkKey(payerAuthorizer, 'payerAuthorizer');
  return payerKey.ok ? checkKey(receiverAuthorizer, 'receiverAuthorizer') : payerKey;
}

/** A channel that may still change. Refusals: CHANNEL_UNKNOWN, CHANNEL_CLOSED. */
export function openChannelOf(overlay: Overlay, channelId: Hex): Verdict<ChannelState> {
  const channel = channelOf(overlay, channelId);
  if (!channel) return refuse('CHANNEL_UNKNOWN', { channelId });
  return channel.closed ? refuse('CHANNEL_CLOSED', { channelId }) : accept(channel);
}

const noWithdrawal = { withdrawAmount: 0n, withdrawDueMs: 0 } as const;

/** Opens or tops up a channel from the vault of the sender; a top-up ends a pending withdrawal. */
export function fundChannel({ overlay, context, from, body }: Step<'channel_fund'>): Outcome {
  const config = channelConfigOf(from, body);
  const channelId = channelIdOf(context.network, config);
  const channel = channelOf(overlay, channelId) ?? emptyChannel(channelId, config);
  if (channel.closed) return refuse('CHANNEL_CLOSED', { channelId });
  const balance = channel.balance + body.amount;
  if (balance > amountMax) return refuse('TX_AMOUNT_OVERFLOW');
  const taken = takeFromVault(overlay, from, body.amount);
  if (!taken.ok) return taken;
  overlay.put('channel', channelId, { ...channel, ...noWithdrawal, balance });
  return applied;
}

function emptyChannel(channelId: Hex, config: ReturnType<typeof channelConfigOf>): ChannelState {
  const money = { balance: 0n, totalClaimed: 0n, ...noWithdrawal };
  return { channelId, ...config, ...money, refundNonce: 0, closed: false };
}

/** Moves free money of a channel to the payer's vault; closes the channel when nothing is left. */
function payBack(overlay: Overlay, channel: ChannelState, amount: bigint): Verdict<true> {
  const left = freePartOf(channel) - amount;
  const withdrawAmount = left < channel.withdrawAmount ? left : channel.withdrawAmount;
  overlay.put('channel', channel.channelId, {
    ...channel,
    balance: channel.balance - amount,
    withdrawAmount,
    withdrawDueMs: withdrawAmount === 0n ? 0 : channel.withdrawDueMs,
    closed: left === 0n,
  });
  return credit(overlay, channel.payer, { vault: amount });
}

export const channelFund: Rule<'channel_fund'> = {
  form: (_from, body) => checkAllocation(body),
  apply: fundChannel,
};

export const channelRefund: Rule<'channel_refund'> = {
  form: (_from, { amount }) => checkNotZero(amount),
  apply(step) {
    const channel = openChannelOf(step.overlay, step.body.channelId);
    if (!channel.ok) return channel;
    const checked = checkRefund(step, channel.value);
    if (!checked.ok) return checked;
    const refundNonce = channel.value.refundNonce + 1;
    const paid = payBack(step.overlay, { ...channel.value, refundNonce }, step.body.amount);
    return paid.ok ? applied : paid;
  },
};

function checkRefund(step: Step<'channel_refund'>, channel: ChannelState): Verdict<true> {
  const { amount, refundNonce, channelId } = step.body;
  if (refundNonce !== channel.refundNonce) {
    return refuse('REFUND_NONCE_WRONG', { got: refundNonce, expected: channel.refundNonce });
  }
  const free = freePartOf(channel);
  if (amount > free) return lacking(`channel ${channelId}`, free, amount);
  return isRefundSigned(step, channel.receiverAuthorizer)
    ? accept(true)
    : refuse('TX_SIGNATURE_INVALID', { from: channel.receiverAuthorizer });
}

function isRefundSigned({ context, body }: Step<'channel_refund'>, authorizer: Hex): boolean {
  const { authorizerSignature, ...terms }: TxBody<'channel_refund'> = body;
  const signed = refundBytes(context.network, terms);
  return verify(signatureBytesOf(authorizerSignature), signed, bytes32(authorizer));
}

export const withdrawInit: Rule<'withdraw_init'> = {
  form: (_from, { amount }) => checkNotZero(amount),
  apply({ overlay, context, from, body }) {
    const opened = openChannelOf(overlay, body.channelId);
    if (!opened.ok) return opened;
    const channel = opened.value;
    const { channelId } = channel;
    if (channel.payer !== from) return refuse('CHANNEL_NOT_PAYER', { channelId });
    if (channel.withdrawAmount > 0n) return refuse('CHANNEL_WITHDRAW_PENDING', { channelId });
    const free = freePartOf(channel);
    if (free === 0n) return lacking(`channel ${channelId}`, free, body.amount);
    overlay.put('channel', channelId, {
      ...channel,
      withdrawAmount: body.amount < free ? body.amount : free,
      withdrawDueMs: context.timeMs + channel.withdrawDelayMs,
    });
    return applied;
  },
};

export const withdrawFinalize: Rule<'withdraw_finalize'> = {
  apply({ overlay, context, body }) {
    const opened = openChannelOf(overlay, body.channelId);
    if (!opened.ok) return opened;
    const channel = opened.value;
    const { channelId, withdrawAmount, withdrawDueMs } = channel;
    if (withdrawAmount === 0n) return refuse('CHANNEL_WITHDRAW_NONE', { channelId });
    const dueAt = dateInForce({ overlay, context }, withdrawDueMs);
    if (context.timeMs < dueAt) {
      return refuse('CHANNEL_WITHDRAW_EARLY', { channelId, dueAt, now: context.timeMs });
    }
    const free = freePartOf(channel);
    const amount = withdrawAmount < free ? withdrawAmount : free;
    const paid = payBack(overlay, { ...channel, ...noWithdrawal }, amount);
    return paid.ok ? applied : paid;
  },
};
