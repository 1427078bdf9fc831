/**
 * Seller's side of `batch-settlement` for `x402ResourceServer`: verify, run, charge what it really cost.
 *
 * The facilitator says whether the voucher is good on chain; the book here says whether there is room left. Settling
 * writes the charge and answers at once; only when enough is due does a claim go to the chain through the
 * facilitator, made and signed here, with the fee on the seller's account. A claim that fails takes nothing
 * back: the voucher stays good, and the next claim takes the sum.
 *
 * Handlers that fail are not charged. Hooks never throw: the stock server would go on as if they had agreed.
 */
import { naitFromAit, utf8 } from '@aitbc/primitives';
import {
  amountOf,
  bodyDigestOf,
  type ChannelJson,
  channelFromJson,
  type DocumentSigner,
  type Hex,
  jobIdOf,
  limits,
  type Network,
  x402Asset,
  x402Scheme,
} from '@aitbc/protocol';
import { checkVoucher, type VoucherSale, voucherSaleOf } from '../facilitator/check-voucher.ts';
import type {
  Deep,
  NetworkId,
  Payment,
  Requirements,
  SaleContext,
  ServerScheme,
  Settled,
  Verified,
} from '../shapes.ts';
import { reasonOf } from '../terms.ts';
import { claimTx, dueRowOf } from './claim-tx.ts';
import { createMemorySellerBook, type SellerBook, withSale } from './seller-book.ts';

/** Options of the seller's side. */
export interface ChannelServerOptions {
  readonly network: Network;
  /** Hot key of the seller: channels name it, claims are signed with it. */
  readonly authorizer: DocumentSigner;
  /** 64-byte secret key of the account that pays the fee of claims; often the one that is paid. */
  readonly feeKey: Uint8Array;
  /** Claims on chain when so much is due, nait. */
  readonly claimThresholdNait: bigint;
  /** Shortest withdraw delay of a channel, seconds. */
  readonly withdrawDelaySeconds?: number;
  readonly book?: SellerBook;
  randomBytes?(sizeBytes: number): Uint8Array;
}

/** Seller's side of a scheme, and the claim of everything that is due. */
export interface ChannelServer extends ServerScheme {
  /** A signed claim of at most 100 channels, base64, to be sent to a node; undefined when nothing is due. */
  claim(at: { readonly height: number; readonly feeNait: bigint }): string | undefined;
}

const withdrawDelaySecondsDefault = 3_600;
const underfunded = reasonOf(x402Scheme, 'VOUCHER_UNDERFUNDED');
const liveSalesMax = 10_000;

interface LiveSale {
  readonly jobId: Hex;
  readonly channelId: Hex;
  readonly amountNait: bigint;
}

interface Desk {
  readonly options: ChannelServerOptions;
  readonly book: SellerBook;
  /** Sales that were verified and have not ended, by job. */
  readonly live: Map<Hex, LiveSale>;
  /** What the facilitator said last about height and fee. */
  readonly seen: { height: number; feeNait: bigint };
}

