/** What a group of work is made of; `run-group.ts` does it. */
import type { JobEvent } from '@aitbc/market';
import type { Hex } from '@aitbc/protocol';
import type { Database, Tx } from './database/database.ts';
import type { JobOutput, JobPapers, JobRecord, StoredJob } from './job-rows.ts';

/** A job on its way into the queue. */
export interface NewJob {
  readonly record: JobRecord;
  readonly papers: JobPapers;
}

/** The job of a submission; `isNew` is false when it was there before, perhaps with other terms. */
export interface Enqueued {
  readonly stored: StoredJob;
  readonly isNew: boolean;
}

/** An event of a job. */
export interface Change {
  readonly jobId: Hex;
  readonly event: JobEvent;
  readonly output?: JobOutput;
  /** The job as it was last seen; saves a read. */
  readonly known?: StoredJob | undefined;
  /** The event means nothing when another coordinator has the job in hand. */
  readonly ifOwner?: string;
}

/** A job that was taken from the queue, with what its provider needs. */
export interface LeasedJob {
  readonly stored: StoredJob;
  readonly papers: JobPapers;
}

/** One piece of work of a group. */
export type Work =
  | { readonly type: 'enqueue'; readonly jobs: readonly NewJob[] }
  | { readonly type: 'change'; readonly change: Change }
  | { readonly type: 'lease'; readonly provider: string; readonly limit: number }
  | { readonly type: 'write'; run(tx: Tx, nowMs: number): Promise<unknown> };

/** Who runs the group, and when. */
export interface GroupContext {
  readonly database: Database;
  readonly owner: string;
  readonly nowMs: number;
  /** A number above all before it. */
  nextSeq(): number;
}

/** A job before and after; `before` is undefined for a new one. */
export interface Step {
  readonly before: StoredJob | undefined;
  readonly after: StoredJob;
}

/** Answers by the work they are for. */
export type Answers = Map<Work, unknown>;

/** A group's work, and the answers so far. */
export interface Share {
  readonly works: readonly Work[];
  readonly found: Answers;
}
