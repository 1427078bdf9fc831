/**
 * A small honest seller over real HTTP, for tests of buyers: real signatures, real books, windows, receipts
 * and the corrective refusal, no engine. Faults are switched on one by one.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { hex, type KeyPair, keyPairFromSeed, utf8 } from '@aitbc/primitives';
import {
  AppError,
  addressOf,
  asAppError,
  bodyDigestOf,
  chargeFor,
  decodePayment,
  errorBodyOf,
  firstPrefixHash,
  fullCharge,
  type Hex,
  jobIdOf,
  type Network,
  nextPrefixHash,
  type OfferPayload,
  type Outcome,
  offerIdOf,
  paymentHeaders,
  priceOf,
  promptTokensBound,
  type SignedOffer,
  type SignedReceipt,
  signDocument,
  sseNeedVoucherMark,
  sseReceiptMark,
  startContext,
  textHashOf,
  topUpContext,
  unwrap,
  verifyVoucher,
} from '@aitbc/protocol';
import { answerJson, startTestServer, type TestServer } from './http-server.ts';

/** What a test may make the seller do. */
export interface SellerFaults {
  /** Answer paid calls with this error, as often as it says. */
  refuse?: { error: AppError; times: number };
  /** Cut the connection after so many tokens. */
  dieAfter?: number;
  /** Change a receipt before it is sent. */
  spoil?: (receipt: SignedReceipt) => SignedReceipt;
  /** End without a final receipt in the stream. */
  forgetFinal?: boolean;
  /** Pause before each token, ms. */
  tokenMs?: number;
  /** Say nothing after the head of the answer. */
  isSilent?: boolean;
}

/** A job at the seller. */
export interface SellerJob {
  readonly jobId: Hex;
  readonly channelId: Hex;
  readonly bodyDigest: Hex;
  readonly promptBound: number;
  readonly receipts: SignedReceipt[];
  covered: number;
  delivered: number;
  charged: bigint;
  outcome: Outcome;
  wake: () => void;
}

interface SellerBooks {
  charged: bigint;
  signedMax: bigint;
  best: { maxClaimable: bigint; context: Hex; signature: Hex } | undefined;
}

/** Options of a seller. */
export interface SellerOptions {
  readonly network: Network;
  readonly seed: number;
  readonly tokens: readonly string[];
  readonly model: string;
  /** Payer of a channel and the key that signs its vouchers, from the test's chain. */
  channelOf(channelId: Hex): { payer: Hex; payerAuthorizer: Hex } | undefined;
  readonly windowTokens?: number;
  readonly faults?: SellerFaults;
}

/** A running seller. */
export interface Seller {
  readonly server: TestServer;
  readonly offer: SignedOffer;
  readonly address: string;
  readonly jobs: Map<Hex, SellerJob>;
  readonly books: Map<Hex, SellerBooks>;
  readonly faults: SellerFaults;
  /** Largest number of tokens that was covered beyond what was delivered. */
  exposure(): number;
  /** Paid calls that reached the seller. */
  calls(): number;
}

const promptTokens = 5;

/** Starts a seller on a free port. */
export async function startSeller(options: SellerOptions): Promise<Seller> {
  const account = keyPairFromSeed(new Uint8Array(32).fill(options.seed));
  const authorizer = keyPairFromSeed(new Uint8Array(32).fill(options.seed + 100));
  const state = { exposure: 0, calls: 0, offer: undefined as SignedOffer | undefined };
  const jobs = new Map<Hex, SellerJob>();
  const books = new Map<Hex, SellerBooks>();
  const faults: SellerFaults = { ...options.faults };
  const context = (): SellerContext => ({
    options,
    authorizer,
    offer: state.offer as SignedOffer,
    jobs,
    books,
    faults,
    state,
  });
  const server = await startTestServer({
    onRequest(request, body, response) {
      serve(context(), { request, body, response }).catch((error: unknown) => {
        const known = asAppError(error);
        if (response.headersSent) response.destroy();
        else
          answerJson(response, known.row.httpStatus, {
            error: { ...errorBodyOf(known), type: 'x' },
          });
      });
    },
  });
  state.offer = makeOffer(options, { account, authorizer, endpoint: server.url });
  return {
    server,
    offer: state.offer,
    address: addressOf(hex(account.publicKey)),
    jobs,
    books,
    faults,
    exposure: () => state.exposure,
    calls: () => state.calls,
  };
}

interface SellerContext {
  readonly options: SellerOptions;
  readonly authorizer: KeyPair;
  readonly offer: SignedOffer;
  readonly jobs: Map<Hex, SellerJob>;
  readonly books: Map<Hex, SellerBooks>;
  readonly faults: SellerFaults;
  readonly state: { exposure: number; calls: number };
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly body: string;
  readonly response: ServerResponse;
}

function makeOffer(
  { network, model, windowTokens = 4 }: SellerOptions,
  keys: { account: KeyPair; authorizer: KeyPair; endpoint: string },
): SignedOffer {
  const payload: OfferPayload = {
    v: 1,
    network: network.caip2,
    provider: addressOf(hex(keys.account.publicKey)),
    authorizer: hex(keys.authorizer.publicKey),
    endpoint: keys.endpoint,
    model,
    digest: 'sha256:00',
    quantization: 'f16',
    contextMax: 4096,
    outputMax: 256,
    price: { inputPerMTok: '1000000', outputPerMTok: '10000000', perRequest: '7' },
    windowTokens,
    canResume: true,
    firstTokenMs: 1_000,
    withdrawDelayMsMin: 1_000,
    validFromMs: 0,
    validUntilMs: Number.MAX_SAFE_INTEGER,
  };
  const signer = { publicKey: payload.authorizer, secretKey: keys.authorizer.secretKey };
  return signDocument({ tag: 'offer', network }, payload, signer);
}

