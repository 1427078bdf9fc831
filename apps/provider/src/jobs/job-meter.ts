/**
 * The meter of one job: counts what goes out, signs receipts, and closes the books of the job.
 *
 * All counts are positions in the whole answer of the job, so a resumed job starts at its resume point.
 *
 * The prompt. An engine that counts beforehand is asked for the prompt without the text that another provider
 * gave before: that is exact. The others tell prompt and prefix together with their last word, and the
 * prefix is taken off as so many tokens as were sold of it. That is exact while the text becomes the same
 * tokens again; where it does not, it is off by the difference, most often none, and never below nothing nor
 * above the bound of the prompt.
 *
 * The urge. Text may be kept back from a reader for some milliseconds, with two exceptions. What leaves half a window of
 * what is covered: from there on a buyer signs for more as soon as it has it. And what a receipt follows: the less is charged
 * that a crash keeps from leaving, the better.
 *
 * The silence. A client that leaves while the engine has been silent for long was not served: the job ends as a failure
 * of the provider, so that nobody pays two prompts for one engine that hangs.
 *
 * The cross-check. When the engine's own counter says less than was streamed, the tokens that it does not
 * confirm are not charged at the end. A counter that says more changes nothing, besides the end token it may
 * count. Either is told to the owner. A counter of nothing beside tokens is a counter that is missing.
 */
import { type Metered, requiredCap } from '@aitbc/market';
import { elapsedMs } from '@aitbc/primitives';
import {
  type AppError,
  type Hex,
  limits,
  type Outcome,
  type SignedReceipt,
  textHashOf,
} from '@aitbc/protocol';
import type { EndEvent } from '../engines/engine.ts';
import type { AnswerEnd, NeedVoucher } from './answer-log.ts';
import type { ChannelBooks } from './channel-books.ts';
import { createReceiptChain, type ReceiptSigner } from './receipt-chain.ts';
import type { LiveJob } from './run-job.ts';

/** An engine that owes a token for so long is silent; shorter than the patience of buyers in mid-answer. */
export const silentEngineMs = 4_000;

/** What a meter says of an engine's counter: tokens it claims, and tokens that were streamed. */
export interface CounterFault {
  readonly jobId: Hex;
  readonly claimed: number;
  readonly streamed: number;
}

export interface MeterDeps extends ReceiptSigner {
  readonly books: ChannelBooks;
  readonly needVoucherWaitMs: number;
  /** Called for failures of the engine. */
  readonly onTrouble: (error: unknown, jobId: Hex) => void;
  /** The engine's own counter says something else than its stream. */
  readonly onMiscount: (fault: CounterFault) => void;
}

/** How a job ends. */
export interface Ending {
  readonly outcome: Exclude<Outcome, 'running'>;
  readonly reason: 'stop' | 'length';
  readonly error?: AppError;
}

export type JobMeter = ReturnType<typeof createJobMeter>;

export function createJobMeter(job: LiveJob, deps: MeterDeps) {
  const { jobId, channelId, answer, offer, resume } = job;
  const { books, nowMs } = deps;
  const receipts = createReceiptChain(job, deps);
  const from = resume?.from ?? 0;
  const most = from + job.maxTokens;
  let text = '';
  let delivered = from;
  let promptTokens = 0;
  let doubtfulTokens = 0;
  const engine = createEngineClock(nowMs, job.startedAtMs);
  let counting: Promise<number | undefined> = Promise.resolve(undefined);
  const receiptsOut = createTeller(answer, books);

  const receiptOf = (step: Metered) => {
    const placed = receipts.next(step, textHashOf(text));
    text = '';
    return placed;
  };
  const checkpoint = (): void => {
    const { receipt } = books.checkpoint(job, promptTokens, receiptOf);
    receiptsOut.tell(receipt);
  };
  return {
    /** Engines that can count the prompt before its end tell it here; the others with their last word. */
    countPrompt(counted: Promise<number | undefined>): void {
      counting = counted.catch((error: unknown) => {
        if (!job.abort.signal.aborted) deps.onTrouble(error, jobId);
        return undefined;
      });
      void counting.then((tokens) => {
        promptTokens = tokens ?? promptTokens;
      });
    },
    /** The engine's last word, checked. */
    async engineEnded(end: Omit<EndEvent, 'type' | 'reason'>): Promise<void> {
      doubtfulTokens = doubtOf(jobId, end, deps);
      const counted = await counting;
      const rest = (end.promptTokens ?? 0) - from;
      promptTokens = counted ?? Math.max(rest, 0);
    },
    engine,
    /** Tokens that went out here. */
    sold: () => delivered - from,
    isCovered: (tokens: number) => delivered + tokens <= books.covered(channelId, jobId),
    untilCovered(tokens: number): Promise<boolean> {
      const wanted = delivered + tokens;
      answer.append({ type: 'need', need: needOf(job, wanted, books) });
      const { signal } = job.abort;
      const wish = { channelId, jobId, tokens: wanted, waitMs: deps.needVoucherWaitMs, signal };
      return books.whenCovered(wish);
    },
    /** Set while a receipt is not out yet: no text goes out before the receipt for what was before it. */
    telling: receiptsOut.told,
    /** Text goes out. `isLast`: the end of the job signs for it. */
    deliver(part: { readonly text: string; readonly tokens: number }, isLast = false): void {
      const isUrgent = isUrgentText(job, books, { delivered, signed: receipts.to(), ...part });
      delivered += part.tokens;
      text += part.text;
      books.count(jobId, part.tokens, checkpoint);
      answer.append({ type: 'text', text: part.text, tokens: part.tokens, isUrgent });
      if (isLast || delivered >= most) return; // the end of the job follows, and signs
      if (delivered - receipts.to() >= offer.payload.windowTokens) checkpoint();
    },
    async end({ outcome, reason, error }: Ending): Promise<void> {
      await receiptsOut.told();
      const firstTokenMs = engine.firstTokenMs() ?? 0;
      const isLate = firstTokenMs > offer.payload.firstTokenMs;
      const ended = { outcome, promptTokens, doubtfulTokens, isLate };
      const { step, receipt } = books.end(job, ended, receiptOf);
      await books.written();
      answer.append({ type: 'receipt', receipt });
      const durationMs = elapsedMs(job.startedAtMs, nowMs());
      const end = { outcome, reason, ...countsOf(step), firstTokenMs, durationMs };
      answer.append(error ? { type: 'error', error, end } : { type: 'end', end });
    },
  };
}

