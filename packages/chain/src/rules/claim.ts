/**
 * Claims: the receiver collects what vouchers promise.
 *
 * Anyone may send a claim, because it pays nobody but the receivers. The provider's hot key signs how much of
 * each voucher is due, so the sender cannot raise it; the payer's hot key signed the cap. A row raises the
 * channel's `totalClaimed` to the amount it names and pays the difference. It is paid in full or refused with
 * its own code, and rows are worked on in order, so a row that stands there twice is paid once. A claim
 * none of whose rows is paid does not enter a block.
 *
 * Rejected: paying a row in part when the channel is short. A claim that was marked larger than what was
 * paid would burn the rest of the promise. See docs/spec/chain.md, "channel_claim".
 */
import { verify } from '@aitbc/primitives';
import {
  accept,
  bytes32,
  type ChannelState,
  type ClaimRow,
  claimBytes,
  type Network,
  refuse,
  signatureBytesOf,
  type Verdict,
  verifyVoucher,
} from '@aitbc/protocol';
import type { ClaimResult } from '../receipt.ts';
import { openChannelOf } from './channel.ts';
import { credit, type Rule, type Step } from './rule.ts';

export const channelClaim: Rule<'channel_claim'> = {
  form: (_from, { rows }) =>
    rows.length > 0
      ? accept(true)
      : refuse('CLAIM_EMPTY', { rows: 0, reason: 'the list is empty' }),
  apply(step) {
    const { context, body } = step;
    const signed = claimBytes(context.network, body.rows);
    const signature = signatureBytesOf(body.authorizerSignature);
    if (!verify(signature, signed, bytes32(body.receiverAuthorizer))) {
      return refuse('TX_SIGNATURE_INVALID', { from: body.receiverAuthorizer });
    }
    const results = body.rows.map((row) => resultOf(row, payRow(step, row)));
    if (results.some(({ code }) => code === null)) return accept(results);
    const reason = [...new Set(results.map(({ code }) => code))].join(', ');
    return refuse('CLAIM_EMPTY', { rows: results.length, reason });
  },
};

function resultOf({ channelId }: ClaimRow, paid: Verdict<bigint>): ClaimResult {
  return paid.ok
    ? { channelId, paid: paid.value, code: null }
    : { channelId, paid: 0n, code: paid.code };
}

/** Pays one row to the receiver; the amount paid, nait. */
function payRow({ overlay, context, body }: Step<'channel_claim'>, row: ClaimRow): Verdict<bigint> {
  const opened = openChannelOf(overlay, row.channelId);
  if (!opened.ok) return opened;
  const channel = opened.value;
  if (channel.receiverAuthorizer !== body.receiverAuthorizer) {
    const reason = `channel ${row.channelId} has another receiverAuthorizer`;
    return refuse('CHANNEL_CONFIG_MISMATCH', { reason });
  }
  const checked = checkRow(context.network, channel, row);
  if (!checked.ok) return checked;
  const due = row.totalClaimed - channel.totalClaimed;
  const paid = credit(overlay, channel.receiver, { balance: due });
  if (!paid.ok) return paid;
  overlay.put('channel', row.channelId, { ...channel, totalClaimed: row.totalClaimed });
  return accept(due);
}

/** Amounts first, the signature last: it costs more than all the rest. */
function checkRow(network: Network, channel: ChannelState, row: ClaimRow): Verdict<true> {
  const { channelId, maxClaimable, totalClaimed, context, voucherSignature: signature } = row;
  if (totalClaimed <= channel.totalClaimed) {
    return refuse('CLAIM_NOT_RAISED', { channelId, totalClaimed: channel.totalClaimed });
  }
  if (totalClaimed > maxClaimable)
    return refuse('CLAIM_BEYOND_CAP', { totalClaimed, maxClaimable });
  if (totalClaimed > channel.balance) {
    return refuse('CLAIM_BEYOND_BALANCE', { totalClaimed, balance: channel.balance });
  }
  const voucher = { channelId, maxClaimable, context, signature };
  return verifyVoucher(network, voucher, channel.payerAuthorizer)
    ? accept(true)
    : refuse('VOUCHER_SIGNATURE_INVALID', { channelId });
}
