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
 * that nothing is due for the first, so its reservation stays until the provider's receipts are known.
 * See docs/spec/payments.md, "Buyer".
 */
import { AppError, asAppError } from '@aitbc/protocol';
import { callKey } from '../books/store.ts';
import { askProvider, isDefiniteRefusal } from './ask-provider.ts';
import { settleFormerCall } from './former-call.ts';
import { type AttemptPlan, payFirst } from './pay-job.ts';
import { type AttemptDeps, readJob } from './read-job.ts';
import { distrustProvider } from './settle-calls.ts';
import type { JobEvent } from './types.ts';

/** Runs one attempt. Throws the refusal or failure; the books are in order either way. */
export async function* attemptJob(deps: AttemptDeps, plan: AttemptPlan): AsyncGenerator<JobEvent> {
  const { parts } = deps;
  const { signal } = plan.call;
  await settleFormerCall(deps, plan);
  const start = await payFirst(parts, plan);
  const { wasOpen } = start;
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
    failure = asAppError(error);
    throw failure;
  } finally {
    onFirstToken();
    signal?.removeEventListener('abort', onAbort);
    ending.abort(new AppError('CANCELLED'));
    await cleanUp(deps, callKey(start.row), { failure, mayHaveRun: isAdmitted || wasOpen });
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

/** Puts the books in order after a call that did not reach its final receipt. */
async function cleanUp(
  { parts, settler }: AttemptDeps,
  key: string,
  { failure, mayHaveRun }: { failure: AppError | undefined; mayHaveRun: boolean },
): Promise<void> {
  if (failure?.code === 'RECEIPT_INVALID') await distrustProvider(parts, key, failure);
  if (!parts.book.isOpen(key)) return;
  const isRefused = failure !== undefined && !mayHaveRun && isDefiniteRefusal(failure);
  if (isRefused) await parts.store.save(parts.book.release(key));
  else await settler.later(key);
}