interface Step {
  readonly delivered: number;
  /** Position up to which receipts are signed. */
  readonly signed: number;
  readonly tokens: number;
}

/** True for tokens that leave half a window of what is covered, and for those that a receipt follows. */
function isUrgentText(
  { jobId, channelId, offer }: LiveJob,
  books: Pick<ChannelBooks, 'covered'>,
  { delivered, signed, tokens }: Step,
): boolean {
  const { windowTokens } = offer.payload;
  const half = books.covered(channelId, jobId) - windowTokens / 2;
  const to = delivered + tokens;
  return to - signed >= windowTokens || (delivered < half && to >= half);
}

function countsOf({ job }: Metered): Pick<AnswerEnd, 'promptTokens' | 'completionTokens'> {
  const { promptTokens, delivered, from } = job;
  return { promptTokens, completionTokens: delivered - from };
}

/** Tells readers of receipts, each when it is committed. */
function createTeller(answer: LiveJob['answer'], books: Pick<ChannelBooks, 'written'>) {
  let telling: Promise<void> | undefined;
  return {
    tell(receipt: SignedReceipt): void {
      const told = (telling ?? Promise.resolve()).then(books.written).then(() => {
        answer.append({ type: 'receipt', receipt });
        if (telling === told) telling = undefined;
      });
      told.catch(() => {}); // whoever goes on with the job waits for it
      telling = told;
    },
    told: () => telling,
  };
}

/** When the engine of a job gave its first token, and how long it has owed the next one. */
function createEngineClock(nowMs: () => number, startedAtMs: number) {
  let firstTokenMs: number | undefined;
  let owesSinceMs = Number.POSITIVE_INFINITY;
  return {
    /** It owes a token from now on. */
    awaits(): void {
      owesSinceMs = nowMs();
    },
    /** It gave a token. */
    heard(): void {
      firstTokenMs ??= elapsedMs(startedAtMs, nowMs());
      owesSinceMs = Number.POSITIVE_INFINITY;
    },
    isSilent: () => nowMs() - owesSinceMs >= silentEngineMs,
    firstTokenMs: () => firstTokenMs,
  };
}

/** Streamed tokens that the engine's counter does not confirm; it may count the end token beside them. */
function doubtOf(
  jobId: Hex,
  { counterTokens: claimed, completionTokens: streamed }: Omit<EndEvent, 'type' | 'reason'>,
  { onMiscount }: Pick<MeterDeps, 'onMiscount'>,
): number {
  if (claimed === undefined || claimed === streamed || claimed === streamed + 1) return 0;
  onMiscount({ jobId, claimed, streamed });
  return claimed === 0 ? 0 : Math.max(streamed - claimed, 0);
}

function needOf(
  { jobId, channelId, offer }: LiveJob,
  tokens: number,
  books: ChannelBooks,
): NeedVoucher {
  const record = books.get(channelId);
  const job = record?.jobs.get(jobId);
  if (!record || !job) throw new Error('a live job has no books');
  const { signedMax } = record;
  const next = Math.min(job.tokensCovered + offer.payload.windowTokens, limits.outputTokensMax);
  const wanted = Math.max(tokens, next);
  const required = requiredCap({ record, job }, wanted);
  return { jobId, channelId, tokens: wanted, required: `${required}`, signedMax: `${signedMax}` };
}
