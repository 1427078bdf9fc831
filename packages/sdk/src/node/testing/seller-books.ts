/** Admission at the test seller: signatures and headroom, no more than a buyer's test needs. */
import { utf8 } from '@aitbc/primitives';
import {
  AppError,
  bodyDigestOf,
  decodePayment,
  embedTokensBound,
  errorBodyOf,
  firstPrefixHash,
  fullCharge,
  type Hex,
  jobIdOf,
  offerIdOf,
  paymentHeaders,
  priceOf,
  promptTokensBound,
  type Resume,
  resumeContext,
  startContext,
  topUpContext,
  unwrap,
  verifyResume,
  verifyVoucher,
} from '@aitbc/protocol';
import type { Exchange, SellerBooks, SellerContext, SellerJob } from './seller-types.ts';

/** Book of a channel. */
export function booksOf({ books }: SellerContext, channelId: Hex): SellerBooks {
  const known = books.get(channelId) ?? { charged: 0n, signedMax: 0n, best: undefined };
  books.set(channelId, known);
  return known;
}

function reservedOf({ jobs, offer }: SellerContext, channelId: Hex): bigint {
  let sum = 0n;
  for (const job of jobs.values()) {
    if (job.channelId !== channelId || job.outcome !== 'running') continue;
    sum += fullCharge(priceOf(offer.payload), coveredUsage(job, job.covered));
  }
  return sum;
}

function coveredUsage({ promptBound, from }: SellerJob, covered: number) {
  return { promptTokens: promptBound, outputTokens: covered - from };
}

interface Signed {
  readonly channelId: Hex;
  readonly maxClaimable: bigint;
  readonly context: Hex;
  readonly signature: Hex;
}

/** Takes a voucher in: signature, then headroom for `more` nait. */
function accountFor(context: SellerContext, signed: Signed, more: bigint): void {
  const { channelId, maxClaimable } = signed;
  const channel = context.options.channelOf(channelId);
  if (!channel) throw new AppError('VOUCHER_CHANNEL_WRONG', { channelId });
  if (!verifyVoucher(context.options.network, signed, channel.payerAuthorizer)) {
    throw new AppError('VOUCHER_SIGNATURE_INVALID', { channelId });
  }
  const books = booksOf(context, channelId);
  const cap = maxClaimable > books.signedMax ? maxClaimable : books.signedMax;
  const reserved = reservedOf(context, channelId);
  if (books.charged + reserved + more > cap) {
    const { charged, best } = books;
    const proof = best
      ? {
          bestMaxClaimable: best.maxClaimable,
          bestContext: best.context,
          bestSignature: best.signature,
        }
      : {};
    const needed = charged + reserved + more;
    throw new AppError('VOUCHER_UNDERFUNDED', { cap, needed, charged, reserved, ...proof });
  }
  if (maxClaimable > books.signedMax) {
    books.signedMax = maxClaimable;
    books.best = signed;
  }
}

/** What a call is for: from the first token, or from where another provider ended. */
interface Asked {
  readonly body: string;
  readonly resume: Resume | undefined;
}

/** Takes a paid call in. Throws the refusal. */
export function admit(context: SellerContext, { request }: Exchange, asked: Asked): SellerJob {
  const { options, offer, jobs } = context;
  const { network } = options;
  const header = request.headers[paymentHeaders.signature];
  if (typeof header !== 'string') throw new AppError('PAYMENT_REQUIRED', { amount: 1 });
  const payment = unwrap(decodePayment(header, network.caip2));
  const { offerId, channelId, tokens } = payment;
  const { givenUp: again } = context.faults;
  if (again !== undefined && again !== payment.again) {
    throw new AppError('JOB_EXPIRED', { jobId: '', again });
  }
  if (offerId !== offerIdOf(network, offer.payload))
    throw new AppError('OFFER_UNKNOWN', { offerId });
  const job = jobOf(context, asked, payment);
  const { jobId, bodyDigest, from, prefixHash } = job;
  const terms = { offerId, jobId, bodyDigest, tokens };
  const known = jobs.get(jobId);
  if (known) {
    throw new AppError('JOB_ENDED', { jobId, outcome: known.outcome, receiptPath: 'x' });
  }
  const signed = {
    channelId,
    maxClaimable: BigInt(payment.maxClaimable),
    context: asked.resume
      ? resumeContext(network, { ...terms, from, prefixHash })
      : startContext(network, terms),
    signature: payment.signature,
  };
  accountFor(context, signed, fullCharge(priceOf(offer.payload), coveredUsage(job, tokens)));
  jobs.set(jobId, job);
  return job;
}

