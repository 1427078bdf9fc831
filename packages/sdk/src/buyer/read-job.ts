/**
 * Reads the answer of a paid call: hands on its text, checks its receipts, keeps the vouchers coming, and
 * settles it by the final receipt. What is no answer (an end without the last word, an outcome of failure,
 * lines that cannot be read, more than is paid for) is thrown; the caller may go on elsewhere.
 */
import { elapsedMs } from '@aitbc/primitives';
import {
  AppError,
  chargeFor,
  fullCharge,
  type ReceiptPayload,
  type SignedReceipt,
  unwrap,
} from '@aitbc/protocol';
import { type CallRow, callKey } from '../books/store.ts';
import type { HttpAnswer } from '../http/transport.ts';
import type { EventSink } from './event-outlet.ts';
import { adoptCorrective } from './pay/adopt-corrective.ts';
import { errorOfProvider } from './pay/ask-provider.ts';
import { createReceiptChecker, type ReceiptChecker } from './pay/check-receipts.ts';
import { createExtender, type Extender } from './pay/extend-job.ts';
import { type AttemptPlan, type PaidStart, signTopUp } from './pay/pay-job.ts';
import type { VoucherSender } from './pay/send-vouchers.ts';
import type { Settler } from './settle/settle-calls.ts';
import { createStreamReader, type WireEvent } from './stream-reader.ts';
import { createStallWatch } from './survive/watch-stall.ts';
import type { BuyerParts, JobEnd, JobEvent, JobPart } from './types.ts';

const settleNowMs = 2_000;

/** What reading needs beside the parts. */
export interface AttemptDeps {
  readonly parts: BuyerParts;
  readonly settler: Settler;
  readonly vouchers: VoucherSender;
  /** Patience beside the offer's bound of the first token, ms. */
  readonly firstTokenGraceMs: number;
  /** Longest silence in mid-answer, ms. */
  readonly stallMs: number;
}

/** An answer under way. */
export interface Answering {
  readonly plan: AttemptPlan;
  readonly start: PaidStart;
  readonly answer: HttpAnswer;
  /** Ends the exchange with the provider. */
  readonly ending: AbortController;
  readonly reading: Reading;
  readonly sink: EventSink;
  onFirstToken(): void;
}

/** What one provider's answer has brought. */
export interface Reading {
  /** When the provider was asked. */
  readonly askedMs: number;
  readonly receipts: SignedReceipt[];
  readonly checker: ReceiptChecker;
  /** When the last bytes came. */
  heardMs: number;
  firstTokenMs: number | null;
  finishReason: string | undefined;
  error: AppError | undefined;
}

/** A reading that has brought nothing yet. */
export function beginReading({ network, nowMs }: BuyerParts, plan: AttemptPlan, row: CallRow) {
  const { candidate, progress } = plan;
  const { offerId, price } = candidate;
  const arrived = () => progress.tailText();
  const reading: Reading = {
    askedMs: nowMs(),
    receipts: [],
    checker: createReceiptChecker({ network, call: row, offerId, price, arrived }),
    heardMs: nowMs(),
    firstTokenMs: null,
    finishReason: undefined,
    error: undefined,
  };
  return reading;
}

/** The final receipt, when it has come. */
export function finalOf({ checker }: Reading): ReceiptPayload | undefined {
  const last = checker.last();
  return last && last.outcome !== 'running' ? last : undefined;
}

/** Hands on the events of the answer, the end last. Throws what ended it early. */
export async function readJob(deps: AttemptDeps, answering: Answering): Promise<void> {
  const { reading, sink, plan } = answering;
  const extender = extenderOf(deps, answering, () => watch.restart());
  const { endpoint } = plan.candidate.offer.payload;
  const watch = createStallWatch({
    stallMs: deps.stallMs,
    isHeld: () => extender.isDue(),
    onStall: () =>
      answering.ending.abort(new AppError('TIMEOUT', { what: endpoint, timeoutMs: deps.stallMs })),
  });
  const reader = createStreamReader();
  const chunks = answering.answer.body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const wanted = sink.wanted();
      if (wanted) await wanted;
      if (reading.firstTokenMs !== null) watch.wait();
      const chunk = await nextChunk(chunks, answering);
      if (!chunk) break;
      reading.heardMs = deps.parts.nowMs();
      const events = reader.feed(chunk);
      if (events.length > 0) watch.line();
      for (const event of events) {
        const out = take(deps, answering, { event, extender });
        if (out) sink.push(out);
      }
    }
    assertPaidOut(answering, extender.covered());
    sink.push(await conclude(deps, answering, reading));
  } finally {
    extender.stop();
    watch.stop();
    await chunks.return?.();
  }
}

/** Undefined at the end. A connection that breaks after the last word of the answer is its end. */
async function nextChunk(
  chunks: AsyncIterator<Uint8Array>,
  { reading, plan }: Answering,
): Promise<Uint8Array | undefined> {
  try {
    const { value, done } = await chunks.next();
    return done ? undefined : value;
  } catch (error) {
    if (reading.finishReason === undefined || plan.signal.aborted) throw error;
    return undefined;
  }
}