/** A scheme for `x402ResourceServer.register(network, …)` that is paid by vouchers. */
export function createChannelServer(options: ChannelServerOptions): ChannelServer {
  const { book = createMemorySellerBook() } = options;
  const desk: Desk = { options, book, live: new Map(), seen: { height: 0, feeNait: 0n } };
  return {
    scheme: x402Scheme,
    defaultAssetTransferMethod: 'default',
    paymentFlows: { default: { supported: ['authorization'], default: 'authorization' } },
    dynamicExtraFields: ['channelState', 'voucherState'],
    schemeHooks: {
      onAfterVerify: async (context) => {
        try {
          return admit(desk, context, context.result);
        } catch {
          return abort(reasonOf(x402Scheme, 'PAYMENT_MALFORMED')); // the facilitator showed no channel
        }
      },
      onBeforeSettle: async (context) => charge(desk, context),
      onAfterSettle: async (context) => noteClaim(desk, context, context.result),
      onSettleFailure: async (context) => ({ recovered: true, result: deferred(desk, context) }),
      onVerifiedPaymentCanceled: async (context) => release(desk, context),
    },
    enrichPaymentRequiredResponse: async ({ requirements, paymentPayload, error }) =>
      error === underfunded && paymentPayload
        ? withBooks(desk, requirements, paymentPayload)
        : undefined,
    enrichSettlementPayload: async ({ paymentPayload, requirements }) => {
      const sale = saleOf(desk, { paymentPayload, requirements });
      const rows = sale ? dueRowOf(sale.channelId, book.get(sale.channelId)) : [];
      return rows.length > 0 ? { claim: claimTx(options, rows, desk.seen) } : undefined;
    },
    parsePrice: async (price) => ({ asset: x402Asset, amount: naitOf(price) }),
    getAssetDecimals: () => 9,
    enhancePaymentRequirements: async (requirements) => ({
      ...requirements,
      extra: { ...requirements.extra, ...fixedExtra(options, requirements) },
    }),
    claim(at) {
      const rows = [...book.channels()].flatMap(([channelId, entry]) => dueRowOf(channelId, entry));
      return rows.length > 0 ? claimTx(options, rows.slice(0, limits.claimRows), at) : undefined;
    },
  };
}

/** Nait of a price: `{asset, amount}` as it is, a text or number in AIT. Throws RangeError. */
export function naitOf(price: string | number | { asset: string; amount: string }): string {
  if (typeof price === 'object') {
    if (price.asset === x402Asset) return amountOf(price.amount).toString();
    throw new RangeError(`the asset is ${x402Asset}`);
  }
  const nait = naitFromAit(String(price).replace(/ ?AIT$/, ''));
  if (nait === undefined) throw new RangeError('a price is an amount of AIT such as 0.001');
  return nait.toString();
}

function fixedExtra(options: ChannelServerOptions, { payTo, amount }: Requirements) {
  const { authorizer, withdrawDelaySeconds = withdrawDelaySecondsDefault } = options;
  const terms = JSON.stringify([
    'x402',
    options.network.caip2,
    payTo,
    amount,
    authorizer.publicKey,
  ]);
  return {
    name: 'AIT',
    version: '1',
    offerId: bodyDigestOf(utf8(terms)),
    receiverAuthorizer: authorizer.publicKey,
    withdrawDelay: withdrawDelaySeconds,
    tokens: 1,
  };
}

interface Sale extends VoucherSale {
  readonly channelId: Hex;
}

function saleOf(
  { options }: Desk,
  { paymentPayload, requirements }: SaleContext,
): Sale | undefined {
  const sale = voucherSaleOf(options.network, paymentPayload, requirements);
  return sale.ok ? { ...sale.value, channelId: sale.value.payload.channelId } : undefined;
}

const abort = (reason: string, message = '') => ({ abort: true as const, reason, message });

/** The facilitator agreed: checks its word against the channel it showed, and takes room in the book. */
function admit(desk: Desk, context: SaleContext, result: Deep<Verified>) {
  if (!result.isValid) return undefined;
  const { network } = desk.options;
  const { height, claimFee, channel: shown } = (result.extra ?? {}) as Record<string, unknown>;
  const sale = saleOf(desk, context);
  const malformed = abort(reasonOf(x402Scheme, 'PAYMENT_MALFORMED'));
  if (!sale || !shown || desk.live.size >= liveSalesMax) return malformed;
  const channel = channelFromJson(shown as ChannelJson);
  const { payTo } = context.requirements;
  const checked = checkVoucher(network, channel, { sale, payTo });
  if (!checked.ok || channel.channelId !== sale.channelId) return malformed;
  desk.seen.height = Number(height ?? 0);
  desk.seen.feeNait = BigInt(String(claimFee ?? 0));
  const { channelId, amountNait } = sale;
  const jobId = jobOf(network, channel.payer, sale);
  const { totalClaimed } = channel;
  const request = {
    jobId,
    amountNait,
    voucher: checked.value,
    totalClaimed,
    reserved: reservedOf(desk, channelId),
  };
  const entry = withSale(desk.book.get(channelId), request);
  if (!entry.ok) return abort(reasonOf(x402Scheme, entry.code));
  desk.book.put(channelId, entry.value);
  desk.live.set(liveKeyOf(sale), { jobId, channelId, amountNait });
  return undefined;
}

