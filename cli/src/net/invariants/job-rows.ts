/** Rows about answers and what was charged for them. */
import { chargeFor, type Hex } from '@aitbc/protocol';
import type { JobNote } from '../books/books.ts';
import type { SellerJob } from '../books/provider-books.ts';
import type { InvariantRow } from '../contract.ts';
import { scriptedModel, scriptedPromptTokens } from '../engines/scripted-text.ts';
import { type Evidence, placeOf, priceOfJob } from './evidence.ts';
import { type TextLies, textFaultOf } from './judge-text.ts';
import { rowOf } from './row.ts';

const windowTokens = 16;

/** The rows. */
export function jobRows(evidence: Evidence): InvariantRow[] {
  const jobs = allSellerJobs(evidence);
  return [
    answersRow(evidence),
    errorsRow(evidence),
    onceRow(evidence),
    runsRow(evidence),
    chargesRow(evidence, jobs),
    promptsRow(evidence, jobs),
    tilesRow(jobs),
    coveredRow(evidence, jobs),
    signedRow(evidence),
  ];
}

/** All jobs in the journals of the providers. */
export function allSellerJobs({ sellers }: Evidence): readonly SellerJob[] {
  return [...sellers.values()].flatMap(({ jobs }) => jobs);
}

function liesOf({ plan }: Evidence): TextLies {
  const count = (wanted: string) => plan.providers.filter(({ role }) => role === wanted).length;
  return { forgers: count('replays'), areCountsWrong: count('inflates') > 0 };
}

const isScripted = ({ model }: JobNote) => model === scriptedModel;

function answersRow(evidence: Evidence): InvariantRow {
  const done = evidence.books.notes.jobs.filter(
    (job) => isScripted(job) && job.state === 'complete',
  );
  const claim = 'every answer that ended is the right text, word by word, without gap or overlap';
  return rowOf({ name: 'answers are right', claim }, done, (job) => {
    const fault = textFaultOf(job, liesOf(evidence));
    return fault && `${nameOf(job)}: ${fault}`;
  });
}

function errorsRow(evidence: Evidence): InvariantRow {
  const failed = evidence.books.notes.jobs.filter(
    (job) => isScripted(job) && job.state !== 'complete',
  );
  const claim =
    'what came before an error, or before its buyer left, is the beginning of the right text';
  return rowOf({ name: 'errors are honest', claim }, failed, (job) => {
    if (job.state === 'running') return `${nameOf(job)} never ended`;
    const fault = textFaultOf(job, liesOf(evidence));
    return fault && `${nameOf(job)} (${job.code}): ${fault}`;
  });
}

function nameOf({ agent, via, mark, moves, repeats }: JobNote): string {
  return `${agent} over ${via}, job ${mark.slice(0, 8)} (${moves} moves, ${repeats} repeats)`;
}

/** Sum of the positions that were paid against those that arrived. */
function onceRow({ books, sellers, plan }: Evidence): InvariantRow {
  const byJob = new Map<Hex, SellerJob[]>();
  const inflating = new Set(
    [...sellers.values()]
      .filter((_, at) => plan.providers[at]?.role === 'inflates')
      .map(({ provider }) => provider),
  );
  for (const { jobs } of sellers.values()) {
    for (const job of jobs) byJob.set(job.jobId, [...(byJob.get(job.jobId) ?? []), job]);
  }
  const known = books.notes.jobs.filter(({ jobId, state }) => jobId && state !== 'running');
  const claim = `tokens paid at all providers together are those of the answer, and at most ${windowTokens} more for each line that broke`;
  return rowOf({ name: 'no token is paid twice', claim }, known, (job) => {
    const parts = byJob.get(job.jobId ?? '') ?? [];
    if (parts.some(({ provider }) => inflating.has(provider))) return undefined; // judged by its own row
    const paid = parts.reduce((sum, { from, to }) => sum + to - from, 0);
    const top = Math.max(0, ...parts.map(({ to }) => to));
    const most = top * (1 + job.repeats) + windowTokens * Math.max(0, parts.length - 1);
    if (paid <= most) return undefined;
    const told = parts.map(
      ({ provider, from, to, outcome }) => `${provider} ${from}–${to} ${outcome}`,
    );
    return `${nameOf(job)}: ${paid} tokens are paid, ${most} at most are right (${told.join(', ')})`;
  });
}

function runsRow({ runs }: Evidence): InvariantRow {
  const count = new Map<string, number>();
  for (const { provider, mark } of runs) {
    const name = `${provider} ran the job ${mark.slice(0, 8)}`;
    count.set(name, (count.get(name) ?? 0) + 1);
  }
  const claim = 'no provider runs a job twice, whatever is repeated, killed or restarted';
  return rowOf({ name: 'jobs run once', claim }, count, ([name, times]) =>
    times === 1 ? undefined : `${name} ${times} times`,
  );
}

