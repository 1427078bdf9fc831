/**
 * Facilitator side of `batch-settlement`. `verify` looks at the chain; `settle` relays the claim that the seller made and
 * signed itself, with the fee on the seller's account. So a facilitator has no key and no coins, and what it
 * could do wrong is to lie or to be away.
 */
import { bytesFromBase64 } from '@aitbc/primitives';
import {
  AppError,
  addressOf,
  asAppError,
  type ChannelState,
  type ClaimRow,
  channelToJson,
  decodeTx,
  type ErrorCode,
  type Network,
  type Refusal,
  refuse,
  type SignedTx,
  type Verdict,
  verifyTx,
  x402Scheme,
} from '@aitbc/protocol';
import type { FacilitatorScheme, Payment, Requirements, Settled, Verified } from '../shapes.ts';
import { caipFamily, reasonOf } from '../terms.ts';
import { checkVoucher, type VoucherSale, voucherSaleOf } from './check-voucher.ts';
import type { FacilitatorChain } from './facilitator-chain.ts';
import type { Relay } from './relay.ts';

/** Parts of a facilitator's scheme. */
export interface FacilitatorDeps {
  readonly network: Network;
  readonly chain: FacilitatorChain;
  readonly relay: Relay;
}

/** The scheme of vouchers for a facilitator. */
export function createChannelFacilitator(deps: FacilitatorDeps): FacilitatorScheme {
  return {
    scheme: x402Scheme,
    caipFamily,
    getExtra: () => ({ name: 'AIT', version: '1' }),
    getSigners: () => [],
    verify: (payment, requirements) => verify(deps, payment, requirements),
    settle: (payment, requirements) => settle(deps, payment, requirements),
  };
}

async function verify(
  { network, chain }: FacilitatorDeps,
  payment: Payment,
  requirements: Requirements,
): Promise<Verified> {
  const sale = voucherSaleOf(network, payment, requirements);
  if (!sale.ok) return invalid(x402Scheme, sale);
  const { channelId } = sale.value.payload;
  const channel = await chain.channel(channelId);
  if (!channel) return invalid(x402Scheme, refuse('VOUCHER_CHANNEL_WRONG', { channelId }));
  const checked = checkVoucher(network, channel, { sale: sale.value, payTo: requirements.payTo });
  if (!checked.ok) return invalid(x402Scheme, checked);
  const { height, claimFee } = await chain.status();
  return {
    isValid: true,
    payer: addressOf(channel.payer),
    extra: { channel: channelToJson(channel), height, claimFee: claimFee.toString() },
  };
}

/** The answer to a payment that is not valid. */
export function invalid(scheme: string, { code, facts }: Refusal): Verified {
  const { message } = new AppError(code, facts);
  return { isValid: false, invalidReason: reasonOf(scheme, code), invalidMessage: message };
}

async function settle(
  { network, chain, relay }: FacilitatorDeps,
  payment: Payment,
  requirements: Requirements,
): Promise<Settled> {
  const failed = (refusal: Refusal) => notSettled(requirements, refusal);
  const sale = voucherSaleOf(network, payment, requirements);
  if (!sale.ok) return failed(sale);
  const claim = claimOf(network, payment, sale.value);
  if (!claim.ok) return failed(claim);
  const { channelId } = sale.value.payload;
  const { tx, row } = claim.value;
  const channel = await chain.channel(channelId);
  if (!channel) return failed(refuse('VOUCHER_CHANNEL_WRONG', { channelId }));
  const isNew = !relay.isPending(tx.txId); // asked again, the claim itself may have changed the channel
  const checked = checkClaim(network, channel, { sale: sale.value, requirements, row });
  if (isNew && !checked.ok) return failed(checked);
  const sent = await relay.send(tx);
  if (sent.state === 'pending') return pendingAnswer(requirements, sent.txId);
  if (sent.state === 'refused') return failed(refuse(sent.error.code, sent.error.facts));
  const code = sent.tx.rows.find((paid) => paid.channelId === channelId)?.code;
  if (code !== null) return failed(refuse((code ?? 'CLAIM_NOT_RAISED') as ErrorCode));
  return {
    ...settledBase(requirements, sent.tx.txId),
    payer: addressOf(channel.payer),
    extra: { totalClaimed: row.totalClaimed.toString() },
  };
}

function checkClaim(
  network: Network,
  channel: ChannelState,
  { sale, requirements, row }: ClaimedSale,
): Verdict<unknown> {
  const checked = checkVoucher(network, channel, { sale, payTo: requirements.payTo });
  if (!checked.ok) return checked;
  if (row.totalClaimed >= channel.totalClaimed + sale.amountNait) return checked;
  return refuse('PAYMENT_MALFORMED', { reason: 'the claim is below the amount' });
}

interface ClaimedSale {
  readonly sale: VoucherSale;
  readonly requirements: Requirements;
  readonly row: ClaimRow;
}

interface Claim {
  readonly tx: SignedTx;
  readonly row: ClaimRow;
}

/** The claim that the seller added to the payment. */
function claimOf(network: Network, payment: Payment, { payload }: VoucherSale): Verdict<Claim> {
  const tx = signedTxOf(network, payment.payload.claim);
  if (!tx.ok) return tx;
  if (tx.value.kind !== 'channel_claim') {
    return refuse('PAYMENT_MALFORMED', { reason: 'payload.claim: not a claim' });
  }
  const { rows } = tx.value.body as { readonly rows: readonly ClaimRow[] };
  const row = rows.find(({ channelId }) => channelId === payload.channelId);
  if (row) return { ok: true, value: { tx: tx.value, row } };
  return refuse('PAYMENT_MALFORMED', { reason: 'payload.claim: not for this channel' });
}

/** A transaction from base64 whose signatures hold. Refusals: PAYMENT_MALFORMED and those of `decodeTx`. */
export function signedTxOf(network: Network, text: unknown): Verdict<SignedTx> {
  const bytes = typeof text === 'string' ? bytesFromBase64(text) : undefined;
  if (!bytes) return refuse('PAYMENT_MALFORMED', { reason: 'the transaction is not base64' });
  const tx = decodeTx(network, bytes);
  if (!tx.ok) return tx;
  return verifyTx(network, tx.value) ? tx : refuse('TX_SIGNATURE_INVALID');
}

/** The head of an answer to a settlement that succeeded. */
export function settledBase({ network, amount }: Requirements, transaction: string): Settled {
  return { success: true, transaction, network, amount };
}

/** The chain did not answer in time: to be asked again with the same payment. */
export function pendingAnswer({ network }: Requirements, transaction: string): Settled {
  return { success: false, errorReason: 'settlement_pending', transaction, network };
}

/** The answer to a settlement that failed for good. */
export function notSettled(requirements: Requirements, { code, facts }: Refusal): Settled {
  const { scheme, network } = requirements;
  const errorMessage = asAppError(new AppError(code, facts)).message;
  return {
    success: false,
    errorReason: reasonOf(scheme, code),
    errorMessage,
    transaction: '',
    network,
  };
}
