/**
 * One answer, from however many providers it takes.
 *
 *   TRYING ─first text→ STREAMING ─end→ over
 *              ▲            │ failure of the provider (docs/spec/payments.md, "What the buyer counts as failure")
 *              └─first text─ MOVING ─nobody left, budget, caller left→ the failure is thrown
 *
 * TRYING: nothing was given yet; offers are asked in their rank, each from the first token. STREAMING: events
 * are handed on. MOVING: the next offer is asked to go on from the last token that was handed on; what the
 * caller reads has no gap and no repetition. Between failure and next request nothing is waited for but the
 * promise that must be stored before its voucher leaves: the failed call is brought to its end in the
 * background, the offers are those that were ranked when the job began, and the channel was funded before.
 *
 * At most `limits.jobAttempts` providers see a job. When all tokens that were asked for have arrived, there is
 * nothing to go on with: the answer ends as `length`. An answer that was paid before and is only read again is not
 * moved: it would be bought twice.
 */
import { elapsedMs } from '@aitbc/primitives';
import { type AppError, amountOf, asAppError, type ErrorCode, limits } from '@aitbc/protocol';
import { outputTokensMax } from '../../books/book.ts';
import { callKey } from '../../books/store.ts';
import type { Candidate, Discovery } from '../../offers/discover-offers.ts';
import { type Attempt, begun, startAttempt } from '../attempt-job.ts';
import type { EventSink } from '../event-outlet.ts';
import { booksInOrder, type Purchase } from '../purchase.ts';
import { type AttemptDeps, partOf } from '../read-job.ts';
import { rankedFor, tryOffers } from '../try-offers.ts';
import type { JobEnd, JobMoved, JobPart } from '../types.ts';
import { createProgress, type JobProgress } from './job-progress.ts';
import type { Standby } from './keep-standby.ts';
import { offersToMoveTo } from './next-offer.ts';

/** Failures that another provider would end with as well. */
const endingCodes: readonly ErrorCode[] = [
  'BUDGET_EXCEEDED',
  'CANCELLED',
  'ENGINE_BAD_REQUEST',
  'INTERNAL',
  'STORE_CORRUPT',
];

/** What buying an answer needs. */
export interface BuyDeps extends AttemptDeps {
  readonly discovery: Discovery;
  readonly standby: Standby;
  /** See raceOffers. */
  readonly hedgeMs: number | undefined;
}

/** The answer so far. */
interface Moving {
  readonly deps: BuyDeps;
  readonly purchase: Purchase;
  readonly progress: JobProgress;
  /** The offer that began. */
  readonly first: Candidate;
  readonly firstTokenMs: number | null;
  readonly startedMs: number;
  /** Attempts that gave tokens and failed, with what they gave then. */
  readonly left: { readonly attempt: Attempt; readonly part: JobPart }[];
}

/** Who listens to a purchase. */
export interface BuyHooks {
  /** Called before the first event, with the offer of the provider that gave it. */
  onStart(candidate: Candidate): void;
  /** Takes the events of the answer, the end last. */
  readonly sink: EventSink;
}

/** Buys the answer; resolves when all books are in order. Throws the last failure. */
export async function buyJob(
  deps: BuyDeps,
  purchase: Purchase,
  { onStart, sink }: BuyHooks,
): Promise<void> {
  try {
    const first = await tryOffers<Attempt>(
      { purchase, ...deps },
      {
        attempt(candidate, signal, former) {
          const progress = createProgress(deps.parts.network, purchase.bodyDigest);
          return begun(startAttempt(deps, { purchase, candidate, progress, signal, former }));
        },
        discard,
      },
    );
    onStart(first.plan.candidate);
    await handOn(movingFrom(deps, purchase, first), first, sink);
  } finally {
    await booksInOrder(purchase);
  }
}

/** Resolves when an attempt that was left has ended; what it failed with concerns nobody. */
async function discard({ outlet, ended }: Attempt): Promise<void> {
  outlet.leave();
  await ended.catch(() => {});
}

function movingFrom(deps: BuyDeps, purchase: Purchase, { plan, known }: Attempt): Moving {
  return {
    deps,
    purchase,
    progress: plan.progress,
    first: plan.candidate,
    firstTokenMs: known.reading?.firstTokenMs ?? null,
    startedMs: known.reading?.askedMs ?? deps.parts.nowMs(),
    left: [],
  };
}

/** Hands on the events of one attempt after the other until the answer has its end. */
async function handOn(moving: Moving, first: Attempt, sink: EventSink): Promise<void> {
  const whole: EventSink = {
    wanted: sink.wanted,
    push: (event) =>
      sink.push(event.type === 'end' ? { type: 'end', end: wholeEnd(moving, event.end) } : event),
  };
  for (let current = first; ; ) {
    prepareStandby(moving);
    try {
      current.outlet.follow(whole);
      await current.ended;
      return;
    } catch (error) {
      await sink.wanted(); // nothing more is bought before somebody wants to read it
      const next = await moveOn(moving, current, asAppError(error));
      if (!next) return sink.push({ type: 'end', end: lengthEnd(moving) });
      sink.push(next.moved);
      current = next.attempt;
    }
  }
}

