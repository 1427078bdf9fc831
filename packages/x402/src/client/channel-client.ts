/**
 * Buyer's side of `batch-settlement`: pays a request with a voucher on a channel that pays the seller.
 *
 * The cap of a voucher is everything the seller may count on this channel so far, and the price of this request.
 * Calls of one channel take turns for the short moment in which their cap is chosen and stored; then they run
 * side by side. When the seller refuses because its books are lower or higher, it says so, the book is corrected
 * (client-book.ts), and the stock client pays once more by itself.
 */
import { amountFromText, randomBytes as platformBytes } from '@aitbc/primitives';
import {
  AppError,
  accountIdOf,
  type ChannelConfig,
  channelIdOf,
  type Hex,
  jobIdOf,
  type Network,
  signVoucher,
  startContext,
  unwrap,
  type VoucherPayment,
  x402Scheme,
} from '@aitbc/protocol';
import type { ClientScheme, PaymentAnswer, Requirements } from '../shapes.ts';
import { type ChannelTerms, channelTermsOf } from '../terms.ts';
import { type BookEntry, type ClientBook, correctedBy, createMemoryBook } from './client-book.ts';
import { createLostCalls, freshKey } from './lost-calls.ts';

/** What a payment asks of a channel. */
export interface ChannelWish {
  /** Address of the seller. */
  readonly payTo: string;
  readonly receiverAuthorizer: Hex;
  /** Shortest withdraw delay that the seller takes, ms. */
  readonly withdrawDelayMs: number;
  readonly amountNait: bigint;
}

/** A channel with the key that signs its vouchers. */
export interface PayingChannel {
  readonly config: ChannelConfig;
  /** What is in it, less a pending withdrawal, nait. */
  readonly balanceNait: bigint;
  /** 64-byte secret key of `payerAuthorizer`. */
  readonly secretKey: Uint8Array;
}

/** Options of the buyer's side. */
export interface ChannelClientOptions {
  readonly network: Network;
  /** The channel for a seller; may open or fill one. Throws when there is none. */
  channel(wish: ChannelWish): Promise<PayingChannel>;
  readonly book?: ClientBook;
  /** Most that one payment may promise, nait. */
  readonly paymentMaxNait?: bigint;
  randomBytes?(sizeBytes: number): Uint8Array;
}

/** Buyer's side of a scheme, and a guard for the `fetch` below the paying one. */
export interface GuardedScheme extends ClientScheme {
  /** Wraps the `fetch` that is given to the stock client: repeats of lost calls are not paid twice. */
  guard(inner: typeof fetch): typeof fetch;
}

const inFlightKept = 1_024;

/** A scheme for `x402Client.register('aitbc:*', …)` that pays by vouchers. */
export function createChannelClient(options: ChannelClientOptions): GuardedScheme {
  const { network, book = createMemoryBook(), randomBytes = platformBytes } = options;
  const lost = createLostCalls(network.caip2);
  const inTurn = createTurns();
  const inFlight = new Map<string, InFlight>();

  const promise = async (requirements: Requirements, capMax: bigint) => {
    const terms = unwrap(channelTermsOf(network, requirements));
    const amountNait = priceOf(requirements, capMax);
    const repeated = lost.take(terms.bodyDigest, termsIdOf(requirements));
    if (repeated) return repeated;
    const channel = await options.channel(wishOf(requirements, terms, amountNait));
    const channelId = checkedChannelId(network, channel, requirements, terms);
    const cap = await inTurn(channelId, async () => {
      const entry = (await book.read(channelId)) ?? emptyEntry;
      const next = raised(entry, amountNait, channel.balanceNait);
      await book.write(channelId, next);
      return next.due;
    });
    const idempotencyKey = freshKey(randomBytes);
    const payload = signed(network, { channel, channelId, terms, cap, idempotencyKey });
    remember(inFlight, idempotencyKey, { channel, channelId, amountNait });
    lost.sent(payload, termsIdOf(requirements));
    return payload as Record<string, unknown>;
  };

  const onPaymentResponse = async (answer: PaymentAnswer) => {
    const key = String((answer.paymentPayload.payload as Partial<VoucherPayment>).idempotencyKey);
    const mine = inFlight.get(key);
    if (!mine || (!answer.settleResponse && !answer.paymentRequired)) return undefined;
    inFlight.delete(key);
    const { channelId } = mine;
    const told = toldBooks(answer);
    return inTurn(channelId, async () => {
      const entry = (await book.read(channelId)) ?? emptyEntry;
      const { payerAuthorizer } = mine.channel.config;
      const corrected = correctedBy(entry, told, { network, channelId, payerAuthorizer });
      if (!corrected) return undefined;
      // What the seller had not seen yet when it told its books may still arrive.
      const others = [...inFlight.values()].filter((other) => other.channelId === channelId);
      const due = others.reduce((sum, { amountNait }) => sum + amountNait, corrected.due);
      await book.write(channelId, { ...corrected, due, isTold: others.length === 0 });
      return answer.paymentRequired ? ({ recovered: true } as const) : undefined;
    });
  };

  return {
    scheme: x402Scheme,
    schemeHooks: { onPaymentResponse },
    guard: lost.guard,
    async createPaymentPayload(x402Version, requirements, { maxAmountPerPayment } = {}) {
      const given = amountFromText(maxAmountPerPayment);
      const capMax = lower(options.paymentMaxNait, given);
      return { x402Version, payload: await promise(requirements, capMax) };
    },
  };
}

