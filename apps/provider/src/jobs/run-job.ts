/**
 * One paid job from its place in the queue to its last receipt.
 *
 *   WAITING ─slot→ RUNNING ─engine ends→ ENDED complete
 *                   RUNNING ─no voucher in time→ ENDED limit
 *   any ─all readers gone→ ENDED client_abort    any ─engine fails or is silent, daemon stops, queue too slow→ ENDED provider_error
 *
 * WAITING holds a reservation and no engine. RUNNING holds a slot. An event of the engine goes out only
 * when vouchers cover its tokens; otherwise it is held, the buyer is asked, and the engine is not pulled
 * meanwhile. So at most one undelivered event (plus what the engine runs ahead by itself) was computed
 * unpaid. Holding one event instead of none means that an answer which ends exactly at the edge of a
 * window ends without asking for a voucher that nobody needs.
 *
 * Hidden reasoning of a model is not sold: it is neither shown nor counted. Tokens without text (half a
 * character, the possible start of a stop string) wait for the text they belong to, so that text and position
 * stand together wherever the answer breaks off. They are given up to the buyer only when there is nothing
 * left to cover them. An event of more tokens than a window goes out in pieces, its text by its share of characters.
 *
 * A resumed job gives its engine the text so far to go on with. An embedding job delivers its vectors as one
 * token, in one receipt.
 *
 * A receipt is signed when `windowTokens` went out since the last one, when the chain's view of the channel
 * changes, and at the end. It is written with the charge in one transaction before readers hear of it.
 *
 * The first token counts from the moment the engine gave it: a buyer who is slow with a voucher cannot
 * make it late.
 */
import type { KnownJob } from '@aitbc/market';
import {
  AppError,
  asAppError,
  type EmbedRequest,
  embeddingText,
  type Hex,
  type InferenceRequest,
  type ResumePoint,
} from '@aitbc/protocol';
import type { EndEvent, Engine, EngineRequest, TokensEvent } from '../engines/engine.ts';
import type { StandingOffer } from '../offers/offer-book.ts';
import type { AnswerLog } from './answer-log.ts';
import {
  createJobMeter,
  type Ending,
  type JobMeter,
  type MeterDeps,
  silentEngineMs,
} from './job-meter.ts';
import type { Place } from './job-queue.ts';

/** A reader that takes nothing for so long is gone. */
const stalledReaderMs = 30_000;
/** Buyers wait so long after the promised time; a job that has no slot by then ends unpaid. */
const graceMs = 5_000;
const queueWaitMsMax = 600_000;

/** What a job is: an answer to a chat, or vectors of texts. */
export type JobWork =
  | { readonly kind: 'chat'; readonly request: InferenceRequest }
  | { readonly kind: 'embed'; readonly request: EmbedRequest };

/** A job that was admitted and has not ended. */
export interface LiveJob {
  readonly jobId: Hex;
  readonly channelId: Hex;
  readonly known: KnownJob;
  readonly offer: StandingOffer;
  readonly work: JobWork;
  readonly bodyDigest: Hex;
  /** Where the answer goes on that another provider began. */
  readonly resume: ResumePoint | undefined;
  /** Most output tokens the engine is asked for; those of another provider are not among them. */
  readonly maxTokens: number;
  readonly answer: AnswerLog;
  readonly place: Place;
  readonly startedAtMs: number;
  /** Aborted with CANCELLED when the readers are gone, with UNAVAILABLE when the daemon stops. */
  readonly abort: AbortController;
}

export interface RunDeps extends MeterDeps {
  readonly engine: Engine;
  /** A job that held a slot failed. */
  readonly onEngineFailed: (error: AppError, model: string) => void;
}

/** Runs the job to its end; the answer log tells the rest. Rejects only when the books cannot be written. */
export async function runJob(job: LiveJob, deps: RunDeps): Promise<void> {
  const meter = createJobMeter(job, deps);
  let ending: Ending;
  let soldTokens: number | undefined;
  try {
    await waitForSlot(job);
    await deps.books.written();
    ending = await work(job, meter, deps.engine);
    soldTokens = meter.sold();
  } catch (error) {
    ending = endingOf(error, job, meter.engine.isSilent());
    if (ending.outcome === 'client_abort') soldTokens = meter.sold();
    else tellFailure(job, ending, deps);
  } finally {
    job.place.leave(soldTokens);
  }
  await meter.end(ending);
}

function tellFailure({ place, jobId, work }: LiveJob, { error }: Ending, deps: RunDeps): void {
  deps.onTrouble(error, jobId);
  // UNAVAILABLE is this daemon's own word: it stops, or its owner does.
  if (!error || !place.isRunning() || error.code === 'UNAVAILABLE') return;
  deps.onEngineFailed(error, work.request.model);
}

async function waitForSlot({ place, abort, offer }: LiveJob): Promise<void> {
  if (place.isRunning()) return place.ready(abort.signal);
  const timeoutMs = Math.min(offer.payload.firstTokenMs + graceMs, queueWaitMsMax);
  const timer = setTimeout(() => {
    abort.abort(new AppError('TIMEOUT', { what: 'A slot of the engine', timeoutMs }));
  }, timeoutMs);
  try {
    await place.ready(abort.signal);
  } finally {
    clearTimeout(timer);
  }
}