function jobOf(network: Network, payer: Hex, { payload, terms }: VoucherSale): Hex {
  const { idempotencyKey } = payload;
  return jobIdOf(network, { payer, idempotencyKey, bodyDigest: terms.bodyDigest });
}

/** A sale between its hooks: vouchers of one channel differ in their signatures. */
function liveKeyOf({ payload }: VoucherSale): Hex {
  return payload.signature;
}

function reservedOf({ live }: Desk, channelId: Hex): bigint {
  let sum = 0n;
  for (const sale of live.values()) if (sale.channelId === channelId) sum += sale.amountNait;
  return sum;
}

/** The handler is done: charges the amount, at most what was reserved; a claim leaves when enough is due. */
function charge(desk: Desk, context: SaleContext) {
  const sale = saleOf(desk, context);
  const held = sale && desk.live.get(liveKeyOf(sale));
  const entry = sale && desk.book.get(sale.channelId);
  if (!sale || !held || !entry) return undefined; // not verified here: the facilitator decides
  desk.live.delete(liveKeyOf(sale));
  const actual = sale.amountNait < held.amountNait ? sale.amountNait : held.amountNait;
  const charged = entry.charged + actual;
  desk.book.put(sale.channelId, { ...entry, charged });
  if (charged - entry.totalClaimed >= desk.options.claimThresholdNait) return undefined;
  return { skip: true as const, result: deferred(desk, context) };
}

/** The answer to a sale that was charged but not claimed yet. */
function deferred(desk: Desk, context: SaleContext): Settled {
  const { network, amount } = context.requirements;
  const sale = saleOf(desk, context);
  const books = sale ? booksOf(desk, sale.channelId) : {};
  return {
    success: true,
    transaction: '',
    network: network as NetworkId,
    amount,
    extra: { ...books },
  };
}

function booksOf(desk: Desk, channelId: Hex): Record<string, unknown> {
  const entry = desk.book.get(channelId);
  if (!entry) return {};
  const { charged, best } = entry;
  const maxClaimable = best.maxClaimable.toString();
  return {
    channelState: {
      charged: charged.toString(),
      reserved: reservedOf(desk, channelId).toString(),
      signedMax: maxClaimable,
    },
    voucherState: { ...best, maxClaimable },
  };
}

/** The books go to who holds the key: the reason is given only after the signature was found good. */
function withBooks(desk: Desk, accepts: Requirements[], payment: Deep<Payment>): Requirements[] {
  const channelId = String((payment.payload as { channelId?: unknown }).channelId);
  const books = booksOf(desk, channelId);
  return accepts.map((terms) =>
    terms.scheme === x402Scheme && terms.network === desk.options.network.caip2
      ? { ...terms, extra: { ...terms.extra, ...books } }
      : terms,
  );
}

function noteClaim(desk: Desk, context: SaleContext, result: Deep<Settled>): void {
  const claimed = (result.extra as { totalClaimed?: unknown } | undefined)?.totalClaimed;
  const sale = saleOf(desk, context);
  const entry = sale && desk.book.get(sale.channelId);
  if (!sale || !entry || typeof claimed !== 'string') return;
  const totalClaimed = amountOf(claimed);
  if (totalClaimed <= entry.charged) desk.book.put(sale.channelId, { ...entry, totalClaimed });
}

/** Nothing was sold: the room is free again, and so is the job. */
function release(desk: Desk, context: SaleContext): void {
  const sale = saleOf(desk, context);
  const held = sale && desk.live.get(liveKeyOf(sale));
  const entry = held && desk.book.get(held.channelId);
  if (!sale || !held || !entry) return;
  desk.live.delete(liveKeyOf(sale));
  const sold = new Map([...entry.sold].filter(([jobId]) => jobId !== held.jobId));
  desk.book.put(held.channelId, { ...entry, sold });
}
