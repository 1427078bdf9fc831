/** Admission at the test seller: signatures and headroom, no more than a buyer's test needs. */
import { utf8 } from '@aitbc/primitives';
import {
  AppError,
  bodyDigestOf,
  decodePayment,
  fullCharge,
  type Hex,
  jobIdOf,
  offerIdOf,
  paymentHeaders,
  priceOf,
  promptTokensBound,
  startContext,
  topUpContext,
  unwrap,
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
    const usage = { promptTokens: job.promptBound, outputTokens: job.covered };
    sum += fullCharge(priceOf(offer.payload), usage);
  }
  return sum;
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

/** Takes a paid call in. Throws the refusal. */
export function admit(context: SellerContext, { request, body }: Exchange): SellerJob {
  const { options, offer, jobs } = context;
  const { network } = options;
  const header = request.headers[paymentHeaders.signature];
  if (typeof header !== 'string') throw new AppError('PAYMENT_REQUIRED', { amount: 1 });
  const payment = unwrap(decodePayment(header, network.caip2));
  const bodyDigest = bodyDigestOf(utf8(body));
  const { idempotencyKey, offerId, channelId, tokens } = payment;
  const payer = options.channelOf(channelId)?.payer ?? '00'.repeat(32);
  const jobId = jobIdOf(network, { payer, idempotencyKey, bodyDigest });
  const parsed = JSON.parse(body) as { messages: { role: string; content: string }[] };
  const promptBound = promptTokensBound(parsed.messages);
  const signed = {
    channelId,
    maxClaimable: BigInt(payment.maxClaimable),
    context: startContext(network, { offerId, jobId, bodyDigest, tokens }),
    signature: payment.signature,
  };
  const usage = { promptTokens: promptBound, outputTokens: tokens };
  if (offerId !== offerIdOf(network, offer.payload))
    throw new AppError('OFFER_UNKNOWN', { offerId });
  const known = jobs.get(jobId);
  if (known) {
    throw new AppError('JOB_ENDED', { jobId, outcome: known.outcome, receiptPath: 'x' });
  }
  accountFor(context, signed, fullCharge(priceOf(offer.payload), usage));
  const job: SellerJob = {
    jobId,
    channelId,
    bodyDigest,
    promptBound,
    receipts: [],
    covered: tokens,
    delivered: 0,
    charged: 0n,
    outcome: 'running',
    wake: () => {},
  };
  jobs.set(jobId, job);
  return job;
}

/** Takes a top-up in. Throws the refusal. */
export function extend(
  context: SellerContext,
  topUp: { jobId: Hex; channelId: Hex; tokens: number; maxClaimable: string; signature: Hex },
): unknown {
  const { jobId, channelId, tokens, signature } = topUp;
  const job = context.jobs.get(jobId);
  if (!job) throw new AppError('JOB_UNKNOWN', { jobId });
  if (job.outcome !== 'running') {
    throw new AppError('JOB_ENDED', { jobId, outcome: job.outcome, receiptPath: '' });
  }
  const price = priceOf(context.offer.payload);
  const before = fullCharge(price, { promptTokens: job.promptBound, outputTokens: job.covered });
  const wanted = Math.max(tokens, job.covered);
  const after = fullCharge(price, { promptTokens: job.promptBound, outputTokens: wanted });
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