function work(job: LiveJob, meter: JobMeter, engine: Engine): Promise<Ending> {
  const { work } = job;
  if (work.kind === 'embed') return embed(work.request, { job, meter, engine });
  return generate(engineRequestOf(work.request, job), { job, meter, engine });
}

interface Run {
  readonly job: LiveJob;
  readonly meter: JobMeter;
  readonly engine: Engine;
}

async function embed(request: EmbedRequest, { job, meter, engine }: Run): Promise<Ending> {
  const { vectors, promptTokens } = await engine.embed(request, { signal: job.abort.signal });
  meter.engine.heard();
  job.place.heard();
  await meter.engineEnded({ promptTokens, completionTokens: 1 });
  await meter.telling();
  meter.deliver({ text: embeddingText(vectors), tokens: 1 }, true);
  return { outcome: 'complete', reason: 'stop' };
}

async function generate(request: EngineRequest, { job, meter, engine }: Run): Promise<Ending> {
  const { signal } = job.abort;
  const { windowTokens } = job.offer.payload;
  const { prefixText: _, ...prompt } = request;
  meter.countPrompt(engine.countPromptTokens(prompt, signal));
  let held = 0;
  meter.engine.awaits();
  for await (const event of engine.generate(request, { signal })) {
    if (event.type === 'end') return endOf(event, held, { job, meter, engine });
    if (event.thinking && event.text === '') {
      meter.engine.awaits();
      continue;
    }
    meter.engine.heard();
    job.place.heard();
    const isLong = event.tokens > windowTokens;
    const sold = isLong ? sellLong(event, held, { job, meter }) : sell(event, held, meter);
    const left = typeof sold === 'number' ? sold : await sold;
    if (left === undefined) return { outcome: 'limit', reason: 'length' };
    held = left;
    const room = job.answer.room(stalledReaderMs);
    if (room !== true) await room.then(assertRead);
    meter.engine.awaits();
  }
  throw brokenOff(engine);
}

/** An answer that stopped without its last word is not the one that was sold. */
async function endOf(event: EndEvent, held: number, { meter, engine }: Run): Promise<Ending> {
  if (event.incomplete) throw brokenOff(engine);
  await meter.engineEnded(event);
  await meter.telling();
  if (held > 0) meter.deliver({ text: '', tokens: held }, true);
  return { outcome: 'complete', reason: event.reason };
}

function brokenOff({ kind }: Engine): AppError {
  return new AppError('ENGINE_PROTOCOL', { engine: kind, reason: 'its answer broke off' });
}

function assertRead(hasRoom: boolean): void {
  if (!hasRoom) throw new AppError('CANCELLED');
}

/**
 * Delivers an event, or holds it while it has no text; gives the tokens now held, undefined for no voucher. Most events
 * wait for nothing: for those it is no promise, which would cost as much as all the rest.
 */
function sell(
  event: TokensEvent,
  held: number,
  meter: JobMeter,
): number | Promise<number | undefined> {
  const tokens = held + event.tokens;
  if (meter.telling() || !meter.isCovered(tokens)) return sellLater(event, held, meter);
  if (event.text === '') return tokens;
  meter.deliver({ text: event.text, tokens });
  return 0;
}

/** The same for an event that waits for a receipt to be told, or for its voucher. */
async function sellLater(
  { text, tokens }: TokensEvent,
  held: number,
  meter: JobMeter,
): Promise<number | undefined> {
  let waiting = held;
  await meter.telling();
  if (!meter.isCovered(held + tokens)) {
    // A buyer covers what follows what it has received: nothing may be held back from it here.
    if (held > 0) meter.deliver({ text: '', tokens: held });
    waiting = 0;
    if (!(await meter.untilCovered(tokens))) return undefined;
    await meter.telling();
  } else if (text === '') return held + tokens;
  meter.deliver({ text, tokens: waiting + tokens });
  return 0;
}

/** The same for an event of more tokens than a window, which no voucher could ever cover: in pieces. */
async function sellLong(
  { text, tokens }: TokensEvent,
  held: number,
  { job, meter }: Pick<Run, 'job' | 'meter'>,
): Promise<number | undefined> {
  const { windowTokens } = job.offer.payload;
  const letters = [...text];
  const letterAt = (token: number) => Math.round((letters.length * token) / tokens);
  let left: number | undefined = held;
  for (let from = 0; from < tokens && left !== undefined; from += windowTokens) {
    const to = Math.min(from + windowTokens, tokens);
    const part = letters.slice(letterAt(from), letterAt(to)).join('');
    left = await sell({ type: 'tokens', text: part, tokens: to - from }, left, meter);
  }
  return left;
}

function engineRequestOf(
  request: InferenceRequest,
  { maxTokens, resume }: Pick<LiveJob, 'maxTokens' | 'resume'>,
): EngineRequest {
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
    ...(resume?.text ? { prefixText: resume.text } : {}),
  };
}

function endingOf(error: unknown, { abort }: LiveJob, isEngineSilent: boolean): Ending {
  const known = asAppError(abort.signal.aborted ? abort.signal.reason : error);
  if (known.code === 'CANCELLED' && isEngineSilent) {
    const silence = new AppError('TIMEOUT', { what: 'The engine', timeoutMs: silentEngineMs });
    return { outcome: 'provider_error', reason: 'stop', error: silence };
  }
  const outcome = known.code === 'CANCELLED' ? 'client_abort' : 'provider_error';
  return { outcome, reason: 'stop', error: known };
}