async function serve(context: SellerContext, exchange: Exchange): Promise<void> {
  const { url = '' } = exchange.request;
  if (url === '/v1/payments/vouchers') {
    answerJson(exchange.response, 200, extend(context, JSON.parse(exchange.body)));
  } else if (url.startsWith('/v1/payments/receipts/')) {
    const jobId = url.split('/').at(-1) ?? '';
    const job = context.jobs.get(jobId);
    if (!job) throw new AppError('JOB_UNKNOWN', { jobId });
    const { receipts } = job;
    answerJson(exchange.response, 200, {
      jobId,
      offer: context.offer,
      receipts,
      settledTxId: null,
    });
  } else {
    await sell(context, exchange);
  }
}

function booksOf({ books }: SellerContext, channelId: Hex): SellerBooks {
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

function admit(context: SellerContext, { request, body }: Exchange): SellerJob {
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
  if (jobs.has(jobId)) throw new AppError('JOB_ENDED', { jobId, outcome: 'x', receiptPath: 'x' });
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

function extend(
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

async function sell(context: SellerContext, exchange: Exchange): Promise<void> {
  const { faults, state, options } = context;
  state.calls += 1;
  if (faults.refuse && faults.refuse.times > 0) {
    faults.refuse.times -= 1;
    throw faults.refuse.error;
  }
  const job = admit(context, exchange);
  const { response } = exchange;
  response.on('close', () => {
    if (job.outcome === 'running') finish(context, job, { outcome: 'client_abort', text: '' });
    job.wake();
  });
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.flushHeaders();
  if (faults.isSilent) return;
  const text = await streamTokens(context, job, response);
  if (job.outcome !== 'running') return;
  const asked = (JSON.parse(exchange.body) as { max_tokens?: number }).max_tokens;
  const isCut = job.delivered < options.tokens.length || asked === job.delivered;
  writeChunk(response, {}, isCut ? 'length' : 'stop');
  finish(context, job, { outcome: 'complete', text, response });
  response.end('data: [DONE]\n\n');
}

async function streamTokens(
  context: SellerContext,
  job: SellerJob,
  response: ServerResponse,
): Promise<string> {
  const { options, faults, offer } = context;
  const { windowTokens } = offer.payload;
  let text = '';
  for (const token of options.tokens) {
    if (job.delivered >= job.covered && !(await waitForVoucher(job, response))) break;
    if (faults.tokenMs) await new Promise((resolve) => setTimeout(resolve, faults.tokenMs));
    if (job.outcome !== 'running') return text;
    writeChunk(response, { content: token }, null);
    job.delivered += 1;
    text += token;
    if (faults.dieAfter === job.delivered) {
      finish(context, job, { outcome: 'provider_error', text });
      response.destroy();
      return text;
    }
    if (job.delivered % windowTokens === 0) {
      sendReceipt(context, job, { outcome: 'running', text, response });
      text = '';
    }
  }
  return text;
}

/** Waits until more is covered; false when nothing comes. */
async function waitForVoucher(job: SellerJob, response: ServerResponse): Promise<boolean> {
  response.write(`${sseNeedVoucherMark}${JSON.stringify({ jobId: job.jobId })}\n\n`);
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, 1_000);
    job.wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
  return job.covered > job.delivered;
}

function writeChunk(response: ServerResponse, delta: object, reason: string | null): void {
  const chunk = { id: 'x', choices: [{ index: 0, delta, finish_reason: reason }] };
  response.write(`data: ${JSON.stringify(chunk)}\n\n`);
}

interface Ending {
  readonly outcome: Outcome;
  readonly text: string;
  readonly response?: ServerResponse;
}

function finish(context: SellerContext, job: SellerJob, ending: Ending): void {
  job.outcome = ending.outcome;
  sendReceipt(context, job, ending);
  booksOf(context, job.channelId).charged += job.charged;
}

function sendReceipt(context: SellerContext, job: SellerJob, ending: Ending): void {
  const { options, authorizer, offer, faults } = context;
  const { network } = options;
  const last = job.receipts.at(-1)?.payload;
  const usage = { promptTokens, outputTokens: job.delivered };
  job.charged = job.delivered === 0 ? 0n : chargeFor(priceOf(offer.payload), usage, ending.outcome);
  const payload = {
    v: 1 as const,
    network: network.caip2,
    jobId: job.jobId,
    offerId: offerIdOf(network, offer.payload),
    channelId: job.channelId,
    provider: offer.payload.provider,
    model: offer.payload.model,
    digest: offer.payload.digest,
    from: last?.to ?? 0,
    to: job.delivered,
    prefixHash: last ? nextPrefixHash(network, last) : firstPrefixHash(network, job.bodyDigest),
    textHash: textHashOf(ending.text),
    promptTokens,
    outcome: ending.outcome,
    charged: job.charged.toString(),
    chargedCumulative: job.charged.toString(),
    atMs: 1,
  };
  const signer = { publicKey: hex(authorizer.publicKey), secretKey: authorizer.secretKey };
  const honest = signDocument({ tag: 'receipt', network }, payload, signer);
  const receipt = faults.spoil ? faults.spoil(honest) : honest;
  job.receipts.push(receipt);
  if (ending.response && !(faults.forgetFinal && ending.outcome !== 'running')) {
    ending.response.write(`${sseReceiptMark}${JSON.stringify(receipt)}\n\n`);
  }
}
