/**
 * The events of one group, applied to the jobs they are for.
 *
 * The rules of an event are pure (`transition`), so the new job is computed here, from the row as the caller knows
 * it, and written only where the row still has the version it was computed from. Where it has not, somebody
 * else changed the job: the row is read under a lock, the events are applied to that, and written again.
 * Events of one job in one group are applied one after the other and written once.
 */
import { transition } from '@aitbc/market';
import { accept, type Hex, refuse, type Verdict } from '@aitbc/protocol';
import type { Cell, Database, Tx } from './database/database.ts';
import {
  insertOutputs,
  isInHand,
  type JobOutput,
  readJobs,
  type StoredJob,
  updateCells,
  updateJobs,
} from './job-rows.ts';
import type { Change, GroupContext, Share, Step, Work } from './work.ts';

type ChangeWork = Extract<Work, { type: 'change' }>;
type Lanes = ReadonlyMap<Hex, readonly ChangeWork[]>;

/** Applies all events of a group; what changed. */
export async function changeAll(
  tx: Tx,
  context: GroupContext,
  { works, found }: Share,
): Promise<Step[]> {
  const { database } = context;
  let open = lanesOf(works);
  const known = knownOf(open);
  const steps: Step[] = [];
  for (let isLocked = false; open.size > 0; isLocked = true) {
    const unread = [...open.keys()].filter((jobId) => isLocked || !known.has(jobId));
    const read = await readJobs(tx, database, { jobIds: unread, isLocked: true });
    const current = (jobId: Hex) =>
      isLocked ? read.get(jobId) : (known.get(jobId) ?? read.get(jobId));
    const folds = [...open.values()].map((lane) => fold(context, current, lane));
    const stale = await writeFolds(tx, database, folds);
    for (const { jobId, verdicts, step } of folds) {
      if (stale.has(jobId)) continue;
      for (const [work, verdict] of verdicts) found.set(work, verdict);
      if (step) steps.push(step);
    }
    open = new Map([...open].filter(([jobId]) => stale.has(jobId)));
  }
  return steps;
}

/** Events by job, each in the order in which they came. */
function lanesOf(works: readonly Work[]): Lanes {
  const lanes = new Map<Hex, ChangeWork[]>();
  for (const work of works) {
    if (work.type !== 'change') continue;
    const lane = lanes.get(work.change.jobId);
    if (lane) lane.push(work);
    else lanes.set(work.change.jobId, [work]);
  }
  return lanes;
}

/** The newest version of each job that a caller knows. */
function knownOf(lanes: Lanes): Map<Hex, StoredJob> {
  const known = new Map<Hex, StoredJob>();
  for (const [jobId, lane] of lanes) {
    for (const { change } of lane) {
      const best = known.get(jobId);
      if (change.known && (!best || change.known.version > best.version)) {
        known.set(jobId, change.known);
      }
    }
  }
  return known;
}

/** Events of one job applied to one row. */
interface Fold {
  readonly jobId: Hex;
  readonly verdicts: ReadonlyMap<Work, Verdict<StoredJob>>;
  /** Undefined when nothing changed. */
  readonly step: Step | undefined;
  readonly output: JobOutput | undefined;
}

function fold(
  context: GroupContext,
  current: (jobId: Hex) => StoredJob | undefined,
  lane: readonly ChangeWork[],
): Fold {
  const jobId = lane[0]?.change.jobId ?? '';
  const before = current(jobId);
  const refused = new Map<Work, Verdict<StoredJob>>();
  let now = before;
  let output: JobOutput | undefined;
  for (const work of lane) {
    const next = applyEvent(context, now, work.change);
    if (!next.ok) refused.set(work, next);
    else if (next.value !== now) {
      now = next.value;
      output = work.change.output ?? output;
    }
  }
  const isChanged = now !== undefined && now !== before;
  const after = now && isChanged ? { ...now, version: now.version + 1 } : now;
  const verdicts = new Map(
    lane.map((work) => [work, refused.get(work) ?? accept(after as StoredJob)]),
  );
  return { jobId, verdicts, output, step: isChanged && after ? { before, after } : undefined };
}

/** The job after an event, with the version it had; the same object when nothing changed. */
function applyEvent(
  { owner, nowMs }: GroupContext,
  stored: StoredJob | undefined,
  { jobId, event, ifOwner }: Change,
): Verdict<StoredJob> {
  if (!stored) return refuse('JOB_UNKNOWN', { jobId });
  if (ifOwner !== undefined && stored.owner !== ifOwner) return accept(stored);
  const next = transition(stored.job, event, nowMs);
  if (!next.ok) return next;
  if (next.value === stored.job) return accept(stored);
  return accept({ ...stored, job: next.value, owner: isInHand(next.value) ? owner : null });
}

/** Writes what changed; ids of the jobs whose rows had another version. */
async function writeFolds(
  tx: Tx,
  database: Database,
  folds: readonly Fold[],
): Promise<ReadonlySet<Hex>> {
  const afters = folds.flatMap(({ step }) => (step ? [step.after] : []));
  if (afters.length === 0) return new Set();
  const written = await database.updateRows(tx, updateJobs, afters.map(updateCells));
  const outputs = folds.flatMap(({ step, output }): Cell[][] => {
    if (!step || !output || !written.has(step.after.seq)) return [];
    return [[step.after.seq, JSON.stringify(output.answer), JSON.stringify(output.receipt)]];
  });
  if (outputs.length > 0) await database.insertRows(tx, insertOutputs, outputs);
  return new Set(afters.filter(({ seq }) => !written.has(seq)).map(({ job }) => job.jobId));
}
