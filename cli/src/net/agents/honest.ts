/** Agents that buy with the SDK: those that stay, and those that go away in the middle of an answer. */
import type { BuyerBooks, JobNote } from '../books/books.ts';
import type { AgentPlace } from '../contract.ts';
import { drawPauseMs, newJob } from './errands.ts';
import type { AgentParts } from './parts.ts';
import { buyJob, openBuyer } from './sdk-buyer.ts';

const repeatsMax = 2;
const repeatAfterMs = 1_500;
/** Errors after which the same call cannot succeed any more. */
const finalCodes: readonly string[] = ['JOB_ENDED', 'BUDGET_EXCEEDED', 'BAD_REQUEST'];
const settleMs = 30_000;
const lookMs = 100;
/** One job of so many is left early by an honest agent too. */
const leaveShare = 0.08;
const leaveWordsMost = 60;

/** Buys until the run is over, waits until all calls are settled, and gives its books. */
export async function behaveHonestly(
  place: AgentPlace,
  parts: AgentParts,
): Promise<BuyerBooks | undefined> {
  const draw = parts.drawFor(place.name);
  const owned = await openBuyer(place, parts);
  if (!owned) return undefined;
  const { buyer, books } = owned;
  while (await parts.pause(drawPauseMs(parts.plan, draw))) {
    const job = newJob({ agent: place.name, via: 'sdk', atMs: parts.nowMs() }, draw);
    parts.notes.jobs.push(job);
    if (draw.fraction() < leaveShare) await leaveEarly(parts, job, { buyer, draw });
    else await buyWithRepeats(parts, job, () => buyJob(buyer, job, parts));
    job.endMs = parts.nowMs();
  }
  const untilMs = parts.nowMs() + settleMs;
  while (buyer.openCalls().length > 0 && parts.nowMs() < untilMs && !parts.signal.aborted) {
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
  await buyer.close();
  return books();
}

/** Asks again, with the same key, after an error that may pass. */
export async function buyWithRepeats(
  parts: AgentParts,
  job: JobNote,
  buy: () => Promise<void>,
): Promise<void> {
  await buy();
  while (job.state === 'failed' && job.repeats < repeatsMax) {
    if (finalCodes.includes(job.code ?? '') || !(await parts.pause(repeatAfterMs))) return;
    job.repeats += 1;
    await buy();
  }
}

type Leaving = {
  readonly buyer: Parameters<typeof buyJob>[0];
  readonly draw: ReturnType<AgentParts['drawFor']>;
};

/** Begins a job and leaves it after some words. */
async function leaveEarly(
  { signal }: AgentParts,
  job: JobNote,
  { buyer, draw }: Leaving,
): Promise<void> {
  const leaving = new AbortController();
  let wordsLeft = draw.between(1, leaveWordsMost);
  await buyJob(buyer, job, {
    signal: AbortSignal.any([signal, leaving.signal]),
    onText() {
      wordsLeft -= 1;
      if (wordsLeft === 0) leaving.abort();
    },
  });
  if (job.state === 'failed' && leaving.signal.aborted) job.state = 'left';
}

/** Buys a few words and vanishes with its books; comes back as somebody new. */
export async function vanishAgain(
  place: AgentPlace,
  parts: AgentParts,
): Promise<BuyerBooks | undefined> {
  const draw = parts.drawFor(place.name);
  let last: BuyerBooks | undefined;
  while (await parts.pause(drawPauseMs(parts.plan, draw))) {
    const owned = await openBuyer(place, parts);
    if (!owned) return last;
    const job = newJob({ agent: place.name, via: 'sdk', atMs: parts.nowMs() }, draw);
    parts.notes.jobs.push(job);
    await leaveEarly(parts, job, { buyer: owned.buyer, draw });
    job.endMs = parts.nowMs();
    await owned.buyer.close();
    last = { ...owned.books(), isGone: true };
  }
  return last;
}
