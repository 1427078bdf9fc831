/**
 * A small honest seller over real HTTP, for tests of buyers: real signatures, real books, windows, receipts
 * and the corrective refusal, no engine. Faults are switched on one by one.
 */
import { hex, type KeyPair, keyPairFromSeed } from '@aitbc/primitives';
import {
  AppError,
  addressOf,
  asAppError,
  errorBodyOf,
  type Hex,
  type OfferPayload,
  type SignedOffer,
  signDocument,
} from '@aitbc/protocol';
import { answerJson, startTestServer, type TestServer } from './http-server.ts';
import { admit, extend } from './seller-books.ts';
import { finish, streamTokens, writeChunk } from './seller-stream.ts';
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
    receiptsAsked: () => state.receiptsAsked,
  };
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
    context.state.receiptsAsked += 1;
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
