/**
 * One paid job from its place in the queue to its last receipt.
 *
 *   WAITING ─slot→ RUNNING ─engine ends→ ENDED complete
 *                   RUNNING ─no voucher in time→ ENDED limit
 *   any ─all readers gone→ ENDED client_abort    any ─engine fails, daemon stops, queue too slow→ ENDED provider_error
 *
 * WAITING holds a reservation and no engine. RUNNING holds a slot. An event of the engine goes out only
 * when vouchers cover its tokens; otherwise it is held, the buyer is asked, and the engine is not pulled
 * meanwhile. So at most one undelivered event (plus what the engine runs ahead by itself) was computed
 * unpaid. Holding one event instead of none means that an answer which ends exactly at the edge of a
 * window ends without asking for a voucher that nobody needs.
 *
 * Hidden reasoning of a model is not sold: it is neither shown nor counted.
 *
 * A receipt is signed when `windowTokens` went out since the last one, when the chain's view of the channel
 * changes, and at the end. It is written with the charge in one transaction before readers hear of it.
 *
 * The first token counts from the moment the engine gave it: a buyer who is slow with a voucher cannot
 * make it late.
 */
import { type JobEnd, type KnownJob, type Metered, requiredCap } from '@aitbc/market';
import {
  AppError,
  asAppError,
  type Hex,
  type InferenceRequest,
  type Outcome,
} from '@aitbc/protocol';
import type { Engine, EngineRequest, TokensEvent } from '../engines/engine.ts';
import type { StandingOffer } from '../offers/offer-book.ts';
import type { AnswerEnd, AnswerLog } from './answer-log.ts';
import type { ChannelBooks } from './channel-books.ts';
import type { Place } from './job-queue.ts';
import { createReceiptChain, type ReceiptSigner } from './receipt-chain.ts';

/** A reader that takes nothing for so long is gone. */
const stalledReaderMs = 30_000;
/** A job that found no slot in this time ends unpaid; the buyer may go elsewhere. */
const queueWaitMs = 120_000;

/** A job that was admitted and has not ended. */
export interface LiveJob {
  readonly jobId: Hex;
  readonly channelId: Hex;
  readonly known: KnownJob;
  readonly offer: StandingOffer;
  readonly request: InferenceRequest;
  readonly bodyDigest: Hex;
  /** Most output tokens the engine is asked for. */
  readonly maxTokens: number;
  readonly answer: AnswerLog;
  readonly place: Place;
  readonly startedAtMs: number;
  /** Aborted with CANCELLED when the readers are gone, with UNAVAILABLE when the daemon stops. */
  readonly abort: AbortController;
}

export interface RunDeps extends ReceiptSigner {
  readonly engine: Engine;
  readonly books: ChannelBooks;
  readonly needVoucherWaitMs: number;
  /** Called for failures of the engine. */
  readonly onTrouble: (error: unknown, jobId: Hex) => void;
}

interface Ending {
  readonly outcome: Exclude<Outcome, 'running'>;
  readonly reason: 'stop' | 'length';
  readonly error?: AppError;
}

/** Runs the job to its end; the answer log tells the rest. Rejects only when the books cannot be written. */
export async function runJob(job: LiveJob, deps: RunDeps): Promise<void> {
  const meter = createMeter(job, deps);
  let ending: Ending;
  try {
    await waitForSlot(job);
    ending = await pump(job, meter, deps);
  } catch (error) {
    ending = endingOf(error, job);
    if (ending.outcome === 'provider_error') deps.onTrouble(error, job.jobId);
  } finally {
    job.place.leave();
  }
  meter.end(ending);
}

async function waitForSlot({ place, abort }: LiveJob): Promise<void> {
  const timer = setTimeout(() => {
    const timeout = { what: 'A slot of the engine', timeoutMs: queueWaitMs };
    abort.abort(new AppError('TIMEOUT', timeout));
  }, queueWaitMs);
  try {
    await place.ready(abort.signal);
  } finally {
    clearTimeout(timer);
  }
}

async function pump(job: LiveJob, meter: Meter, { engine }: RunDeps): Promise<Ending> {
  const { signal } = job.abort;
  const request = engineRequestOf(job);
  meter.countPrompt(engine.countPromptTokens(request, signal));
  for await (const event of engine.generate(request, { signal })) {
    if (event.type === 'end') {
      if (event.incomplete) break; // it stopped talking: not an answer that was sold whole
      await meter.promptCounted(event.promptTokens);
      return { outcome: 'complete', reason: event.reason };
    }
    if (event.thinking && event.text === '') continue;
    meter.heard();
    if (!meter.isCovered(event.tokens) && !(await meter.untilCovered(event.tokens))) {
      return { outcome: 'limit', reason: 'length' };
    }
    meter.deliver(event);
    const room = job.answer.room(stalledReaderMs);
    if (room !== true && !(await room)) throw new AppError('CANCELLED');
  }
  throw new AppError('ENGINE_PROTOCOL', { engine: engine.kind, reason: 'its answer broke off' });
}

