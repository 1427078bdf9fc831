/**
 * A small honest seller over real HTTP, for tests of buyers: real signatures, real books, windows, receipts,
 * resuming, acknowledgements and the corrective refusal, no engine. Faults are switched on one by one.
 */
import { hex, type KeyPair, keyPairFromSeed } from '@aitbc/primitives';
import {
  AppError,
  addressOf,
  asAppError,
  embeddingText,
  errorBodyOf,
  type Hex,
  jobKinds,
  type OfferPayload,
  type SignedOffer,
  signDocument,
} from '@aitbc/protocol';
import { answerJson, startTestServer, type TestServer } from './http-server.ts';
import { admit, extend, extendMany } from './seller-books.ts';
import { acknowledged, finish, receiptedTo, streamTokens, writeChunk } from './seller-stream.ts';
import type {
  Exchange,
  SellerBooks,
  SellerContext,
  SellerFaults,
  SellerJob,
  SellerOptions,
} from './seller-types.ts';

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
  /** Those of them that went on with an answer. */
  resumed(): number;
  /** How often receipts were asked for. */
  receiptsAsked(): number;
}

/** Starts a seller on a free port. */
export async function startSeller(options: SellerOptions): Promise<Seller> {
  const account = keyPairFromSeed(new Uint8Array(32).fill(options.seed));
  const authorizer = keyPairFromSeed(new Uint8Array(32).fill(options.seed + 100));
  const state = {
    exposure: 0,
    calls: 0,
    receiptsAsked: 0,
    resumed: 0,
    offer: undefined as SignedOffer | undefined,
  };
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
      if (faults.isDown) {
        response.destroy();
        return;
      }
      if (faults.isFrozen) return;
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
    resumed: () => state.resumed,
    receiptsAsked: () => state.receiptsAsked,
  };
}

function makeOffer(
  options: SellerOptions,
  keys: { account: KeyPair; authorizer: KeyPair; endpoint: string },
): SignedOffer {
  const { network, model, windowTokens = 4, digest = 'sha256:00', canResume = true } = options;
  const payload: OfferPayload = {
    v: 1,
    network: network.caip2,
    provider: addressOf(hex(keys.account.publicKey)),
    authorizer: hex(keys.authorizer.publicKey),
    endpoint: keys.endpoint,
    model,
    digest,
    quantization: 'f16',
    contextMax: 4096,
    outputMax: 256,
    price: { inputPerMTok: '1000000', outputPerMTok: '10000000', perRequest: '7' },
    windowTokens,
    serves: [...(options.serves ?? jobKinds)],
    canResume,
    firstTokenMs: 1_000,
    withdrawDelayMsMin: 1_000,
    validFromMs: 1_700_000_000_000,
    validUntilMs: Number.MAX_SAFE_INTEGER,
  };
  const signer = { publicKey: payload.authorizer, secretKey: keys.authorizer.secretKey };
  return signDocument({ tag: 'offer', network }, payload, signer);
}

async function serve(context: SellerContext, exchange: Exchange): Promise<void> {
  const { url = '' } = exchange.request;
  const json = (): never => JSON.parse(exchange.body) as never;
  if (url === '/v1/payments/vouchers') {
    answerJson(exchange.response, 200, extend(context, json()));
  } else if (url === '/v1/payments/vouchers/batch') {
    answerJson(exchange.response, 200, extendMany(context, json()));
  } else if (url === '/v1/payments/acknowledge') {
    answerReceipts(context, exchange, acknowledged(context, json()));
  } else if (url.startsWith('/v1/payments/receipts/')) {
    context.state.receiptsAsked += 1;
    const jobId = url.split('/').at(-1) ?? '';
    const job = context.jobs.get(jobId);
    if (!job) throw new AppError('JOB_UNKNOWN', { jobId });
    answerReceipts(context, exchange, job);
  } else {
    await sell(context, exchange, url);
  }
}

function answerReceipts(
  { offer }: SellerContext,
  { response }: Exchange,
  { jobId, receipts }: SellerJob,
): void {
  answerJson(response, 200, { jobId, offer, receipts, settledTxId: null });
}

async function sell(context: SellerContext, exchange: Exchange, url: string): Promise<void> {
  const { faults, state } = context;
  state.calls += 1;
  if (faults.refuse && faults.refuse.times > 0) {
    faults.refuse.times -= 1;
    throw faults.refuse.error;
  }
  const { body } = exchange;
  if (url === '/v1/embeddings') {
    embed(context, exchange, admit(context, exchange, { body, resume: undefined }));
  } else if (url === '/v1/payments/resume') {
    const model = context.offer.payload.model;
    if (faults.cannotResume) throw new AppError('RESUME_UNSUPPORTED', { model });
    state.resumed += 1;
    await stream(context, exchange, admit(context, exchange, JSON.parse(body) as never));
  } else {
    await stream(context, exchange, admit(context, exchange, { body, resume: undefined }));
  }
}

/** Vectors of the test seller: length of the text, and two numbers that survive JSON. */
export function vectorOf(text: string): number[] {
  return [text.length, 0.1, -1e-9];
}

function embed(context: SellerContext, { body, response }: Exchange, job: SellerJob): void {
  const { faults } = context;
  const vectors = (JSON.parse(body) as { input: string[] }).input.map(vectorOf);
  const data = vectors.map((embedding, index) => ({ object: 'embedding', index, embedding }));
  if (faults.fail) {
    finish(context, job, { outcome: 'provider_error', text: '' });
    response.destroy();
    return;
  }
  job.delivered = 1;
  finish(context, job, { outcome: 'complete', text: embeddingText(vectors) });
  answerJson(response, 200, { object: 'list', data, x_aitbc_receipts: job.receipts });
}

async function stream(
  context: SellerContext,
  { response }: Exchange,
  job: SellerJob,
): Promise<void> {
  const { faults, options } = context;
  response.on('close', () => {
    if (job.outcome === 'running') {
      const text = options.tokens.slice(receiptedTo(job), job.delivered);
      finish(context, job, { outcome: 'client_abort', text: text.join('') });
    }
    job.wake();
  });
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.flushHeaders();
  if (faults.isSilent) return;
  const text = await streamTokens(context, job, response);
  const hasFailed = faults.fail && job.delivered - job.from >= faults.fail.after;
  if (job.outcome !== 'running' || hasFailed) return;
  const isCut = job.delivered < options.tokens.length;
  writeChunk(response, {}, isCut ? 'length' : 'stop');
  finish(context, job, { outcome: 'complete', text, response });
  response.end('data: [DONE]\n\n');
}
