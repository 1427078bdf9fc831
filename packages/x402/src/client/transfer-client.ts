/**
 * Buyer's side of `exact`: one transfer pays one request. Either the signed transfer is handed to the seller, who
 * sends it, or the buyer sends it and names its id.
 *
 * A transfer that is handed over stands in the expiring lane: no nonce has to be asked for, and what the seller never
 * sends becomes worthless at a height. Its memo is the reference that the seller asked for, so it pays for
 * nothing else.
 */
import { amountFromText, base64, hex, randomBytes as platformBytes } from '@aitbc/primitives';
import {
  AppError,
  accountIdOf,
  addressOf,
  expiringLane,
  type Hex,
  type Network,
  oneShotScheme,
  paymentReferenceOf,
  signTx,
  signTxIdProof,
  type TransferPayment,
  type TxIdPayment,
  unwrap,
} from '@aitbc/protocol';
import type { Requirements } from '../shapes.ts';
import { type TransferTerms, transferTermsOf } from '../terms.ts';
import { type GuardedScheme, priceOf, termsIdOf } from './channel-client.ts';
import { createLostCalls } from './lost-calls.ts';

const publicKeyOffset = 32; // a secret key ends in its public key
const nonceMax = 2 ** 48;
const feeMaxDefault = 1_000_000n; // a thousand times the fee of the development network

/** A transfer that pays for a request. */
export interface PayingTransfer {
  /** Account id of the seller. */
  readonly to: Hex;
  readonly amountNait: bigint;
  /** Reference that the seller expects in the memo. */
  readonly memo: Hex;
}

/** Options of the buyer's side of one-shot payments. */
export interface TransferClientOptions {
  readonly network: Network;
  /** 64-byte secret key of the paying account. */
  readonly secretKey: Uint8Array;
  /**
   * Sends the transfer and gives its id once it is final. Left out, the signed transfer is handed to the seller.
   */
  send?(transfer: PayingTransfer): Promise<Hex>;
  /** Last height at which a transfer that is handed over may enter; the seller's suggestion when left out. */
  validUntil?(): Promise<number>;
  /** Most that one payment may cost, nait. */
  readonly paymentMaxNait?: bigint;
  /** Largest fee of a transfer, nait. */
  readonly feeMaxNait?: bigint;
  randomBytes?(sizeBytes: number): Uint8Array;
}

/** A scheme for `x402Client.register('aitbc:*', …)` that pays each request by a transfer. */
export function createTransferClient(options: TransferClientOptions): GuardedScheme {
  const { network } = options;
  const lost = createLostCalls(network.caip2);
  return {
    scheme: oneShotScheme,
    guard: lost.guard,
    async createPaymentPayload(x402Version, requirements, { maxAmountPerPayment } = {}) {
      const terms = unwrap(transferTermsOf(network, requirements));
      const given = amountFromText(maxAmountPerPayment) ?? options.paymentMaxNait;
      const amountNait = priceOf(requirements, given ?? 2n ** 64n);
      const repeated = lost.take(terms.bodyDigest, termsIdOf(requirements));
      if (repeated) return { x402Version, payload: repeated };
      const transfer = {
        to: unwrap(accountIdOf(requirements.payTo)),
        amountNait,
        memo: memoOf(network, terms),
      };
      const payload = options.send
        ? await sentPayment(options, options.send, { transfer, terms })
        : await handedPayment(options, { transfer, terms, requirements });
      lost.sent(payload, termsIdOf(requirements));
      return { x402Version, payload };
    },
  };
}

/** The reference of the terms, after a check that it belongs to this offer and body where both are named. */
function memoOf(network: Network, { offerId, bodyDigest, paymentRef }: TransferTerms): Hex {
  if (offerId === undefined) return paymentRef ?? '';
  const expected = paymentReferenceOf(network, { offerId, bodyDigest });
  if (paymentRef === undefined || paymentRef === expected) return expected;
  throw new AppError('PAYMENT_MALFORMED', { reason: 'the reference is for another request' });
}

interface Paid {
  readonly transfer: PayingTransfer;
  readonly terms: TransferTerms;
}

async function sentPayment(
  { network, secretKey }: TransferClientOptions,
  send: (transfer: PayingTransfer) => Promise<Hex>,
  { transfer, terms }: Paid,
): Promise<TxIdPayment> {
  const { offerId, bodyDigest } = terms;
  if (offerId === undefined) throw missing('offerId');
  const txid = await send(transfer);
  const payer = addressOf(hex(secretKey.subarray(publicKeyOffset)));
  const signature = signTxIdProof(network, { txid, bodyDigest }, secretKey);
  return { type: 'txid', offerId, txid, payer, signature };
}

async function handedPayment(
  options: TransferClientOptions,
  { transfer, terms }: Paid & { readonly requirements: Requirements },
): Promise<TransferPayment> {
  const { network, secretKey, randomBytes = platformBytes } = options;
  const validUntil = (await options.validUntil?.()) ?? terms.validUntil;
  if (validUntil === undefined) throw missing('validUntil');
  const { to, amountNait, memo } = transfer;
  const tx = {
    kind: 'transfer',
    chain: network.chain,
    lane: expiringLane,
    nonce: Number.parseInt(hex(randomBytes(6)), 16) % nonceMax,
    validUntil,
    from: hex(secretKey.subarray(publicKeyOffset)),
    fee: feeOfTerms(terms, options.feeMaxNait ?? feeMaxDefault),
    body: { to, amount: amountNait, memo },
  } as const;
  const transaction = base64(signTx(network, tx, secretKey).bytes);
  const offerId = terms.offerId === undefined ? {} : { offerId: terms.offerId };
  return { type: 'transfer', ...offerId, transaction };
}

function feeOfTerms({ fee }: TransferTerms, feeMax: bigint): bigint {
  const asked = amountFromText(fee);
  if (asked === undefined) throw missing('fee');
  if (asked <= feeMax) return asked;
  throw new AppError('BUDGET_EXCEEDED', { needed: asked, scope: 'the fee', available: feeMax });
}

function missing(name: string): AppError {
  return new AppError('PAYMENT_MALFORMED', { reason: `extra.${name}: the seller left it out` });
}