function engineRequestOf({ request, maxTokens }: LiveJob): EngineRequest {
  const { model, messages, temperature, topP, topK, seed, stop } = request;
  return {
    model,
    messages,
    maxTokens,
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(topK === undefined ? {} : { topK }),
    ...(seed === undefined ? {} : { seed }),
    ...(stop.length === 0 ? {} : { stop }),
  };
}

function endingOf(error: unknown, { abort }: LiveJob): Ending {
  const known = asAppError(abort.signal.aborted ? abort.signal.reason : error);
  const outcome = known.code === 'CANCELLED' ? 'client_abort' : 'provider_error';
  return { outcome, reason: 'stop', error: known };
}

type Meter = ReturnType<typeof createMeter>;

/** Counts what goes out, signs receipts, and closes the books of the job. */
function createMeter(job: LiveJob, deps: RunDeps) {
  const { jobId, channelId, answer, offer } = job;
  const { books, nowMs } = deps;
  const receipts = createReceiptChain(job, deps);
  const { windowTokens, firstTokenMs: firstTokenMsMax } = offer.payload;
  let text = '';
  let delivered = 0;
  let promptTokens = 0;
  let firstTokenMs: number | undefined;
  let prompt: Promise<void> = Promise.resolve();

  const receiptOf = (step: Metered) => {
    const placed = receipts.next(step, text);
    text = '';
    return placed;
  };
  const checkpoint = (): void => {
    const { receipt } = books.checkpoint(job, promptTokens, receiptOf);
    answer.append({ type: 'receipt', receipt });
  };
  return {
    /** Engines that can count the prompt before its end tell it here; the others with their last word. */
    countPrompt(counted: Promise<number | undefined>): void {
      prompt = counted.then(
        (tokens) => {
          promptTokens = tokens ?? promptTokens;
        },
        (error: unknown) => {
          if (!job.abort.signal.aborted) deps.onTrouble(error, jobId);
        },
      );
    },
    async promptCounted(tokens: number | undefined): Promise<void> {
      if (tokens === undefined) await prompt;
      else promptTokens = tokens;
    },
    /** The engine gave a token. */
    heard(): void {
      firstTokenMs ??= nowMs() - job.startedAtMs;
    },
    isCovered: (tokens: number) => delivered + tokens <= books.covered(channelId, jobId),
    untilCovered(tokens: number): Promise<boolean> {
      const wanted = delivered + tokens;
      answer.append({ type: 'need', need: needOf(job, wanted, books) });
      const { signal } = job.abort;
      const wish = { channelId, jobId, tokens: wanted, waitMs: deps.needVoucherWaitMs, signal };
      return books.whenCovered(wish);
    },
    deliver(event: TokensEvent): void {
      delivered += event.tokens;
      text += event.text;
      books.count(jobId, event.tokens, checkpoint);
      answer.append({ type: 'text', text: event.text });
      if (delivered - receipts.to() >= windowTokens) checkpoint();
    },
    end({ outcome, reason, error }: Ending): void {
      const isLate = (firstTokenMs ?? 0) > firstTokenMsMax;
      const ended: JobEnd = { outcome, promptTokens, isLate };
      const { step, receipt } = books.end(job, ended, receiptOf);
      const settled = step.job;
      answer.append({ type: 'receipt', receipt });
      const end: AnswerEnd = {
        outcome,
        reason,
        promptTokens: settled.promptTokens,
        completionTokens: settled.delivered,
        firstTokenMs: firstTokenMs ?? 0,
        durationMs: nowMs() - job.startedAtMs,
      };
      answer.append(error ? { type: 'error', error, end } : { type: 'end', end });
    },
  };
}

function needOf({ jobId, channelId, offer }: LiveJob, tokens: number, books: ChannelBooks) {
  const record = books.get(channelId);
  const job = record?.jobs.get(jobId);
  if (!record || !job) throw new Error('a live job has no books');
  const { signedMax } = record;
  const wanted = Math.max(tokens, job.tokensCovered + offer.payload.windowTokens);
  const required = requiredCap({ record, job }, wanted);
  return { jobId, channelId, tokens: wanted, required: `${required}`, signedMax: `${signedMax}` };
}