interface AskedBody {
  readonly messages?: { role: string; content: string }[];
  readonly input?: string[];
  readonly max_tokens?: number;
}

function jobOf(
  { options }: SellerContext,
  { body, resume }: Asked,
  { idempotencyKey, channelId, tokens }: Payment,
): SellerJob {
  const { network } = options;
  const bodyDigest = bodyDigestOf(utf8(body));
  const payer = options.channelOf(channelId)?.payer ?? '00'.repeat(32);
  const jobId = jobIdOf(network, { payer, idempotencyKey, bodyDigest });
  const { messages = [], input, max_tokens: most } = JSON.parse(body) as AskedBody;
  const point = resume && unwrap(verifyResume(network, { jobId, bodyDigest }, resume));
  const from = point?.from ?? 0;
  if (point && point.text !== options.tokens.slice(0, from).join('')) {
    throw new AppError('RESUME_INVALID', { reason: 'the text is not what is sold here' });
  }
  return {
    jobId,
    channelId,
    bodyDigest,
    promptBound: input ? embedTokensBound(input) : promptTokensBound(messages),
    receipts: [],
    from,
    prefixHash: point?.prefixHash ?? firstPrefixHash(network, bodyDigest),
    end: Math.min(options.tokens.length, most ?? options.tokens.length),
    covered: tokens,
    delivered: from,
    sent: from,
    charged: 0n,
    outcome: 'running',
    wake: () => {},
  };
}

type Payment = Extract<ReturnType<typeof decodePayment>, { ok: true }>['value'];

interface SentTopUp {
  readonly jobId: Hex;
  readonly channelId: Hex;
  readonly tokens: number;
  readonly maxClaimable: string;
  readonly signature: Hex;
}

/** Takes several vouchers; a refusal is told in the place of its voucher. */
export function extendMany(
  context: SellerContext,
  { vouchers }: { readonly vouchers: readonly SentTopUp[] },
): unknown {
  const answers = vouchers.map((topUp) => {
    try {
      return extend(context, topUp);
    } catch (error) {
      return { error: errorBodyOf(error) };
    }
  });
  return { answers };
}

/** Takes a top-up in. Throws the refusal. */
export function extend(context: SellerContext, topUp: SentTopUp): unknown {
  const { jobId, channelId, tokens, signature } = topUp;
  const job = context.jobs.get(jobId);
  if (!job) throw new AppError('JOB_UNKNOWN', { jobId });
  if (job.outcome !== 'running') {
    throw new AppError('JOB_ENDED', { jobId, outcome: job.outcome, receiptPath: '' });
  }
  const price = priceOf(context.offer.payload);
  const before = fullCharge(price, coveredUsage(job, job.covered));
  const wanted = Math.max(tokens, job.covered);
  const after = fullCharge(price, coveredUsage(job, wanted));
  const voucher = {
    channelId,
    maxClaimable: BigInt(topUp.maxClaimable),
    context: topUpContext(context.options.network, jobId, tokens),
    signature,
  };
  accountFor(context, voucher, after - before);
  job.covered = wanted;
  context.state.exposure = Math.max(context.state.exposure, job.covered - job.delivered);
  job.wake();
  const { outcome, delivered, charged } = job;
  return { jobId, outcome, tokens: job.covered, delivered, charged: charged.toString() };
}
