/**
 * One call at one provider, from the first voucher to the settled receipt.
 *
 *   PAYING ─voucher stored→ ASKED ─200→ STREAMING ─final receipt→ SETTLED
 *      │                      ├─ definite refusal of a fresh job → RELEASED: nothing is due
 *      │                      └─ anything else, also while STREAMING → UNSETTLED: asked for later
 *      └─ no money, no budget → nothing was promised
 *
 * Whatever happens, the books know a promise before it leaves, and lose it only by a receipt or a refusal.
 * A job asked for again after a crash may have run the first time: no refusal of the second request says
 * that nothing is due for the first, so its reservation stays until the provider's receipts are known. A
 * job that was paid is only read again; whatever refuses that, the job has ended.
 * See docs/spec/payments.md, "Buyer".
 */
import { AppError, asAppError } from '@aitbc/protocol';
import { callKey } from '../books/store.ts';
import { askProvider, isDefiniteRefusal } from './ask-provider.ts';
import { endOf } from './former-call.ts';
import { type AttemptPlan, type PaidStart, payFirst } from './pay-job.ts';
import { type AttemptDeps, readJob } from './read-job.ts';
import { distrustProvider } from './settle-calls.ts';
import type { JobEvent } from './types.ts';

/** Runs one attempt. Throws the refusal or failure; the books are in order either way. */
export async function* attemptJob(deps: AttemptDeps, plan: AttemptPlan): AsyncGenerator<JobEvent> {
  const { parts } = deps;
  const { signal } = plan.call;
  if (plan.former) deps.settler.hold(callKey(plan.former));
  const start = await payFirst(parts, plan);
  const ending = new AbortController();
  const askedMs = parts.nowMs();
  const onFirstToken = startPatience(deps, plan, ending);
  const onAbort = () => ending.abort(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  let isAdmitted = false;
  let failure: AppError | undefined;
  try {
    const answer = await askProvider(parts, plan, { start, signal: ending.signal });
    isAdmitted = true;
    yield* readJob(deps, { plan, start, answer, ending, askedMs, onFirstToken });
  } catch (error) {
    const known = asAppError(error);
    const isGone = isDefiniteRefusal(known) || known.code === 'JOB_ENDED';
    failure = start.isPaid && isGone ? endOf(start.row) : known;
    throw failure;
  } finally {
    onFirstToken();
    signal?.removeEventListener('abort', onAbort);
    ending.abort(new AppError('CANCELLED'));
    await cleanUp(deps, start, { failure, isAdmitted });
  }
}

/** Ends the exchange when no first token comes in time; returns what stops the clock. */
function startPatience(deps: AttemptDeps, plan: AttemptPlan, ending: AbortController): () => void {
  const { firstTokenMs, endpoint } = plan.candidate.offer.payload;
  const timeoutMs = firstTokenMs + deps.firstTokenGraceMs;
  const timer = setTimeout(() => {
    ending.abort(new AppError('TIMEOUT', { what: endpoint, timeoutMs }));
  }, timeoutMs);
  return () => clearTimeout(timer);
}

/**
 * Puts the books in order after a call that did not reach its final receipt. A repeated call may know less
 * of its first time than the provider: its receipts are judged when they are fetched.
 */
async function cleanUp(
  { parts, settler }: AttemptDeps,
  { row, isRepeat }: PaidStart,
  { failure, isAdmitted }: { failure: AppError | undefined; isAdmitted: boolean },
): Promise<void> {
  const key = callKey(row);
  const isBroken = failure?.code === 'RECEIPT_INVALID' && !isRepeat;
  if (isBroken) await distrustProvider(parts, key, failure);
  if (!parts.book.isOpen(key)) return;
  const mayHaveRun = isAdmitted || isRepeat;
  const isRefused = failure !== undefined && !mayHaveRun && isDefiniteRefusal(failure);
  if (isRefused) await parts.store.save(parts.book.release(key));
  else await settler.later(key);
}
