/** The owner's request log: the buyer's rows of each job, put together with who asked for it. */
import { elapsedMs } from '@aitbc/primitives';
import { AppError, type gatewayOwnerEndpoints, type Hex, type OutputOf } from '@aitbc/protocol';
import type { CallRow } from '@aitbc/sdk';
import type { AccessStore } from '../access/access-store.ts';
import type { GatewayStore } from '../store.ts';

/** One job as the log shows it. */
export type LoggedJob = OutputOf<typeof gatewayOwnerEndpoints.job>;

/** Reads jobs. */
export interface JobLog {
  newest(limit: number): readonly LoggedJob[];
  /** Throws JOB_UNKNOWN. */
  job(jobId: Hex): LoggedJob;
}

const partsPerJob = 3; // providers that one job is tried at, at most

/** The log over both stores. */
export function createJobLog(
  store: Pick<GatewayStore, 'newestCalls' | 'find'>,
  access: Pick<AccessStore, 'request'>,
): JobLog {
  const loggedOf = (jobId: Hex, rows: readonly CallRow[]): LoggedJob => {
    const request = access.request(jobId);
    return shownJob(jobId, rows, {
      dialect: request?.dialect ?? null,
      key: request?.key ?? null,
    });
  };
  return {
    newest(limit) {
      const byJob = new Map<Hex, CallRow[]>();
      for (const row of store.newestCalls(limit * partsPerJob)) {
        const rows = byJob.get(row.jobId);
        if (rows) rows.push(row);
        else byJob.set(row.jobId, [row]);
      }
      return [...byJob].slice(0, limit).map(([jobId, rows]) => loggedOf(jobId, rows));
    },
    job(jobId) {
      const rows = store.find(jobId) as readonly CallRow[];
      if (rows.length === 0) throw new AppError('JOB_UNKNOWN', { jobId });
      return loggedOf(jobId, rows);
    },
  };
}

function shownJob(
  jobId: Hex,
  unordered: readonly CallRow[],
  asked: Pick<LoggedJob, 'dialect' | 'key'>,
): LoggedJob {
  const rows = [...unordered].sort((a, b) => a.startedAtMs - b.startedAtMs || a.from - b.from);
  const first = rows[0] as CallRow;
  const last = rows.at(-1) as CallRow;
  const isOpen = ({ status }: CallRow) => status === 'running' || status === 'submitted';
  const sum = (pick: (row: CallRow) => number) => rows.reduce((all, row) => all + pick(row), 0);
  return {
    jobId,
    ...asked,
    atMs: first.startedAtMs,
    model: first.model,
    state: rows.some(isOpen) ? 'running' : 'ended',
    outcome: last.outcome,
    promptTokens: Math.max(...rows.map(({ promptTokens }) => promptTokens)),
    outputTokens: sum(({ outputTokens }) => outputTokens),
    charged: rows.reduce((all, { charged }) => all + charged, 0n).toString(),
    firstTokenMs: first.firstTokenMs,
    durationMs: elapsedMs(first.startedAtMs, last.startedAtMs) + last.durationMs,
    parts: rows.map((row) => ({
      provider: row.provider,
      from: row.from,
      outputTokens: row.outputTokens,
      charged: row.charged.toString(),
      outcome: row.outcome,
      isSettled: row.status === 'settled',
    })),
  };
}
