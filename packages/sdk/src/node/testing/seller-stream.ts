/** Answers of the test seller: tokens within what is covered, the failures a test asks for, and receipts. */
import type { ServerResponse } from 'node:http';
import { hex } from '@aitbc/primitives';
import {
  type Acknowledgement,
  AppError,
  chargeFor,
  errorBodyOf,
  type Hex,
  nextPrefixHash,
  type Outcome,
  offerIdOf,
  priceOf,
  signDocument,
  sseNeedVoucherMark,
  sseReceiptMark,
  sseTokensMark,
  textHashOf,
  verifyAcknowledgement,
} from '@aitbc/protocol';
import { booksOf } from './seller-books.ts';
import type { SellerContext, SellerFailure, SellerJob } from './seller-types.ts';

const promptTokens = 5;
const voucherWaitMs = 1_000;

/** Sends tokens while they are covered; returns the text that no receipt covers yet. */
export async function streamTokens(
  context: SellerContext,
  job: SellerJob,
  response: ServerResponse,
): Promise<string> {
  const { faults, offer } = context;
  const { windowTokens } = offer.payload;
  let text = '';
  if (fails(context, job, { outcome: 'provider_error', text, response })) return text;
  while (job.delivered < job.end) {
    const last = lineEnd(context, job);
    if (!(await maySend(context, job, { response, last }))) break;
    if (faults.tokenMs) await new Promise((resolve) => setTimeout(resolve, faults.tokenMs));
    if (job.outcome !== 'running') return text;
    text += writeTokens(context, job, { response, last });
    if (dies(context, job, { outcome: 'provider_error', text, response })) return text;
    if (job.delivered - receiptedTo(job) >= windowTokens) {
      sendReceipt(context, job, { outcome: 'running', text, response });
      text = '';
    }
    if (fails(context, job, { outcome: 'provider_error', text, response })) return text;
  }
  return text;
}

/** Where the last receipt ends. */
export function receiptedTo({ receipts, from }: SellerJob): number {
  return receipts.at(-1)?.payload.to ?? from;
}

function writeTokens(
  { options }: SellerContext,
  job: SellerJob,
  { response, last }: { response: ServerResponse; last: number },
): string {
  const line = options.tokens.slice(job.delivered, last).join('');
  const tokens = last - job.delivered;
  if (tokens !== 1) response.write(`${sseTokensMark}${tokens}\n\n`);
  writeChunk(response, { content: line }, null);
  job.delivered = last;
  job.sent = last;
  return line;
}

function dies(context: SellerContext, job: SellerJob, ending: Required<Ending>): boolean {
  if (context.faults.dieAfter !== job.delivered) return false;
  finish(context, job, { outcome: ending.outcome, text: ending.text });
  ending.response.destroy();
  return true;
}

function fails(context: SellerContext, job: SellerJob, ending: Required<Ending>): boolean {
  const { fail } = context.faults;
  if (!fail || job.delivered - job.from < fail.after) return false;
  failures[fail.how](context, job, ending);
  return true;
}

type Fail = (context: SellerContext, job: SellerJob, ending: Required<Ending>) => void;

/** Each ends the job, or leaves it to the buyer to go. */
const failures: Readonly<Record<SellerFailure, Fail>> = {
  kill(context, job, { response }) {
    crash(context, job);
    setImmediate(() => response.destroy());
  },
  stall() {},
  freeze({ faults }) {
    faults.isFrozen = true;
  },
  garbage: (_context, _job, { response }) => void response.write('data: {oops\n\n'),
  error(context, job, { response }) {
    writeError(response);
    crash(context, job);
    response.end();
  },
  fault(context, job, ending) {
    finish(context, job, ending);
    writeError(ending.response);
    ending.response.end();
  },
  end(context, job, { response }) {
    crash(context, job);
    response.end();
  },
  /** Signs the end of what was covered, and dies before its last text leaves. */
  complete(context, job, { text, response }) {
    const last = Math.min(job.covered, job.end);
    const unsent = context.options.tokens.slice(job.delivered, last).join('');
    job.delivered = last;
    finish(context, job, { outcome: 'complete', text: text + unsent });
    setImmediate(() => response.destroy());
  },
  limit(context, job, ending) {
    finish(context, job, { ...ending, outcome: 'limit' });
    writeChunk(ending.response, {}, 'length');
    ending.response.end('data: [DONE]\n\n');
  },
};

function writeError(response: ServerResponse): void {
  const error = new AppError('ENGINE_CRASHED', { engine: 'test', reason: 'asked to' });
  response.write(`data: ${JSON.stringify({ error: errorBodyOf(error) })}\n\n`);
}

