/** Answers of the test seller: tokens within what is covered, and the receipts for them. */
import type { ServerResponse } from 'node:http';
import { hex } from '@aitbc/primitives';
import {
  chargeFor,
  firstPrefixHash,
  nextPrefixHash,
  type Outcome,
  offerIdOf,
  priceOf,
  signDocument,
  sseNeedVoucherMark,
  sseReceiptMark,
  textHashOf,
} from '@aitbc/protocol';
import { booksOf } from './seller-books.ts';
import type { SellerContext, SellerJob } from './seller-types.ts';

const promptTokens = 5;

/** Sends tokens while they are covered; returns the text that no receipt covers yet. */
export async function streamTokens(
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