function prepareStandby({ deps, purchase, first, progress }: Moving): void {
  if (purchase.kind !== 'chat') return;
  const { digest } = first.offer.payload;
  deps.standby.prepare(purchase, { digest, from: progress.position() });
}

/** The next attempt that gives text; undefined when there is nothing left to give. Throws the last failure. */
async function moveOn(
  moving: Moving,
  failed: Attempt,
  failure: AppError,
): Promise<{ attempt: Attempt; moved: JobMoved } | undefined> {
  const { deps, purchase, progress, first } = moving;
  const { nowMs, log } = deps.parts;
  const from = failed.plan.candidate.provider;
  const heardMs = failed.known.reading?.heardMs ?? nowMs();
  let latest = failure;
  for (let attempt = failed; ; ) {
    if (isEnding(attempt, latest)) throw latest;
    leave(moving, attempt, latest);
    const { code, facts } = latest;
    log.info({ ...facts, code, provider: attempt.plan.candidate.provider }, 'an answer broke off');
    if (progress.position() >= outputTokensMax(first.offer, purchase.maxTokens)) return undefined;
    const candidate = await nextOffer(moving);
    if (!candidate) throw latest;
    purchase.tried.add(candidate.provider);
    const { signal } = purchase;
    attempt = startAttempt(deps, { purchase, candidate, progress, signal });
    try {
      await begun(attempt);
      const gapMs = elapsedMs(heardMs, nowMs());
      const moved = { from, to: candidate.provider, code: failure.code, gapMs };
      return { attempt, moved: { type: 'moved', ...moved } };
    } catch (error) {
      latest = asAppError(error);
    }
  }
}

function isEnding({ plan, known }: Attempt, { code }: AppError): boolean {
  const { purchase } = plan;
  const isReadAgain = known.start?.isPaid ?? false;
  return (
    endingCodes.includes(code) || purchase.signal.aborted || isReadAgain || purchase.kind !== 'chat'
  );
}

/** Keeps what an attempt gave. A provider that broke a rule gets what its receipts say and no more. */
function leave({ left, progress }: Moving, attempt: Attempt, { code }: AppError): void {
  const { start, reading } = attempt.known;
  progress.closeTail();
  if (!start || progress.position() === start.row.from) return;
  const part = partOf(attempt.plan, start.row);
  const isBroken = code === 'RECEIPT_INVALID' && !start.isRepeat;
  const charged = isBroken ? amountOf(reading?.checker.last()?.charged ?? '0') : part.charged;
  left.push({ attempt, part: { ...part, charged } });
}

/** The offer to go on with; the coordinator is asked again only when the ranking is used up. */
async function nextOffer(moving: Moving): Promise<Candidate | undefined> {
  const { deps, purchase, progress, first } = moving;
  if (purchase.tried.size >= limits.jobAttempts || !progress.canMove()) return undefined;
  const point = { digest: first.offer.payload.digest, from: progress.position() };
  const best = () => offersToMoveTo(deps.parts, purchase, point)[0];
  const { model } = purchase;
  const known = best();
  deps.discovery.forget(model);
  if (known) return known;
  try {
    await rankedFor({ discovery: deps.discovery, purchase });
    return best();
  } catch (error) {
    const { code } = asAppError(error);
    deps.parts.log.debug({ code, model }, 'no further offers');
    return undefined;
  }
}

/** What the attempts that failed gave, as it stands in the books now. */
function partsOf({ deps, left }: Moving): JobPart[] {
  return left.map(({ part, attempt }) => {
    const row = attempt.known.start && deps.parts.book.call(callKey(attempt.known.start.row));
    if (row?.status !== 'settled') return part;
    return { ...part, charged: row.charged, outcome: row.outcome };
  });
}

/** The end of the last attempt as the end of the whole answer. */
function wholeEnd(moving: Moving, end: JobEnd): JobEnd {
  if (moving.left.length === 0) return end;
  return { ...end, ...totals(moving, [...partsOf(moving), ...end.parts]) };
}

/** The end of an answer whose last provider failed after the last token that was asked for. */
function lengthEnd(moving: Moving): JobEnd {
  const { left } = moving;
  const promptTokens = left.at(-1)?.attempt.known.reading?.checker.last()?.promptTokens ?? 0;
  const how = { outcome: 'complete' as const, finishReason: 'length', promptTokens };
  return { ...how, ...totals(moving, partsOf(moving)) };
}

function totals({ deps, progress, firstTokenMs, startedMs }: Moving, parts: readonly JobPart[]) {
  return {
    outputTokens: progress.position(),
    charged: parts.reduce((sum, { charged }) => sum + charged, 0n),
    firstTokenMs,
    durationMs: elapsedMs(startedMs, deps.parts.nowMs()),
    parts,
  };
}
