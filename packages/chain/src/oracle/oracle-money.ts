/** The oracle on transfers, vaults, channels and claims. See docs/spec/chain.md, "Kinds". */
import { amountMax, verify } from '@aitbc/primitives';
import {
  type Allocation,
  bytes32,
  type ChannelState,
  channelConfigOf,
  channelIdOf,
  claimBytes,
  type ErrorCode,
  type Hex,
  refundBytes,
  signatureBytesOf,
  type TxBody,
  verifyVoucher,
} from '@aitbc/protocol';
import {
  endOf,
  give,
  known,
  need,
  needKey,
  Refused,
  type Stage,
  smaller,
  takeVault,
} from './oracle-state.ts';

/** What became of one row of a claim. */
export interface OracleRow {
  readonly channelId: Hex;
  readonly paid: bigint;
  readonly code: ErrorCode | null;
}

/** Form of an allocation. */
export function allocationForm(allocation: Allocation): void {
  const { amount, withdrawDelayMs: delay } = allocation;
  need(amount > 0n, 'TX_AMOUNT_ZERO');
  need(delay >= 1_000 && delay <= 2_592_000_000, 'CHANNEL_CONFIG_MISMATCH');
  needKey(allocation.payerAuthorizer);
  needKey(allocation.receiverAuthorizer);
}

/** Puts money from the payer's vault into a channel. */
export function fund({ tables, network }: Stage, payer: Hex, allocation: Allocation): void {
  const config = channelConfigOf(payer, allocation);
  const channelId = channelIdOf(network, config);
  const before = tables.channel.get(channelId);
  need(before?.closed !== true, 'CHANNEL_CLOSED');
  const balance = (before?.balance ?? 0n) + allocation.amount;
  need(balance <= amountMax, 'TX_AMOUNT_OVERFLOW');
  takeVault(tables, payer, allocation.amount);
  tables.channel.set(channelId, {
    channelId,
    ...config,
    balance,
    totalClaimed: before?.totalClaimed ?? 0n,
    withdrawAmount: 0n,
    withdrawDueMs: 0,
    refundNonce: before?.refundNonce ?? 0,
    closed: false,
  });
}

function openChannel({ tables }: Stage, channelId: Hex): ChannelState {
  const channel = known(tables.channel.get(channelId), 'CHANNEL_UNKNOWN');
  need(!channel.closed, 'CHANNEL_CLOSED');
  return channel;
}

const freeOf = ({ balance, totalClaimed }: ChannelState): bigint => balance - totalClaimed;

/** Free money back to the payer's vault; a channel without free money is over. */
function returnMoney({ tables }: Stage, channel: ChannelState, amount: bigint): void {
  const after = { ...channel, balance: channel.balance - amount };
  const withdrawAmount = smaller(channel.withdrawAmount, freeOf(after));
  tables.channel.set(channel.channelId, {
    ...after,
    withdrawAmount,
    withdrawDueMs: withdrawAmount > 0n ? channel.withdrawDueMs : 0,
    closed: freeOf(after) === 0n,
  });
  give(tables, channel.payer, { vault: amount });
}

/** `channel_refund`. */
export function refund(stage: Stage, body: TxBody<'channel_refund'>): void {
  const channel = openChannel(stage, body.channelId);
  need(body.refundNonce === channel.refundNonce, 'REFUND_NONCE_WRONG');
  need(body.amount <= freeOf(channel), 'TX_FUNDS_INSUFFICIENT');
  const { channelId, amount, refundNonce } = body;
  const signed = refundBytes(stage.network, { channelId, amount, refundNonce });
  const signature = signatureBytesOf(body.authorizerSignature);
  need(verify(signature, signed, bytes32(channel.receiverAuthorizer)), 'TX_SIGNATURE_INVALID');
  returnMoney(stage, { ...channel, refundNonce: refundNonce + 1 }, amount);
}

/** `withdraw_init`. */
export function beginWithdrawal(stage: Stage, body: TxBody<'withdraw_init'>): void {
  const channel = openChannel(stage, body.channelId);
  need(channel.payer === stage.from, 'CHANNEL_NOT_PAYER');
  need(channel.withdrawAmount === 0n, 'CHANNEL_WITHDRAW_PENDING');
  need(freeOf(channel) > 0n, 'TX_FUNDS_INSUFFICIENT');
  stage.tables.channel.set(body.channelId, {
    ...channel,
    withdrawAmount: smaller(body.amount, freeOf(channel)),
    withdrawDueMs: stage.timeMs + channel.withdrawDelayMs,
  });
}

/** `withdraw_finalize`. */
export function endWithdrawal(stage: Stage, body: TxBody<'withdraw_finalize'>): void {
  const channel = openChannel(stage, body.channelId);
  need(channel.withdrawAmount > 0n, 'CHANNEL_WITHDRAW_NONE');
  need(stage.timeMs >= endOf(stage, channel.withdrawDueMs), 'CHANNEL_WITHDRAW_EARLY');
  const amount = smaller(channel.withdrawAmount, freeOf(channel));
  returnMoney(stage, { ...channel, withdrawAmount: 0n, withdrawDueMs: 0 }, amount);
}

/** `channel_claim`: the rows, at least one of them paid. */
export function claim(stage: Stage, body: TxBody<'channel_claim'>): OracleRow[] {
  const signature = signatureBytesOf(body.authorizerSignature);
  const signed = claimBytes(stage.network, body.rows);
  need(verify(signature, signed, bytes32(body.receiverAuthorizer)), 'TX_SIGNATURE_INVALID');
  const rows = body.rows.map((row): OracleRow => {
    try {
      return { channelId: row.channelId, paid: payRow(stage, body, row), code: null };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return { channelId: row.channelId, paid: 0n, code: error.code };
    }
  });
  need(
    rows.some(({ code }) => code === null),
    'CLAIM_EMPTY',
  );
  return rows;
}

function payRow(
  stage: Stage,
  { receiverAuthorizer }: TxBody<'channel_claim'>,
  row: TxBody<'channel_claim'>['rows'][number],
): bigint {
  const { channelId, maxClaimable, totalClaimed, context, voucherSignature: signature } = row;
  const channel = openChannel(stage, channelId);
  need(channel.receiverAuthorizer === receiverAuthorizer, 'CHANNEL_CONFIG_MISMATCH');
  need(totalClaimed > channel.totalClaimed, 'CLAIM_NOT_RAISED');
  need(totalClaimed <= maxClaimable, 'CLAIM_BEYOND_CAP');
  need(totalClaimed <= channel.balance, 'CLAIM_BEYOND_BALANCE');
  const voucher = { channelId, maxClaimable, context, signature };
  need(verifyVoucher(stage.network, voucher, channel.payerAuthorizer), 'VOUCHER_SIGNATURE_INVALID');
  const paid = totalClaimed - channel.totalClaimed;
  give(stage.tables, channel.receiver, { balance: paid });
  stage.tables.channel.set(channelId, { ...channel, totalClaimed });
  return paid;
}