interface InFlight {
  readonly channel: PayingChannel;
  readonly channelId: Hex;
  readonly amountNait: bigint;
}

const emptyEntry: BookEntry = { due: 0n, signedMax: 0n };
const unlimited = 2n ** 64n;

function lower(a: bigint | undefined, b: bigint | undefined): bigint {
  const first = a ?? unlimited;
  const second = b ?? unlimited;
  return first < second ? first : second;
}

/** Amount of requirements. Throws PAYMENT_MALFORMED, BUDGET_EXCEEDED. */
export function priceOf({ amount }: Requirements, capMax: bigint): bigint {
  const needed = amountFromText(amount);
  if (needed === undefined)
    throw new AppError('PAYMENT_MALFORMED', { reason: 'amount: no amount' });
  if (needed <= capMax) return needed;
  throw new AppError('BUDGET_EXCEEDED', { needed, scope: 'one payment', available: capMax });
}

/** What makes two requirements the same offer of the same work; state that a seller adds does not count. */
export function termsIdOf({ scheme, network, amount, payTo, extra }: Requirements): string {
  return JSON.stringify([scheme, network, amount, payTo, extra.offerId ?? null]);
}

function wishOf(
  { payTo }: Requirements,
  { receiverAuthorizer, withdrawDelay }: ChannelTerms,
  amountNait: bigint,
): ChannelWish {
  return { payTo, receiverAuthorizer, withdrawDelayMs: withdrawDelay * 1000, amountNait };
}

function checkedChannelId(
  network: Network,
  { config }: PayingChannel,
  ...[{ payTo }, { receiverAuthorizer, withdrawDelay }]: [Requirements, ChannelTerms]
): Hex {
  const channelId = channelIdOf(network, config);
  const isRight =
    config.receiver === unwrap(accountIdOf(payTo)) &&
    config.receiverAuthorizer === receiverAuthorizer &&
    config.withdrawDelayMs >= withdrawDelay * 1000;
  if (!isRight) throw new AppError('VOUCHER_CHANNEL_WRONG', { channelId });
  return channelId;
}

/**
 * The entry after one more promise. A sum above the balance is cut to it unless it is what the seller told: the
 * book counts full prices, so the seller may well have room, and if not its books come with the refusal.
 */
function raised(entry: BookEntry, amountNait: bigint, balance: bigint): BookEntry {
  const wanted = entry.due + amountNait;
  if (wanted > balance && (entry.isTold || amountNait > balance)) {
    throw new AppError('VOUCHER_BEYOND_BALANCE', { cap: wanted, balance });
  }
  const due = wanted > balance ? balance : wanted;
  return { due, signedMax: due > entry.signedMax ? due : entry.signedMax };
}

interface Promised {
  readonly channel: PayingChannel;
  readonly channelId: Hex;
  readonly terms: ChannelTerms;
  readonly cap: bigint;
  readonly idempotencyKey: string;
}

function signed(network: Network, promised: Promised): VoucherPayment {
  const { channel, channelId, terms, cap, idempotencyKey } = promised;
  const { offerId, tokens, bodyDigest } = terms;
  const { payer } = channel.config;
  const jobId = jobIdOf(network, { payer, idempotencyKey, bodyDigest });
  const context = startContext(network, { offerId, jobId, bodyDigest, tokens });
  const voucher = { channelId, maxClaimable: cap, context };
  const { signature } = signVoucher(network, voucher, channel.secretKey);
  const maxClaimable = cap.toString();
  return { type: 'voucher', offerId, channelId, idempotencyKey, tokens, maxClaimable, signature };
}

function remember(inFlight: Map<string, InFlight>, key: string, entry: InFlight): void {
  inFlight.set(key, entry);
  const [oldest] = inFlight.keys();
  if (inFlight.size > inFlightKept && oldest !== undefined) inFlight.delete(oldest);
}

/** The seller's books: of a refusal in its terms, of a success in its settlement. */
function toldBooks({ paymentRequired, paymentPayload, settleResponse }: PaymentAnswer) {
  if (!paymentRequired) return settleResponse?.extra;
  const { scheme, network, payTo } = paymentPayload.accepted;
  return paymentRequired.accepts.find(
    (terms) => terms.scheme === scheme && terms.network === network && terms.payTo === payTo,
  )?.extra;
}

/** Lets work of one channel go one after the other. */
function createTurns() {
  const last = new Map<Hex, Promise<unknown>>();
  return async <T>(channelId: Hex, work: () => Promise<T>): Promise<T> => {
    const before = last.get(channelId) ?? Promise.resolve();
    const mine = before.catch(() => {}).then(work);
    last.set(channelId, mine);
    try {
      return await mine;
    } finally {
      if (last.get(channelId) === mine) last.delete(channelId);
    }
  };
}
