/**
 * Group commit: work that arrives together shares one transaction and one wait for the disk.
 *
 * That is what makes a durable queue fast: the wait is paid for each group and not for each job. While a
 * group is on its way the next one gathers; there is one transaction at a time, so groups end in
 * the order in which they began.
 *
 * Nothing in memory runs ahead of the disk: who asked is answered after the commit. So a group that fails
 * has simply not happened. What follows depends on the trouble (database.ts):
 *
 * | Trouble  | The group                                                                         |
 * |----------|-----------------------------------------------------------------------------------|
 * | conflict | is run again, at most four times, then refused with UNAVAILABLE                   |
 * | data     | is taken apart and run one by one, so that one bad write refuses only itself      |
 * | gone     | is refused with UNAVAILABLE; who asked does not know whether it happened          |
 * | broken   | is refused, and `onFailure` ends the process: the next start reads what there is  |
 */
import { AppError } from '@aitbc/protocol';
import { postgresError } from '@aitbc/service';
import type { Trouble } from './database/database.ts';

/** Work that is stored together. */
export interface CommitGroups<O> {
  /** Runs the work with the next group; resolves with its answer when it is on disk. */
  run(work: O): Promise<unknown>;
  /** Stores what still waits; later work is refused with CANCELLED. */
  close(): Promise<void>;
}

/** How groups are run. */
export interface CommitGroupsDeps<O> {
  /** Runs all work in one transaction; answers in the same order. */
  execute(works: readonly O[]): Promise<readonly unknown[]>;
  troubleOf(error: unknown): Trouble;
  /** How much of a group's room the work takes; default 1. */
  weightOf?(work: O): number;
  onFailure(error: unknown): void;
}

interface Waiting<O> {
  readonly work: O;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

const groupWeightMax = 1_000; // keeps one group's time below what a request would notice
const triesMax = 5;

/** Group commits on a database. */
export function createCommitGroups<O>(deps: CommitGroupsDeps<O>): CommitGroups<O> {
  const { weightOf = () => 1 } = deps;
  const waiting: Waiting<O>[] = [];
  let running: Promise<void> | undefined;
  let isClosed = false;

  const nextGroup = (): Waiting<O>[] => {
    let weight = 0;
    let count = 0;
    for (const { work } of waiting) {
      weight += weightOf(work);
      if (count > 0 && weight > groupWeightMax) break;
      count += 1;
    }
    return waiting.splice(0, count);
  };
  const drain = async (): Promise<void> => {
    while (waiting.length > 0) {
      await commit(deps, nextGroup());
      // Lets requests and frames in, so that the next group is a large one.
      await new Promise((done) => setImmediate(done));
    }
    running = undefined;
  };
  const schedule = (): void => {
    running ??= new Promise((done) => setImmediate(done)).then(drain);
  };

  return {
    run(work) {
      if (isClosed) return Promise.reject(new AppError('CANCELLED'));
      const stored = new Promise<unknown>((resolve, reject) => {
        waiting.push({ work, resolve, reject });
      });
      schedule();
      return stored;
    },
    async close() {
      isClosed = true;
      await running;
    },
  };
}

async function commit<O>(
  deps: CommitGroupsDeps<O>,
  group: readonly Waiting<O>[],
  tries = 1,
): Promise<void> {
  let answers: readonly unknown[];
  try {
    answers = await deps.execute(group.map(({ work }) => work));
  } catch (error) {
    const trouble = deps.troubleOf(error);
    if (trouble === 'conflict' && tries < triesMax) return commit(deps, group, tries + 1);
    if (trouble === 'data' && group.length > 1) return commitOneByOne(deps, group);
    return fail(deps, group, { error, trouble });
  }
  for (const [at, { resolve }] of group.entries()) resolve(answers[at]);
}

async function commitOneByOne<O>(
  deps: CommitGroupsDeps<O>,
  group: readonly Waiting<O>[],
): Promise<void> {
  for (const one of group) await commit(deps, [one]);
}

function fail<O>(
  { onFailure }: CommitGroupsDeps<O>,
  group: readonly Waiting<O>[],
  { error, trouble }: { error: unknown; trouble: Trouble },
): void {
  const isOurs = trouble === 'data' || trouble === 'broken';
  for (const { reject } of group) reject(isOurs ? error : postgresError(error));
  if (trouble === 'broken') onFailure(error);
}