/** What a restart makes of a running job: it knows the last receipt and nothing after it. */
function crash(context: SellerContext, job: SellerJob): void {
  job.delivered = receiptedTo(job);
  finish(context, job, { outcome: 'provider_error', text: '' });
}

function isGenerous({ faults }: SellerContext, { delivered, end }: SellerJob): boolean {
  return delivered >= (faults.generousAfter ?? end);
}

/** Position after the next line. */
function lineEnd(context: SellerContext, job: SellerJob): number {
  const line = isGenerous(context, job) ? job.end : (context.faults.lineTokens ?? 1);
  return Math.min(job.delivered + line, job.end);
}

/** Waits until so much is covered; false when nothing comes. */
async function maySend(
  context: SellerContext,
  job: SellerJob,
  { response, last }: { response: ServerResponse; last: number },
): Promise<boolean> {
  if (last <= job.covered || isGenerous(context, job)) return true;
  response.write(`${sseNeedVoucherMark}${JSON.stringify({ jobId: job.jobId })}\n\n`);
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, context.faults.voucherWaitMs ?? voucherWaitMs);
    job.wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
  return job.covered >= last;
}

/** Writes one chunk in the OpenAI dialect. */
export function writeChunk(response: ServerResponse, delta: object, reason: string | null): void {
  const chunk = { id: 'x', choices: [{ index: 0, delta, finish_reason: reason }] };
  response.write(`data: ${JSON.stringify(chunk)}\n\n`);
}

interface Ending {
  readonly outcome: Outcome;
  readonly text: string;
  readonly response?: ServerResponse;
}

/** Ends a job: its last receipt, and its charge in the book. */
export function finish(context: SellerContext, job: SellerJob, ending: Ending): void {
  job.outcome = ending.outcome;
  sendReceipt(context, job, ending);
  booksOf(context, job.channelId).charged += job.charged;
}

/** Signs for tokens that the buyer says have arrived. Throws JOB_STATE_WRONG. */
export function acknowledged(
  context: SellerContext,
  { signature, ...ack }: Acknowledgement & { signature: Hex },
): SellerJob {
  const { jobId, channelId, from, to, textHash } = ack;
  context.faults.onAcknowledge?.();
  const job = context.jobs.get(jobId);
  const payer = context.options.channelOf(channelId)?.payerAuthorizer ?? '';
  const { network } = context.options;
  if (!job || !verifyAcknowledgement(network, { ack, signature }, payer)) {
    throw new AppError('JOB_UNKNOWN', { jobId });
  }
  const last = job.receipts.at(-1)?.payload;
  if (last?.to === to && last.textHash === textHash) return job;
  const isWindow = to <= job.covered && to - from <= context.offer.payload.windowTokens;
  if (job.outcome !== 'provider_error' || last?.to !== from || !isWindow) {
    throw new AppError('JOB_STATE_WRONG', { jobId, state: job.outcome });
  }
  const before = job.charged;
  job.delivered = to;
  sendReceipt(context, job, { outcome: 'provider_error', textHash });
  booksOf(context, channelId).charged += job.charged - before;
  return job;
}

type Signing = Pick<Ending, 'outcome' | 'response'> &
  ({ readonly text: string } | { readonly textHash: Hex });

function sendReceipt(context: SellerContext, job: SellerJob, ending: Signing): void {
  const { options, authorizer, offer, faults } = context;
  const { network } = options;
  const last = job.receipts.at(-1)?.payload;
  const outputTokens = job.delivered - job.from;
  const usage = { promptTokens, outputTokens };
  job.charged = outputTokens === 0 ? 0n : chargeFor(priceOf(offer.payload), usage, ending.outcome);
  const payload = {
    v: 1 as const,
    network: network.caip2,
    jobId: job.jobId,
    offerId: offerIdOf(network, offer.payload),
    channelId: job.channelId,
    provider: offer.payload.provider,
    model: offer.payload.model,
    digest: offer.payload.digest,
    from: last?.to ?? job.from,
    to: job.delivered,
    prefixHash: last ? nextPrefixHash(network, last) : job.prefixHash,
    textHash: 'text' in ending ? textHashOf(ending.text) : ending.textHash,
    promptTokens,
    outcome: ending.outcome,
    charged: job.charged.toString(),
    chargedCumulative: job.charged.toString(),
    atMs: Date.now(),
  };
  const signer = { publicKey: hex(authorizer.publicKey), secretKey: authorizer.secretKey };
  const honest = signDocument({ tag: 'receipt', network }, payload, signer);
  const receipt = faults.spoil ? faults.spoil(honest) : honest;
  job.receipts.push(receipt);
  if (ending.response && !(faults.forgetFinal && ending.outcome !== 'running')) {
    ending.response.write(`${sseReceiptMark}${JSON.stringify(receipt)}\n\n`);
  }
}