/** The charge follows from price, tokens and outcome; a late first token waives the prompt. */
function chargesRow(evidence: Evidence, jobs: readonly SellerJob[]): InvariantRow {
  const ended = jobs.filter(({ outcome }) => outcome !== 'running');
  const claim = 'each charge is tokens × price, and the prompt by the rule of who failed';
  return rowOf({ name: 'charges follow the rule', claim }, ended, (job) => {
    const price = priceOfJob(evidence, job);
    if (!price) return `${job.provider} has no offer for job ${job.jobId.slice(0, 8)}`;
    const outputTokens = job.to - job.from;
    const usage = { promptTokens: job.promptTokens, outputTokens };
    const due = outputTokens === 0 ? 0n : chargeFor(price, usage, job.outcome);
    const waived = outputTokens === 0 ? 0n : chargeFor(price, usage, 'provider_error');
    if (job.charged === due || job.charged === waived) return undefined;
    const told = `${job.charged} nait for ${outputTokens} tokens (${job.outcome}); ${due} are due`;
    return `${job.provider}, job ${job.jobId.slice(0, 8)}: ${told}`;
  });
}

/**
 * The scripted engine says the same of every prompt; nothing is said when its answer broke off. An engine counts what it goes
 * on with as prompt, and its provider takes off what was counted before: too much where that count was inflated.
 */
function promptsRow(evidence: Evidence, jobs: readonly SellerJob[]): InvariantRow {
  const roleOf = ({ provider }: SellerJob) => placeOf(evidence, provider).role;
  const inflated = new Set(
    jobs.filter((job) => roleOf(job) === 'inflates').map(({ jobId }) => jobId),
  );
  const whole = jobs.filter(
    ({ provider, outcome, from, jobId }) =>
      outcome === 'complete' &&
      !placeOf(evidence, provider).isVerifiable &&
      !(from > 0 && inflated.has(jobId)),
  );
  const claim = 'the prompt of a whole answer is charged as its engine counted it';
  return rowOf(
    { name: 'prompts are counted', claim },
    whole,
    ({ provider, jobId, promptTokens }) =>
      promptTokens === scriptedPromptTokens
        ? undefined
        : `${provider}, job ${jobId.slice(0, 8)}: ${promptTokens} prompt tokens`,
  );
}

function tilesRow(jobs: readonly SellerJob[]): InvariantRow {
  const signed = jobs.filter(({ receipts }) => receipts.length > 0);
  const claim = 'the receipts of a job tile without gap, and the last one says what is charged';
  return rowOf({ name: 'receipts tile', claim }, signed, (job) => {
    let at = job.from;
    for (const { payload } of job.receipts) {
      if (payload.from !== at)
        return `${job.provider}, job ${job.jobId.slice(0, 8)}: a gap at ${at}`;
      at = payload.to;
    }
    const last = job.receipts.at(-1)?.payload;
    if (at === job.to && last?.charged === `${job.charged}`) return undefined;
    return `${job.provider}, job ${job.jobId.slice(0, 8)}: receipts end at ${at} of ${job.to}`;
  });
}

function coveredRow(evidence: Evidence, jobs: readonly SellerJob[]): InvariantRow {
  const claim = 'no provider delivers a token that is not covered by a voucher';
  return rowOf({ name: 'nothing unpaid is delivered', claim }, jobs, (job) => {
    if (placeOf(evidence, job.provider).role === 'inflates') return undefined;
    if (job.to <= job.tokensCovered) return undefined;
    return `${job.provider}, job ${job.jobId.slice(0, 8)}: ${job.to} of ${job.tokensCovered} tokens`;
  });
}

/** What arrived and was never signed for, such as words that were changed on the line, is the tail of its call. */
function signedRow({ books }: Evidence): InvariantRow {
  const calls = books.buyers.flatMap(({ name, calls: rows }) =>
    rows.filter(({ status }) => status === 'settled').map((row) => ({ name, row })),
  );
  const claim = `no buyer has signed for more than ${windowTokens} tokens beyond what it received`;
  return rowOf({ name: 'buyers risk one window', claim }, calls, ({ name, row }) => {
    const ahead = row.tokens - Math.max(row.from + row.outputTokens, row.tail?.to ?? 0);
    if (ahead <= windowTokens) return undefined;
    return `${name} at ${row.provider}: ${ahead} tokens ahead (${row.outcome})`;
  });
}
