/**
 * Facilitator side of `exact`: relays the payer's own signed transfer and says whether it paid what was asked. Only
 * transfers in the expiring lane are taken: they can come in once, and not at a time when nobody waits for them.
 */
import { amountFromText } from '@aitbc/primitives';
import {
  accept,
  accountIdOf,
  addressOf,
  expiringLane,
  laneOf,
  type Network,
  oneShotScheme,
  type Refusal,
  refuse,
  type SignedTx,
  type TxBody,
  type Verdict,
  zTransferPayment,
} from '@aitbc/protocol';
import type {
  Deep,
  FacilitatorScheme,
  Payment,
  Requirements,
  Settled,
  Verified,
} from '../shapes.ts';
import { caipFamily, parsed, transferTermsOf } from '../terms.ts';
import {
  type FacilitatorDeps,
  invalid,
  notSettled,
  pendingAnswer,
  settledBase,
  signedTxOf,
} from './channel-facilitator.ts';

/** A transfer that pays exactly what was asked for. */
export type Transfer = SignedTx & { readonly kind: 'transfer'; readonly body: TxBody<'transfer'> };

/** The scheme of single transfers for a facilitator. `extra` is read anew for each question of `/supported`. */
export function createTransferFacilitator(
  deps: FacilitatorDeps,
  extra: () => Record<string, unknown>,
): FacilitatorScheme {
  return {
    scheme: oneShotScheme,
    caipFamily,
    getExtra: () => extra(),
    getSigners: () => [],
    verify: (payment, requirements) => verify(deps, payment, requirements),
    settle: (payment, requirements) => settle(deps, payment, requirements),
  };
}

/**
 * The transfer inside a payment: signed, for this seller, this amount and this reference. The chain is not asked.
 * Refusals: PAYMENT_MALFORMED, PAYMENT_NETWORK_WRONG, and those of `decodeTx`.
 */
export function transferOf(
  network: Network,
  payment: Deep<Payment>,
  requirements: Deep<Requirements>,
): Verdict<Transfer> {
  const fault = (reason: string) => refuse('PAYMENT_MALFORMED', { reason });
  const terms = transferTermsOf(network, requirements);
  if (!terms.ok) return terms;
  const payload = parsed(zTransferPayment, payment.payload, 'payload');
  if (!payload.ok) return payload;
  const tx = signedTxOf(network, payload.value.transaction);
  if (!tx.ok) return tx;
  if (tx.value.kind !== 'transfer') return fault('the transaction is no transfer');
  if (laneOf(tx.value) !== expiringLane) return fault('the transfer is not in the expiring lane');
  const payee = accountIdOf(requirements.payTo);
  const { to, amount, memo } = tx.value.body;
  if (!payee.ok || to !== payee.value) return fault('the transfer pays somebody else');
  const wanted = amountFromText(requirements.amount);
  if (wanted === undefined || amount < wanted)
    return fault(`the transfer pays less than ${wanted}`);
  const { paymentRef = '' } = terms.value;
  if (memo !== paymentRef) return fault('the transfer has another reference');
  return accept(tx.value as Transfer);
}

async function verify(
  { network, chain }: FacilitatorDeps,
  payment: Payment,
  requirements: Requirements,
): Promise<Verified> {
  const transfer = transferOf(network, payment, requirements);
  if (!transfer.ok) return invalid(oneShotScheme, transfer);
  const { from, fee, body, validUntil, sponsored } = transfer.value;
  const [{ height }, balance, known] = await Promise.all([
    chain.status(),
    chain.balance(addressOf(from)),
    chain.final(transfer.value.txId),
  ]);
  const no = (refusal: Refusal) => invalid(oneShotScheme, refusal);
  if (known) return no(refuse('TX_DUPLICATE'));
  if (validUntil < height) return no(refuse('TX_EXPIRED', { validUntil, height }));
  const needed = body.amount + (sponsored ? 0n : fee);
  if (balance < needed) return no(refuse('TX_FUNDS_INSUFFICIENT', { balance, needed }));
  return { isValid: true, payer: addressOf(from) };
}

async function settle(
  { network, relay }: FacilitatorDeps,
  payment: Payment,
  requirements: Requirements,
): Promise<Settled> {
  const transfer = transferOf(network, payment, requirements);
  if (!transfer.ok) return notSettled(requirements, transfer);
  const sent = await relay.send(transfer.value);
  if (sent.state === 'pending') return pendingAnswer(requirements, sent.txId);
  if (sent.state === 'refused') {
    return notSettled(requirements, refuse(sent.error.code, sent.error.facts));
  }
  const { from, body } = transfer.value;
  return {
    ...settledBase(requirements, sent.tx.txId),
    payer: addressOf(from),
    amount: body.amount.toString(),
  };
}
