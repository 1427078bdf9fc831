/**
 * One call at one provider, from the first voucher to the settled receipt.
 *
 *   PAYING ─voucher stored→ ASKED ─200→ STREAMING ─final receipt→ SETTLED
 *      │                      ├─ definite refusal of a fresh job → RELEASED: nothing is due
 *      │                      └─ anything else, also while STREAMING → UNSETTLED: asked for later
 *      └─ no money, no budget → nothing was promised
 *
 * Whatever happens, the books know a promise before it leaves, and lose it only by a receipt or a refusal.
 * After a failure they are put in order in the background, because the next provider is asked at once;
 * `booksInOrder` of the purchase waits for it. What arrived without a receipt is remembered with the call, so
 * that a provider that comes back can be told.
 *
 * A job asked for again after a crash may have run the first time: no refusal of the second request says
 * that nothing is due for the first, so its reservation stays until the provider's receipts are known. A
 * job that was paid is only read again; whatever refuses that, the job has ended.
 * See docs/spec/payments.md, "Buyer".
 */
import { elapsedMs } from '@aitbc/primitives';
import { AppError, asAppError } from '@aitbc/protocol';
import { type CallTail, callKey } from '../books/store.ts';
import { createOutlet, type Outlet } from './event-outlet.ts';
import { endOf } from './former-call.ts';
import { askProvider, isDefiniteRefusal } from './pay/ask-provider.ts';
import { type AttemptPlan, type PaidStart, payFirst } from './pay/pay-job.ts';
import { inBackground } from './purchase.ts';
import { type AttemptDeps, beginReading, finalOf, type Reading, readJob } from './read-job.ts';
import { readVectors } from './read-vectors.ts';
import { distrustProvider } from './settle/settle-calls.ts';

/** One attempt under way. */
export interface Attempt {
  readonly plan: AttemptPlan;
  /** Where its events come out. */
  readonly outlet: Outlet;
  /** Resolves behind the last event. Throws the refusal or failure. */
  readonly ended: Promise<void>;
  /** What is known of it; empty before its first voucher is in the books. */
  readonly known: { start?: PaidStart; reading?: Reading };
}

/** Begins an attempt. */
export function startAttempt(deps: AttemptDeps, plan: AttemptPlan): Attempt {
  const known: Attempt['known'] = {};
  const outlet = createOutlet();
  const ended = run(deps, plan, { known, outlet });
  ended.catch(() => {}); // told to who waits for it
  return { plan, outlet, ended, known };
}

/** Waits for the first text or the end. Throws the refusal or failure before it. */
export async function begun(attempt: Attempt): Promise<Attempt> {
  await Promise.race([attempt.outlet.begun, attempt.ended]);
  return attempt;
}

async function run(
  deps: AttemptDeps,
  plan: AttemptPlan,
  { known, outlet }: Pick<Attempt, 'known' | 'outlet'>,
): Promise<void> {
  const { parts } = deps;
  const { signal, purchase } = plan;
  if (plan.former) deps.settler.hold(callKey(plan.former));
  const start = await payFirst(parts, plan);
  const reading = beginReading(parts, plan, start.row);
  Object.assign(known, { start, reading });
  const ending = new AbortController();
  const onFirstToken = startPatience(deps, plan, ending);
  const onAbort = () => ending.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  let isAdmitted = false;
  let failure: AppError | undefined;
  try {
    const answer = await askProvider(parts, plan, { start, signal: ending.signal });
    isAdmitted = true;
    const read = purchase.kind === 'embed' ? readVectors : readJob;
    await read(deps, { plan, start, answer, ending, reading, sink: outlet, onFirstToken });
  } catch (error) {
    failure = failureOf(start, asAppError(error));
    ending.abort(failure);
    throw failure;
  } finally {
    onFirstToken();
    signal.removeEventListener('abort', onAbort);
    const left = { failure, isAdmitted, reading, tail: plan.progress.tail() };
    inBackground(purchase, cleanUp(deps, start, left));
  }
}

/** A job that was paid has ended, whoever says that it is gone. */
function failureOf(start: PaidStart, error: AppError): AppError {
  const isGone = isDefiniteRefusal(error) || error.code === 'JOB_ENDED';
  return start.isPaid && isGone ? endOf(start.row) : error;
}

/** Ends the exchange when no first token comes in time; returns what stops the clock. */
function startPatience(deps: AttemptDeps, plan: AttemptPlan, ending: AbortController): () => void {
  if (plan.purchase.kind === 'embed') return () => {}; // many texts take longer than one token
  const { firstTokenMs, endpoint } = plan.candidate.offer.payload;
  const timeoutMs = firstTokenMs + deps.firstTokenGraceMs;
  const timer = setTimeout(() => {
    ending.abort(new AppError('TIMEOUT', { what: endpoint, timeoutMs }));
  }, timeoutMs);
  return () => clearTimeout(timer);
}

interface Left {
  readonly failure: AppError | undefined;
  readonly isAdmitted: boolean;
  readonly reading: Reading;
  readonly tail: CallTail | null;
}

/**
 * Puts the books in order after a call that was not settled. A repeated call may know less of its first time
 * than the provider: its receipts are judged when they are fetched.
 */
async function cleanUp(
  { parts, settler }: AttemptDeps,
  { row, isRepeat }: PaidStart,
  { failure, isAdmitted, reading, tail }: Left,
): Promise<void> {
  const key = callKey(row);
  const isBroken = failure?.code === 'RECEIPT_INVALID' && !isRepeat;
  if (isBroken) await distrustProvider(parts, key, failure);
  if (!parts.book.isOpen(key)) return;
  const { firstTokenMs, receipts } = reading;
  const durationMs = elapsedMs(reading.askedMs, parts.nowMs());
  const mayHaveRun = isAdmitted || isRepeat;
  const isRefused = failure !== undefined && !mayHaveRun && isDefiniteRefusal(failure);
  if (isRefused) await parts.store.save(parts.book.release(key));
  else if (finalOf(reading)) await settler.settle(key, { receipts, firstTokenMs, durationMs });
  else await settler.later(key, { firstTokenMs, durationMs, ...(tail ? { tail } : {}) }, receipts);
}
