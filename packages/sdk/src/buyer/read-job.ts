/**
 * Reads the answer of a paid call: hands on its text, checks its receipts, keeps the vouchers coming, and
 * settles it by the final receipt.
 */
import { AppError, fullCharge, type SignedReceipt, unwrap } from '@aitbc/protocol';
import { callKey } from '../books/store.ts';
import type { ProviderClient } from '../http/clients.ts';
import type { HttpAnswer } from '../http/transport.ts';
import { adoptCorrective } from './adopt-corrective.ts';
import { createReceiptChecker, type ReceiptChecker } from './check-receipts.ts';
import { createExtender, type Extender } from './extend-job.ts';
import { type AttemptPlan, type PaidStart, signTopUp } from './pay-job.ts';
import type { Settler } from './settle-calls.ts';
import { createStreamReader, type WireEvent } from './stream-reader.ts';
import type { BuyerParts, JobEnd, JobEvent } from './types.ts';

const settleNowMs = 2_000;

/** What reading needs beside the parts. */
export interface AttemptDeps {
  readonly parts: BuyerParts;
  readonly settler: Settler;
  clientOf(endpoint: string): Pick<ProviderClient, 'extend'>;
  /** Patience beside the offer's bound of the first token, ms. */
  readonly firstTokenGraceMs: number;
}

/** An answer under way. */
export interface Answering {
  readonly plan: AttemptPlan;
  readonly start: PaidStart;
  readonly answer: HttpAnswer;
  /** Ends the exchange with the provider. */
  readonly ending: AbortController;
  /** When the provider was asked. */
  readonly askedMs: number;
  onFirstToken(): void;
}

interface Progress {
  readonly startedMs: number;
  readonly receipts: SignedReceipt[];
  readonly checker: ReceiptChecker;
  readonly extender: Extender;
  tokens: number;
  firstTokenMs: number | null;
  finishReason: string | undefined;
  error: AppError | undefined;
}

/** Events of the answer, the end last. Throws what ended it early. */
export async function* readJob(deps: AttemptDeps, answering: Answering): AsyncGenerator<JobEvent> {
  const { plan, answer } = answering;
  const progress = begin(deps, answering);
  try {
    const reader = createStreamReader(plan.call.dialect);
    for await (const chunk of answer.body) {
      for (const event of reader.feed(chunk)) {
        const out = take(deps, progress, event);
        if (!out) continue;
        if (out.type === 'text') answering.onFirstToken();
        yield out;
      }
    }
    yield await conclude(deps, answering, progress);
  } finally {
    progress.extender.stop();
  }
}

function begin(deps: AttemptDeps, { plan, start, ending, askedMs }: Answering): Progress {
  const { parts } = deps;
  const { candidate } = plan;
  const client = deps.clientOf(candidate.offer.payload.endpoint);
  const { row, firstTokens, maxTokens } = start;
  const { windowTokens } = candidate.offer.payload;
  const { offerId, price } = candidate;
  const priceOf = (outputTokens: number) =>
    fullCharge(price, { promptTokens: row.promptBound, outputTokens });
  const extender = createExtender(
    { windowTokens, firstTokens, maxTokens, priceOf },
    {
      sign: (tokens) => signTopUp(parts, row, tokens),
      send: (topUp, signal) => client.extend(topUp, { signal }),
      fill: (more) => parts.channels.fill(row.channelId, more),
      adopt: (error) => adoptCorrective(parts, row, error),
      onFailure: (error) => ending.abort(error),
      signal: ending.signal,
      endpoint: candidate.offer.payload.endpoint,
    },
  );
  return {
    startedMs: askedMs,
    receipts: [],
    checker: createReceiptChecker({ network: parts.network, call: row, offerId, price }),
    extender,
    tokens: 0,
    firstTokenMs: null,
    finishReason: undefined,
    error: undefined,
  };
}

/** Takes one event in; returns what the caller gets to see of it. */
function take({ parts }: AttemptDeps, progress: Progress, event: WireEvent): JobEvent | undefined {
  const { checker, extender } = progress;
  switch (event.type) {
    case 'text':
      progress.firstTokenMs ??= parts.nowMs() - progress.startedMs;
      checker.addText(event.text);
      progress.tokens += event.tokens;
      extender.received(progress.tokens);
      return { type: 'text', text: event.text };
    case 'receipt': {
      const { to } = unwrap(checker.check(event.receipt, extender.covered()));
      progress.receipts.push(event.receipt);
      progress.tokens = Math.max(progress.tokens, to);
      extender.received(progress.tokens);
      return { type: 'receipt', receipt: event.receipt };
    }
    case 'needVoucher':
      extender.demand();
      return undefined;
    case 'finish':
      progress.finishReason = event.reason;
      return undefined;
    case 'error':
      progress.error ??= event.error;
      return undefined;
  }
}

async function conclude(
  deps: AttemptDeps,
  { start }: Answering,
  progress: Progress,
): Promise<JobEvent> {
  const key = callKey(start.row);
  const last = progress.checker.last();
  const { receipts, firstTokenMs } = progress;
  const durationMs = deps.parts.nowMs() - progress.startedMs;
  if (last && last.outcome !== 'running') {
    await deps.settler.settle(key, { receipts, firstTokenMs, durationMs });
  } else {
    await deps.settler.now(key, { firstTokenMs, durationMs }, settleNowMs);
  }
  if (progress.error) throw progress.error;
  const row = deps.parts.book.call(key) ?? start.row;
  if (progress.finishReason === undefined && row.outcome !== 'limit') {
    throw new AppError('UNAVAILABLE', {
      what: start.row.provider,
      reason: 'its answer ended early',
    });
  }
  const { outcome, promptTokens, outputTokens, charged } = row;
  const finishReason = outcome === 'limit' ? 'length' : (progress.finishReason ?? 'stop');
  const end: JobEnd = {
    outcome,
    finishReason,
    promptTokens,
    outputTokens,
    charged,
    firstTokenMs,
    durationMs,
  };
  return { type: 'end', end };
}