function extenderOf(
  deps: AttemptDeps,
  { plan, start, ending }: Answering,
  onExchange: () => void,
): Extender {
  const { parts } = deps;
  const { candidate } = plan;
  const { endpoint, windowTokens } = candidate.offer.payload;
  const { row, firstTokens, maxTokens } = start;
  const { from, promptBound } = row;
  const { maxNait } = plan.purchase;
  const priceOf = (tokens: number) =>
    fullCharge(candidate.price, { promptTokens: promptBound, outputTokens: tokens - from });
  return createExtender(
    { from, windowTokens, firstTokens, maxTokens, priceOf },
    {
      sign: (tokens) => signTopUp(parts, row, { tokens, maxNait }),
      send: (topUp, signal) => deps.vouchers.send(endpoint, topUp, signal),
      fill: (more) => parts.channels.fill(row.channelId, more),
      adopt: (error) => adoptCorrective(parts, row, error),
      onExchange,
      onFailure: (error) => ending.abort(error),
      nowMs: parts.nowMs,
      signal: ending.signal,
      endpoint,
    },
  );
}

interface Arrived {
  readonly event: WireEvent;
  readonly extender: Extender;
}

/** Takes one event in; returns what the caller gets to see of it. */
function take(
  deps: AttemptDeps,
  answering: Answering,
  { event, extender }: Arrived,
): JobEvent | undefined {
  const { reading, plan } = answering;
  switch (event.type) {
    case 'text':
      return takeText(deps, answering, { event, extender });
    case 'receipt': {
      unwrap(reading.checker.check(event.receipt, extender.covered()));
      plan.progress.addReceipt(event.receipt);
      reading.receipts.push(event.receipt);
      extender.received(plan.progress.position());
      return event;
    }
    case 'needVoucher':
      extender.demand();
      return undefined;
    case 'finish':
      reading.finishReason = event.reason;
      return undefined;
    case 'error':
      reading.error ??= errorOfProvider(plan.candidate.offer.payload.endpoint, event.error);
      return undefined;
    case 'garbage':
      throw event.error;
  }
}

function takeText(
  { parts }: AttemptDeps,
  { reading, plan, start, onFirstToken }: Answering,
  { event, extender }: Arrived & { event: WireEvent & { type: 'text' } },
): JobEvent {
  const { progress } = plan;
  const { text, tokens } = event;
  if (!start.isRepeat && progress.position() + tokens > extender.covered()) {
    const reason = `it sent more than the ${extender.covered()} tokens that are paid for`;
    throw new AppError('ENGINE_PROTOCOL', { engine: 'of the provider', reason });
  }
  if (reading.firstTokenMs === null) {
    reading.firstTokenMs = elapsedMs(reading.askedMs, parts.nowMs());
    onFirstToken();
  }
  progress.addText(text, tokens);
  extender.received(progress.position());
  return { type: 'text', text };
}

/** Settles an answer that has come whole. Throws what makes it none. */
export async function conclude(
  { parts, settler }: AttemptDeps,
  { start, plan }: Answering,
  reading: Reading,
): Promise<JobEvent> {
  assertWhole(start.row, reading);
  const key = callKey(start.row);
  const { receipts, firstTokenMs } = reading;
  const durationMs = elapsedMs(reading.askedMs, parts.nowMs());
  if (finalOf(reading)) await settler.settle(key, { receipts, firstTokenMs, durationMs });
  else await settler.now(key, { firstTokenMs, durationMs }, settleNowMs);
  const row = parts.book.call(key) ?? start.row;
  const part = partOf(plan, row);
  const isLimit = part.outcome === 'limit';
  const end: JobEnd = {
    outcome: part.outcome === 'provider_error' ? 'complete' : part.outcome,
    finishReason: isLimit ? 'length' : (reading.finishReason ?? 'stop'),
    promptTokens: row.promptTokens,
    outputTokens: part.to - part.from,
    charged: part.charged,
    firstTokenMs,
    durationMs,
    parts: [part],
  };
  return { type: 'end', end };
}

function assertWhole({ provider }: CallRow, reading: Reading): void {
  const final = finalOf(reading);
  if (final?.outcome === 'limit') return;
  if (reading.error) throw reading.error;
  const isWhole = reading.finishReason !== undefined && final?.outcome !== 'provider_error';
  if (isWhole || final?.outcome === 'complete') return;
  const reason = final ? `its answer ended as ${final.outcome}` : 'its answer ended early';
  throw new AppError('UNAVAILABLE', { what: provider, reason });
}

/**
 * `limit` says that a voucher was missing. Where the vouchers cover more than arrived, none was: an answer that stops there
 * is not whole, whatever its provider calls it.
 */
function assertPaidOut({ reading, plan, start }: Answering, coveredTokens: number): void {
  if (start.isRepeat || finalOf(reading)?.outcome !== 'limit') return;
  const position = plan.progress.position();
  if (position >= coveredTokens) return;
  const reason = `it stopped at ${position} of ${coveredTokens} tokens that are paid for`;
  throw new AppError('UNAVAILABLE', { what: start.row.provider, reason });
}

/**
 * What a provider gave and gets: as it was settled, or, while its end is not known, what it is due as one that
 * failed.
 */
export function partOf({ candidate, progress }: AttemptPlan, row: CallRow): JobPart {
  const { provider, channelId, from } = row;
  const to = progress.position();
  if (row.status === 'settled') {
    return { provider, channelId, from, to, charged: row.charged, outcome: row.outcome };
  }
  const usage = { promptTokens: 0, outputTokens: to - from };
  const charged = chargeFor(candidate.price, usage, 'provider_error');
  return { provider, channelId, from, to, charged, outcome: 'provider_error' };
}
